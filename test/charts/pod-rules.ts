import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type Manifest, ofKind } from './manifests.ts';

/** What linters of manifests ask of pods. Every one of ours is held to it: those of an installation, and the workers that the operator makes. */

const probe = z.looseObject({ periodSeconds: z.number(), failureThreshold: z.number(), timeoutSeconds: z.number() });
const container = z.looseObject({
  name: z.string(),
  image: z.string(),
  ports: z.array(z.looseObject({ name: z.string(), containerPort: z.number() })),
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
  containers: z.tuple([container]),
  volumes: z.array(z.looseObject({ name: z.string() })),
  topologySpreadConstraints: z.array(z.looseObject({ topologyKey: z.string(), labelSelector: z.unknown() })),
});
const deployment = z.looseObject({
  metadata: z.looseObject({ name: z.string(), namespace: z.string() }),
  spec: z.looseObject({
    replicas: z.number(),
    selector: z.object({ matchLabels: z.record(z.string(), z.string()) }),
    strategy: z.unknown(),
    template: z.looseObject({ metadata: z.looseObject({ labels: z.record(z.string(), z.string()) }), spec: pod }),
  }),
});
const service = z.looseObject({ spec: z.looseObject({ ports: z.array(z.looseObject({ targetPort: z.string() })).min(1) }) });
const networkPolicy = z.looseObject({
  spec: z.looseObject({
    policyTypes: z.array(z.string()),
    ingress: z.array(z.looseObject({ ports: z.array(z.looseObject({ port: z.number() })).min(1) })),
  }),
});

/** Holds the pods of each Deployment among these objects to the rules, and what stands beside it for them. */
export function describePods(all: readonly Manifest[]): void {
  describe.each(ofKind(all, 'Deployment').map((one) => ({ name: one.metadata.name, one })))('pods of $name', ({ name, one }) => {
    const beside = (kind: string, as = name) =>
      ofKind(all, kind).filter(({ metadata }) => metadata.name === as && metadata.namespace === one.metadata.namespace);
    const read = () => {
      const { spec } = deployment.parse(one);
      return { ...spec, labels: spec.template.metadata.labels, pod: spec.template.spec, only: spec.template.spec.containers[0] };
    };

    test('are probed, and say what they need and how much memory they take at most', () => {
      expect(deployment.safeParse(one).error?.issues ?? []).toEqual([]);
    });

    test('are what the Deployment selects, and its account, Service and policy mean', () => {
      const { labels, selector, pod: spec } = read();
      expect(labels).toMatchObject(selector.matchLabels);
      expect(beside('ServiceAccount', spec.serviceAccountName)).toMatchObject([{ automountServiceAccountToken: false }]);
      expect(beside('Service')).toMatchObject([{ spec: { selector: selector.matchLabels } }]);
      expect(beside('NetworkPolicy')).toMatchObject([{ spec: { podSelector: { matchLabels: selector.matchLabels } } }]);
    });

    test('are reached at the ports that they listen on, and at no others', () => {
      const { ports } = read().only;
      const [sends] = beside('Service').map((found) => service.parse(found).spec.ports);
      for (const { targetPort } of sends ?? []) expect(ports.map((port) => port.name)).toContain(targetPort);
      const [admits] = beside('NetworkPolicy').map((found) => networkPolicy.parse(found).spec);
      expect(admits?.policyTypes).toContain('Ingress');
      const open = admits?.ingress.flatMap((rule) => rule.ports.map(({ port }) => port)) ?? [];
      expect(open.toSorted()).toEqual(ports.map(({ containerPort }) => containerPort).toSorted());
    });

    test('run as a user by number, without privileges, on a root that is not written', () => {
      const { pod: spec, only } = read();
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
      expect(read().pod.automountServiceAccountToken).toBe(name === 'trunkline-operator');
    });

    test('run an image that stays the same', () => {
      expect(read().only.image).toMatch(/^trunkline:\d+\.\d+\.\d+$/);
    });

    test('mount what they are given to read, and no file by subPath, which would never change again', () => {
      const { pod: spec, only } = read();
      expect(only.volumeMounts.map((mount) => mount.name)).toEqual(spec.volumes.map((volume) => volume.name));
      for (const { name: volume, readOnly } of only.volumeMounts) expect(readOnly, volume).toBe(!['tmp', 'data'].includes(volume));
    });

    test('are spread over nodes and zones', () => {
      const { pod: spec, selector } = read();
      expect(spec.topologySpreadConstraints).toMatchObject([
        { topologyKey: 'kubernetes.io/hostname', labelSelector: selector },
        { topologyKey: 'topology.kubernetes.io/zone', labelSelector: selector },
      ]);
    });

    test('are replaced by others that serve already, when there are several', () => {
      const { replicas, strategy } = read();
      expect(strategy).toMatchObject(
        replicas === 1 ? { type: 'Recreate' } : { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0 } },
      );
    });

    test('may be evicted one at a time when there are several', () => {
      const { replicas, selector } = read();
      const several = [{ spec: { maxUnavailable: 1, unhealthyPodEvictionPolicy: 'AlwaysAllow', selector } }];
      expect(beside('PodDisruptionBudget')).toMatchObject(replicas === 1 ? [] : several);
    });
  });
}
