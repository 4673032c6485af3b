import { beginDrainHold, prolongDrainHold } from '../../ledger/drain-hold.ts';
import { ageDoubts } from './age.ts';
import { until } from './waiting.ts';
import type { World } from './world.ts';

/**
 * Ends a seed in order, as `trunkline up` does: no new traffic, nothing new admitted, live calls to their end, workers drained.
 */

/** Lists come every 15 s while webhooks seem to arrive; what a lost one told is found by then. */
const callsEndWithinMs = 20_000;
const holdForMs = 10_000;
const drainWithinMs = 7_000;

export async function finish(world: World, signal: AbortSignal): Promise<void> {
  const { database, poolId, simulator } = world;
  await simulator.stopTraffic();
  const hold = await beginDrainHold(database, poolId, holdForMs);
  const quietSinceMs = performance.now();
  const open = await until(
    async () => {
      if (hold !== undefined) await prolongDrainHold(database, poolId, hold, holdForMs);
      await ageDoubts(world, performance.now() - quietSinceMs);
      const { rows } = await database.query<{ open: number }>(
        'select count(*)::int as open from attempt where pool_id = $1 and released_at is null',
        [poolId],
      );
      return rows[0]?.open === 0 ? 'none' : undefined;
    },
    { ms: callsEndWithinMs, everyMs: 250, signal },
  );
  world.note(open === 'none' ? 'all calls have ended' : `calls have not ended within ${callsEndWithinMs} ms`);
  if (hold !== undefined) await prolongDrainHold(database, poolId, hold, drainWithinMs + holdForMs);
  await Promise.all(world.workers.map((worker) => worker.drain(drainWithinMs)));
}
