import type { V1ObjectMeta } from '@kubernetes/client-node';
import type { PoolName } from '../../../crds/values.ts';

/** The pool whose children are planned. `uid` is unknown before the object is in a cluster; then nothing owns the children. */
export type PlannedPool = { readonly name: PoolName; readonly namespace: string; readonly uid: string | undefined };

/** Port on which workers answer requests and probes. */
export const workerPort = 8_080;
/** Port on which workers of a pool hand each other events of their calls. */
export const peerPort = 8_081;

/** Every child has the same name; `-vcp` keeps it apart from what the team calls its own objects. */
export const childName = (pool: PlannedPool): string => `${pool.name}-vcp`;

/** What selectors go by. They never change: a Deployment's selector cannot. */
export const selectorOf = (pool: PlannedPool): Record<string, string> => ({
  'app.kubernetes.io/name': 'trunkline-worker',
  'app.kubernetes.io/instance': pool.name,
});

export const labelsOf = (pool: PlannedPool): Record<string, string> => ({
  ...selectorOf(pool),
  'app.kubernetes.io/managed-by': 'trunkline-operator',
  'trunkline.dev/pool': pool.name,
});

/** On the Deployment: which template of pods it was planned with. Another release of the operator may plan another one for the same pool. */
export const templateMark = 'trunkline.dev/template';

/** Owned by the pool, so that the cluster removes it with the pool: there is no finalizer that could hang. */
export function metadataOf(pool: PlannedPool): V1ObjectMeta {
  const owner = { apiVersion: 'trunkline.dev/v1alpha1', kind: 'VoiceCapacityPool', name: pool.name, controller: true };
  return {
    name: childName(pool),
    namespace: pool.namespace,
    labels: labelsOf(pool),
    ...(pool.uid === undefined ? {} : { ownerReferences: [{ ...owner, uid: pool.uid }] }),
  };
}
