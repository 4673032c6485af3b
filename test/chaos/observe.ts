import type { ChaosWorker } from './workers.ts';
import type { World } from './world.ts';

/** What the ledger tells of who does what now. */

export type Dispatching = { readonly worker: ChaosWorker; readonly backendPid: number };

/** Who dispatches; undefined when nobody does or the ledger does not answer. */
export async function dispatching({ database, poolId, workers }: World): Promise<Dispatching | undefined> {
  const { rows } = await database
    .query<{ name: string; backend_pid: number }>(
      'select w.name, d.backend_pid from dispatcher d join worker w on w.id = d.worker_id where d.pool_id = $1',
      [poolId],
    )
    .catch(() => ({ rows: [] }));
  const row = rows[0];
  const worker = workers.find(({ name }) => name === row?.name);
  return row === undefined || worker === undefined ? undefined : { worker, backendPid: row.backend_pid };
}

export async function dispatchingWorker(world: World): Promise<ChaosWorker | undefined> {
  return (await dispatching(world))?.worker;
}
