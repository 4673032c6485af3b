import { k8s } from 'cdk8s-plus-27';
import type { Construct } from 'constructs';

const reading = ['get', 'list', 'watch'];
const writing = ['create', 'update', 'patch', 'delete', 'deletecollection'];

/**
 * Who may see pools and who may declare them. Separate: both are bound where they are wanted, because a pool runs pods, reads Secrets by name and dials.
 * Aggregated: whoever may view or edit a namespace may do it with its pools.
 */
export type PoolRoles = 'Separate' | 'Aggregated';

/**
 * The cluster roles `INSTALLATION-pool-view` and `INSTALLATION-pool-edit`: of two installations in a cluster each has its own, so that who removes the one
 * takes nothing from the people of the other.
 */
export function addPoolRoles(scope: Construct, installation: string, roles: PoolRoles): void {
  const groups = { apiGroups: ['trunkline.dev'] };
  const labels = (to: string) => (roles === 'Aggregated' ? { labels: { [`rbac.authorization.k8s.io/aggregate-to-${to}`]: 'true' } } : {});
  new k8s.KubeClusterRole(scope, 'pool-view', {
    metadata: { name: `${installation}-pool-view`, ...labels('view') },
    rules: [{ ...groups, resources: ['voicecapacitypools', 'voicecapacitypools/status'], verbs: reading }],
  });
  new k8s.KubeClusterRole(scope, 'pool-edit', {
    metadata: { name: `${installation}-pool-edit`, ...labels('edit') },
    rules: [
      { ...groups, resources: ['voicecapacitypools'], verbs: [...reading, ...writing] },
      { ...groups, resources: ['voicecapacitypools/status'], verbs: ['get'] },
    ],
  });
}
