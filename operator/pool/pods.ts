import { z } from 'zod';
import { objectKeyOf } from './keys.ts';
import type { ObservedDeployment, ObservedPod } from './observed.ts';
import { poolLabel } from './resources.ts';

/** What is kept of a pod and read of a Deployment: far less than there is, as there are thousands. */

const condition = z.object({ type: z.string(), status: z.string(), reason: z.string().default(''), message: z.string().default('') });

const pod = z.object({
  metadata: z.object({
    name: z.string(),
    namespace: z.string(),
    creationTimestamp: z.string(),
    deletionTimestamp: z.string().optional(),
    labels: z.record(z.string(), z.string()).default({}),
  }),
  status: z
    .object({
      phase: z.string().default(''),
      conditions: z.array(condition).default([]),
      containerStatuses: z
        .array(
          z.object({
            restartCount: z.int().min(0).default(0),
            state: z
              .object({
                waiting: z.object({ reason: z.string().default(''), message: z.string().default('') }).optional(),
                running: z.object({ startedAt: z.string() }).optional(),
              })
              .default({}),
          }),
        )
        .default([]),
    })
    .prefault({}),
});

/** `over`: it runs no more and never will again, such as after an eviction. The cluster has put another one in its place, and keeps it to be looked at. */
export type KeptPod = ObservedPod & { readonly poolKey: string; readonly over: boolean };

/** States that a pod passes through on its way, and that nobody has to mend. */
const passing: readonly string[] = ['', 'ContainerCreating', 'PodInitializing'];
const maxWords = 500;

export function keepPod(object: unknown): KeptPod {
  const { metadata, status } = pod.parse(object);
  const found = (type: string) => status.conditions.find((one) => one.type === type);
  const stuck = status.containerStatuses
    .map(({ state }) => state.waiting)
    .find((waiting) => waiting !== undefined && !passing.includes(waiting.reason));
  const scheduled = found('PodScheduled');
  const [running] = status.containerStatuses.flatMap(({ state }) => state.running ?? []);
  const waiting = stuck ?? (scheduled?.status === 'False' ? scheduled : undefined);
  return {
    name: metadata.name,
    over: status.phase === 'Failed' || status.phase === 'Succeeded',
    poolKey: objectKeyOf(metadata.namespace, metadata.labels[poolLabel] ?? ''),
    ready: found('Ready')?.status === 'True',
    terminating: metadata.deletionTimestamp !== undefined,
    createdMs: Date.parse(metadata.creationTimestamp),
    restarted: status.containerStatuses.some(({ restartCount }) => restartCount > 0),
    runsSinceMs: running === undefined ? undefined : Date.parse(running.startedAt),
    waiting: waiting === undefined ? undefined : { reason: waiting.reason, message: waiting.message.slice(0, maxWords) },
  };
}

const count = z.int().min(0).default(0);
const deployment = z.object({
  metadata: z.object({ generation: z.number().default(0) }),
  spec: z.object({ replicas: count }),
  status: z
    .object({
      observedGeneration: z.number().default(0),
      replicas: count,
      readyReplicas: count,
      updatedReplicas: count,
      conditions: z.array(condition).default([]),
    })
    .prefault({}),
});

export function readDeployment(object: unknown): ObservedDeployment {
  const { metadata, spec, status } = deployment.parse(object);
  const failure = status.conditions.find(({ type, status: holds }) => type === 'ReplicaFailure' && holds === 'True');
  return {
    wanted: spec.replicas,
    replicas: status.replicas,
    ready: status.readyReplicas,
    // Before the cluster has looked at a change, its counts are those of before.
    updated: status.observedGeneration < metadata.generation ? 0 : status.updatedReplicas,
    failure: failure?.message.slice(0, maxWords),
  };
}
