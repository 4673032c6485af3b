import { ambiguityHoldMs } from '../../capacity/watching/schedule.ts';
import type { Draw } from './seed.ts';
import { pause, until } from './waiting.ts';
import type { World } from './world.ts';

/**
 * Instants that are set back because a seed has no time to wait: only those after which the product believes the provider's lists, and only when the
 * lists are certain to show everything.
 */

/** Bytes that a wire held are out by then, and the provider's lists are as new as they get. */
const settledAfterMs = 4_000;

/** Whoever is elected after a promotion guards the pool. */
const guardedWithinMs = 10_000;

const settledMs = ({ scenario }: Draw): number => scenario.provider.listLagSeconds * 1_000 + settledAfterMs;

/** Lets the time pass for which a ledger that lost its newest part is guarded at least; the lists that end the guard are still the product's. */
export async function ageGuard({ database, poolId, draw, note, forgotten }: World, signal: AbortSignal): Promise<void> {
  if (forgotten.length === 0) return;
  const look = async () =>
    ((await database.query('select from guard where pool_id = $1', [poolId])).rowCount ?? 0) > 0 ? 'guarded' : undefined;
  if ((await until(look, { ms: guardedWithinMs, everyMs: 50, signal })) === undefined)
    throw new Error('nobody guards the pool whose ledger lost a part');
  await pause(settledMs(draw), signal);
  await database.query(`update guard set raised_at = raised_at - $2 * interval '1 ms' where pool_id = $1`, [poolId, ambiguityHoldMs]);
  note('aged the guard');
}

/**
 * Lets the time pass for creations in doubt. The product waits 45 s before a complete list proves that there is no call; a seed has no 45 s left. What
 * the wait is for is over by now (no byte is on its way any more, no list lags behind), so the instant of the doubt is set back, and the proof itself
 * is still the product's: a complete list. A ledger whose clock was set back has yet to reach the instants that it wrote before: by its own clock, whose
 * doubts they are would wait for as much longer.
 *
 * `quietForMs`: for how long nothing new has been sent.
 */
export async function ageDoubts({ database, poolId, draw, note }: World, quietForMs: number): Promise<void> {
  const settled = settledMs(draw);
  const { rows } = await database.query<{ id: string }>(
    `update attempt set ambiguous_at = least(ambiguous_at, clock_timestamp()) - $3 * interval '1 ms'
     where pool_id = $1 and released_at is null and state = 'sending' and look_ups < 6
       and ambiguous_at > clock_timestamp() - $3 * interval '1 ms'
       and ((look_ups > 0 and sending_at < clock_timestamp() - $2 * interval '1 ms') or ($4 and sending_at > clock_timestamp()))
     returning id`,
    [poolId, settled, ambiguityHoldMs, quietForMs > settled],
  );
  for (const { id } of rows) note(`aged the doubt about attempt ${id}`);
}
