import { ApiObject } from 'cdk8s';
import type { Construct } from 'constructs';
import { prefixesOf } from './image.ts';

export type WorkerImages = {
  /** Whose installation it is: two may share a cluster, each with its own namespaces. */
  readonly installation: string;
  readonly namespaces: readonly string[] | undefined;
  readonly allowed: readonly string[];
};

/**
 * A pool says which image its workers run, and workers read the pool's secrets. The API server itself refuses what is not allowed, by an expression and not by
 * a webhook, which could be away.
 */
export function restrictWorkerImages(scope: Construct, { installation, namespaces, allowed }: WorkerImages): void {
  const metadata = { name: `worker-images.${installation}.trunkline.dev` };
  const prefixes = allowed.flatMap(prefixesOf);
  const image = 'object.spec.workers.image';
  const given = `has(object.spec.workers) && has(${image})`;
  const fits = `[${prefixes.map((prefix) => `'${prefix}'`).join(', ')}].exists(prefix, ${image}.startsWith(prefix))`;
  new ApiObject(scope, 'worker-images', {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicy',
    metadata,
    spec: {
      failurePolicy: 'Fail',
      matchConstraints: {
        resourceRules: [
          {
            apiGroups: ['trunkline.dev'],
            apiVersions: ['*'],
            operations: ['CREATE', 'UPDATE'],
            resources: ['voicecapacitypools'],
            scope: 'Namespaced',
          },
        ],
      },
      validations: [
        {
          expression: `!(${given}) || ${fits}`,
          messageExpression: `'spec.workers.image: ' + ${image} + ' is not allowed here; it begins with one of ${prefixes.join(', ')}'`,
          reason: 'Forbidden',
        },
      ],
    },
  });
  new ApiObject(scope, 'worker-images-binding', {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicyBinding',
    metadata,
    spec: {
      policyName: metadata.name,
      validationActions: ['Deny'],
      ...(namespaces === undefined ? {} : { matchResources: { namespaceSelector: namedOneOf(namespaces) } }),
    },
  });
}

function namedOneOf(namespaces: readonly string[]) {
  return { matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'In', values: [...namespaces] }] };
}
