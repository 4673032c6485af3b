import { z } from 'zod';
import { poolStatus } from '../../crds/status.ts';
import type { Cluster } from './cluster.ts';

/** What the cluster has, as far as a run looks at it. */

export const trialNamespace = 'trunkline-trial';
export const systemNamespace = 'trunkline-system';
export const poolName = 'trial';
const workers = ['-n', trialNamespace, '-l', 'app.kubernetes.io/name=trunkline-worker'] as const;

const container = z.object({
  restartCount: z.number(),
  ready: z.boolean(),
  state: z.object({ waiting: z.object({ reason: z.string().optional(), message: z.string().optional() }).optional() }).optional(),
});
const pod = z.object({
  metadata: z.object({
    name: z.string(),
    namespace: z.string(),
    uid: z.string(),
    creationTimestamp: z.string(),
    deletionTimestamp: z.string().optional(),
  }),
  spec: z.object({ nodeName: z.string().optional() }),
  status: z.object({ phase: z.string().optional(), containerStatuses: z.array(container).default([]) }),
});
const pods = z.object({ items: z.array(pod) });
export type Pod = z.infer<typeof pod>;

export const isReady = ({ metadata, status }: Pod): boolean =>
  metadata.deletionTimestamp === undefined && status.containerStatuses.length > 0 && status.containerStatuses.every(({ ready }) => ready);

export async function workerPods({ kubectl }: Cluster): Promise<readonly Pod[]> {
  return pods.parse(JSON.parse(await kubectl(['get', 'pods', ...workers, '-o', 'json']))).items;
}

export async function podsIn({ kubectl }: Cluster, namespace: string): Promise<readonly Pod[]> {
  return pods.parse(JSON.parse(await kubectl(['get', 'pods', '-n', namespace, '-o', 'json']))).items;
}

/** Pods whose containers do not start, and why: what a run that waits in vain should say. */
export function stuck(seen: readonly Pod[]): readonly string[] {
  return seen.flatMap(({ metadata, status }) =>
    status.containerStatuses.flatMap(({ state }) =>
      state?.waiting?.reason === undefined || state.waiting.reason === 'ContainerCreating'
        ? []
        : [`${metadata.name}: ${state.waiting.reason}`],
    ),
  );
}

const vcp = z.object({ metadata: z.object({ generation: z.number() }), status: poolStatus.optional() });
export type SeenPool = z.infer<typeof vcp>;

export async function readPool({ kubectl }: Cluster): Promise<SeenPool> {
  return vcp.parse(JSON.parse(await kubectl(['get', 'vcp', poolName, '-n', trialNamespace, '-o', 'json'])));
}

/** A condition of the pool, of its newest declaration. */
export function conditionOf({ metadata, status }: SeenPool, type: string) {
  return status?.conditions?.find((one) => one.type === type && one.observedGeneration === metadata.generation);
}

/** Pods of the Deployment as wanted and as they are, of its newest template. */
const deployment = z.object({
  metadata: z.object({ generation: z.number() }),
  spec: z.object({ replicas: z.number() }),
  status: z.object({
    observedGeneration: z.number().default(0),
    replicas: z.number().default(0),
    updatedReplicas: z.number().default(0),
    readyReplicas: z.number().default(0),
  }),
});

export async function readFleet({ kubectl }: Cluster) {
  return deployment.parse(JSON.parse(await kubectl(['get', 'deployment', `${poolName}-vcp`, '-n', trialNamespace, '-o', 'json'])));
}

const disruptionBudget = ['poddisruptionbudget', '-n', trialNamespace, '-l', `trunkline.dev/pool=${poolName}`] as const;

export async function hasDisruptionBudget({ kubectl }: Cluster): Promise<boolean> {
  return (await kubectl(['get', ...disruptionBudget, '-o', 'name'])).trim() !== '';
}

export async function deleteDisruptionBudget({ kubectl }: Cluster): Promise<void> {
  await kubectl(['delete', ...disruptionBudget, '--timeout=30s']);
}

const lease = z.object({ spec: z.object({ holderIdentity: z.string().default('') }) });

/** Who leads: the operator's pod, and behind an underscore what tells its processes apart. */
export async function readLeader({ kubectl }: Cluster): Promise<string> {
  const said = await kubectl(['get', 'lease', 'trunkline-operator', '-n', systemNamespace, '-o', 'json']);
  return lease.parse(JSON.parse(said)).spec.holderIdentity;
}
