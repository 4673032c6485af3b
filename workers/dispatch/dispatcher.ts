import type pg from 'pg';
import type { Logger } from 'pino';
import type { PoolName } from '../../crds/values.ts';
import { takeSignals } from '../../ledger/dispatch/take-signals.ts';
import type { PoolId } from '../../ledger/policy.ts';
import { dispatcherChannel } from '../../ledger/wake.ts';
import type { WorkerId } from '../../ledger/workers.ts';
import { admitRound, writeReleased } from './admit.ts';
import { type Desk, note } from './desk.ts';
import { openDesk } from './open-desk.ts';
import { openUpkeep, type Upkeep } from './upkeep.ts';
import { openWake } from './wake.ts';

/** Longest sleep: what no NOTIFY announced is found after this. */
const pollMs = 250;

/** Rounds of one step; a step ends at the latest after these, so that releases and beats are never starved. */
const maxRounds = 8;

/**
 * All statements of the dispatcher look up single rows and short ranges, in tables that change too fast for their statistics ever to be right: planned
 * once, on indexes.
 */
const planning = 'set enable_seqscan = off; set jit = off; set plan_cache_mode = force_generic_plan';

export type DispatchOptions = {
  /** The connection that holds the pool's lock: everything is written on it, and when it breaks, dispatching is over. */
  readonly connection: pg.Client;
  readonly poolId: PoolId;
  readonly pool: PoolName;
  readonly workerId: WorkerId;
  readonly epoch: number;
  readonly seq: number;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly random: () => number;
  readonly log: Logger;
};

/**
 * Dispatches a pool until the signal aborts or anything fails. Any failure ends it: a dispatcher that is unsure of its counts must not go on, and its
 * successor counts anew from the tables.
 */
export async function dispatch(options: DispatchOptions, signal: AbortSignal): Promise<void> {
  const { connection } = options;
  const wake = openWake();
  connection.on('notification', wake.ring);
  await connection.query(`${planning}; listen ${dispatcherChannel(options.poolId)}`);
  const desk = await openDesk(options);
  const upkeep = openUpkeep(desk, options);
  options.log.info({ epoch: options.epoch, open: desk.book.size }, 'dispatching');
  let heard: 'rung' | 'slept' = 'rung';
  while (!signal.aborted) {
    await step(desk, upkeep, heard);
    const sleepMs = Math.min(pollMs, desk.nextStepAtMs - desk.clock.now(), upkeep.dueInMs());
    heard = await wake.sleep(sleepMs, signal);
  }
}

async function step(desk: Desk, upkeep: Upkeep, heard: 'rung' | 'slept'): Promise<void> {
  for (const signal of await takeSignals(desk.connection, desk.poolId)) {
    if (signal.attempt !== undefined) note(desk, signal.attempt);
    if (signal.kind === 'overlay') desk.holdsChanged = true;
    desk.learning.observe(signal, desk);
  }
  release(desk);
  if (desk.holdsChanged) await upkeep.regardHolds();
  const nowMs = desk.clock.now();
  desk.statistics.use(
    desk.policy.classes.map(({ name }) => name),
    (name) => desk.book.classSlots(name),
    nowMs,
  );
  desk.nextStepAtMs = Number.POSITIVE_INFINITY;
  for (let round = 0; round < maxRounds; round += 1) {
    if ((await admitRound(desk)) === 'done') break;
  }
  await writeReleased(desk);
  desk.nextStepAtMs = Math.min(desk.nextStepAtMs, nextRelease(desk), desk.learning.nextChangeAtMs(desk.policy, desk.clock.now()));
  await upkeep.doNext(heard);
}

/** Frees the slots whose release lag has passed. */
function release(desk: Desk): void {
  const due = desk.cooling.due(desk.clock.now(), (subscription) => desk.learning.releaseLagMs(subscription));
  for (const id of due.ids) {
    const attempt = desk.book.get(id);
    if (attempt !== undefined) note(desk, { ...attempt, state: 'ended' });
    desk.released.push(id);
  }
}

function nextRelease(desk: Desk): number {
  return desk.cooling.due(desk.clock.now(), (subscription) => desk.learning.releaseLagMs(subscription)).nextMs;
}
