import { Worker } from 'node:worker_threads';
import { poolManifest } from '../../crds/pool.ts';
import { writePolicy } from '../../ledger/policy.ts';
import { ordinary, shapedPool } from '../shapes.ts';
import { enqueue, type Ground } from '../stage.ts';

const waiting = 200;

export type Neighbour = { readonly name: string; readonly poolId: number };

/** Other pools of the same ledger, on hold, each with a queue. */
export async function settleNeighbours({ database }: Ground, count: number): Promise<readonly Neighbour[]> {
  const neighbours: Neighbour[] = [];
  for (let index = 0; index < count; index += 1) {
    const manifest = neighbourPool(`neighbour-${index + 1}`);
    const { poolId } = await writePolicy(database, manifest.metadata.name, manifest.spec);
    await enqueue(database, poolId, 'campaign', waiting);
    neighbours.push({ name: manifest.metadata.name, poolId });
  }
  return neighbours;
}

/** Gives each a dispatcher that beats and looks; all dispatchers share a thread, which ends with `resources`. */
export async function wakeNeighbours({ url }: Ground, neighbours: readonly Neighbour[], resources: AsyncDisposableStack): Promise<void> {
  if (neighbours.length === 0) return;
  const thread = new Worker(new URL('neighbours-thread.ts', import.meta.url), { workerData: { ledgerUrl: url, pools: neighbours } });
  const gone = new Promise<void>((resolve) => thread.once('exit', () => resolve()));
  resources.defer(async () => {
    thread.postMessage('stop');
    await gone;
  });
  await new Promise<void>((resolve, reject) => {
    thread.once('message', () => resolve());
    thread.once('error', reject);
  });
}

function neighbourPool(name: string) {
  const manifest = shapedPool({ ...ordinary, slots: 20 });
  return poolManifest.parse({ ...manifest, metadata: { name }, spec: { ...manifest.spec, mode: 'Hold' } });
}
