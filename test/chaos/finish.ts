import { ambiguityHoldMs } from '../../capacity/watching/schedule.ts';
import { beginDrainHold, prolongDrainHold } from '../../ledger/drain-hold.ts';
import { until } from './waiting.ts';
import type { World } from './world.ts';

/**
 * Ends a seed in order, as `trunkline up` does: no new traffic, nothing new admitted, live calls to their end, workers drained.
 */

/** Lists come every 15 s while webhooks seem to arrive; what a lost one told is found by then. */
const callsEndWithinMs = 20_000;
const holdForMs = 10_000;
const drainWithinMs = 7_000;

/** Bytes that a wire held are out by then, and the provider's lists are as new as they get. */
const settledAfterMs = 4_000;

export async function finish(world: World, signal: AbortSignal): Promise<void> {
  const { database, poolId, simulator } = world;
  await simulator.stopTraffic();
  const hold = await beginDrainHold(database, poolId, holdForMs);
  const open = await until(
    async () => {
      if (hold !== undefined) await prolongDrainHold(database, poolId, hold, holdForMs);
      await ageDoubts(world);
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

/**
 * Lets the time pass for creations in doubt. The product waits 45 s before a complete list proves that there is no call; a seed has no 45 s left. What
 * the wait is for is over by now (no byte is on its way any more, no list lags behind), so the instant of the doubt is set back, and the proof itself
 * is still the product's: a complete list.
 */
async function ageDoubts({ database, poolId, draw, note }: World): Promise<void> {
  const settledMs = draw.scenario.provider.listLagSeconds * 1_000 + settledAfterMs;
  const { rows } = await database.query<{ id: string }>(
    `update attempt set ambiguous_at = ambiguous_at - $3 * interval '1 ms'
     where pool_id = $1 and released_at is null and state = 'sending' and look_ups > 0 and look_ups < 6
       and sending_at < clock_timestamp() - $2 * interval '1 ms' and ambiguous_at > clock_timestamp() - $3 * interval '1 ms'
     returning id`,
    [poolId, settledMs, ambiguityHoldMs],
  );
  for (const { id } of rows) note(`aged the doubt about attempt ${id}`);
}
