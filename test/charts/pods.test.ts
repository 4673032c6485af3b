import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { ofKind, synthesised } from './manifests.ts';

/** What linters of manifests ask of pods, of each of ours. */

const probe = z.looseObject({ periodSeconds: z.number(), failureThreshold: z.number(), timeoutSeconds: z.number() });
const container = z.looseObject({
  name: z.string(),
  image: z.string(),
  resources: z.object({
    requests: z.object({ cpu: z.string(), memory: z.string() }),
    limits: z.object({ memory: z.string(), cpu: z.string().optional() }),
  }),
  startupProbe: probe,
  readinessProbe: probe,
  livenessProbe: probe,
  securityContext: z.unknown(),
  volumeMounts: z.array(
    z.object({ name: z.string(), mountPath: z.string(), readOnly: z.boolean().default(false), subPath: z.never().optional() }),
  ),
});
const pod = z.looseObject({
  serviceAccountName: z.string(),
  automountServiceAccountToken: z.boolean(),
  securityContext: z.unknown(),
  containers: z.array(container),
  volumes: z.array(z.looseObject({ name: z.string() })),
  topologySpreadConstraints: z.array(z.looseObject({ topologyKey: z.string() })),
});
const deployment = z.looseObject({
  metadata: z.looseObject({ name: z.string(), namespace: z.string() }),
  spec: z.looseObject({
    replicas: z.number(),
    selector: z.object({ matchLabels: z.record(z.string(), z.string()) }),
    template: z.looseObject({ metadata: z.looseObject({ labels: z.record(z.string(), z.string()) }), spec: pod }),
  }),
});

const all = synthesised();
const deployments = ofKind(all, 'Deployment').map((one) => deployment.parse(one));
const named = (kind: string, name: string, namespace: string) =>
  ofKind(all, kind).filter(({ metadata }) => metadata.name === name && metadata.namespace === namespace);

test('there are three', () => {
  expect(deployments.map(({ metadata }) => metadata.name)).toEqual(['trunkline-operator', 'trunkline-ledger', 'trunkline-simulator']);
});

describe.each(deployments.map((one) => ({ name: one.metadata.name, ...one })))(
  'pods of $name',
  ({ name, metadata, spec: { selector, template, replicas } }) => {
    const { spec } = template;
    const [only] = spec.containers;
    if (only === undefined) throw new Error('a pod without containers');

    test('are what the Deployment selects, and its account, Service and policy mean', () => {
      expect(template.metadata.labels).toMatchObject(selector.matchLabels);
      expect(named('ServiceAccount', spec.serviceAccountName, metadata.namespace)).toMatchObject([{ automountServiceAccountToken: false }]);
      expect(named('Service', name, metadata.namespace)).toMatchObject([{ spec: { selector: selector.matchLabels } }]);
      expect(named('NetworkPolicy', name, metadata.namespace)).toMatchObject([
        { spec: { podSelector: { matchLabels: selector.matchLabels } } },
      ]);
    });

    test('run as a user by number, without privileges, on a root that is not written', () => {
      expect(spec.securityContext).toMatchObject({
        runAsNonRoot: true,
        runAsUser: 1000,
        runAsGroup: 1000,
        seccompProfile: { type: 'RuntimeDefault' },
      });
      expect(only.securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
      expect(only.volumeMounts).toContainEqual({ name: 'tmp', mountPath: '/tmp', readOnly: false });
    });

    test('carry a token for the cluster only if they speak to it', () => {
      expect(spec.automountServiceAccountToken).toBe(name === 'trunkline-operator');
    });

    test('run an image that stays the same', () => {
      expect(only.image).toMatch(/^trunkline:\d+\.\d+\.\d+$/);
    });

    test('mount what they are given to read, and no file by subPath, which would never change again', () => {
      const mounts = only.volumeMounts.map((mount) => mount.name);
      expect(mounts).toEqual(spec.volumes.map((volume) => volume.name));
      for (const { name: volume, readOnly } of only.volumeMounts) expect(readOnly, volume).toBe(!['tmp', 'data'].includes(volume));
    });

    test('are spread over nodes and zones', () => {
      expect(spec.topologySpreadConstraints.map(({ topologyKey }) => topologyKey)).toEqual([
        'kubernetes.io/hostname',
        'topology.kubernetes.io/zone',
      ]);
    });

    test('may be evicted one at a time when there are several', () => {
      const budgets = named('PodDisruptionBudget', name, metadata.namespace);
      if (replicas === 1) expect(budgets).toEqual([]);
      else expect(budgets).toMatchObject([{ spec: { maxUnavailable: 1, unhealthyPodEvictionPolicy: 'AlwaysAllow', selector } }]);
    });
  },
);
