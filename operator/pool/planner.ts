import { poolKeyOf, poolName } from '../../crds/values.ts';
import type { Planner } from './controller.ts';
import { planChildren } from './plan/children.ts';
import { planStatus } from './status/status.ts';

/** Plans for pools of one cluster, whose uid their keys in the ledger begin with; `workerImage` runs where a pool names none. */
export function plannerOf(workerImage: string): (cluster: string) => Planner {
  return (cluster) => ({
    planStatus,
    planChildren: ({ pool: { namespace, uid, ...pool }, spec, replicas, keys }) => {
      const name = poolName.parse(pool.name);
      const children = planChildren({
        pool: { name, namespace, uid },
        spec,
        poolKey: poolKeyOf(cluster, namespace, name),
        image: spec.workers.image ?? workerImage,
        replicas,
        keys,
      });
      return children.map((child) => ({ ...child }));
    },
  });
}
