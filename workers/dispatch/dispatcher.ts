import type pg from 'pg';
import type { Logger } from 'pino';
import type { PoolKey } from '../../crds/values.ts';
import { signalBatch, takeSignals } from '../../ledger/dispatch/take-signals.ts';
import type { PoolId } from '../../ledger/policy.ts';
import { dispatcherChannel } from '../../ledger/wake.ts';
import type { WorkerId } from '../../ledger/workers.ts';
import { admitRound, lookAhead, writeReleased } from './admit.ts';
import { type Desk, endedByNow, note } from './desk.ts';
import type { Looked } from './heads.ts';
import { openDesk } from './open-desk.ts';
import { openUpkeep, type Upkeep } from './upkeep.ts';
import { openWake } from './wake.ts';

/**
 * The queue is looked at this often although nothing says that anything changed. What no NOTIFY announced is found earlier, by the glance of the upkeep:
 * signals, and sessions that came or went.
 */
const lookEveryMs = 2_000;

/** Nobody rings for the answer to a creation, but it may close a breaker or free a probe: while one is to come, signals are taken this often. */
const answersEveryMs = 100;

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
  readonly pool: PoolKey;
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
    if (heard === 'rung' || desk.nextStepAtMs <= desk.clock.now()) await step(desk, upkeep);
    await upkeep.doNext(heard);
    const sleepMs = Math.min(desk.nextStepAtMs - desk.clock.now(), upkeep.dueInMs());
    heard = await wake.sleep(sleepMs, signal);
  }
}

async function step(desk: Desk, upkeep: Upkeep): Promise<void> {
  // On the way together: the heads are read after the signals are taken, and so are no older than what the signals tell.
  const [signals, ahead] = await Promise.all([takeSignals(desk.connection, desk.poolId), isIdle(desk) ? undefined : lookAhead(desk)]);
  for (const taken of signals) {
    const { attempt } = taken;
    const signal = attempt === undefined ? taken : { ...taken, attempt: endedByNow(attempt, desk.clock.now()) };
    if (signal.attempt !== undefined) {
      desk.statistics.changed(desk.book.get(signal.attempt.id), signal.attempt, desk.clock.now());
      note(desk, signal.attempt);
    }
    if (signal.kind === 'overlay') desk.holdsChanged = true;
    desk.learning.observe(signal, desk);
  }
  release(desk);
  // After standing still (SIGSTOP, a slow disk) a policy may be over by which all of the queue would start.
  desk.nextStepAtMs = Number.POSITIVE_INFINITY;
  const changed = desk.holdsChanged || upkeep.isStale();
  if (changed) await upkeep.glance();
  const nowMs = desk.clock.now();
  desk.statistics.use(
    desk.policy.classes.map(({ name }) => name),
    (name) => desk.book.classSlots(name),
    nowMs,
  );
  if (!isIdle(desk)) await admit(desk, upkeep, changed ? undefined : ahead);
  await writeReleased(desk);
  if (signals.length === signalBatch) desk.nextStepAtMs = 0;
  desk.nextStepAtMs = Math.min(
    desk.nextStepAtMs,
    nextRelease(desk),
    desk.learning.nextChangeAtMs(desk.policy, desk.clock.now()),
    desk.nextLookAtMs,
    desk.unsent.hasDials() ? nowMs + answersEveryMs : Number.POSITIVE_INFINITY,
  );
}

/** Admits what may be admitted now. `ahead`: the heads of the queue, if they were looked at already. */
async function admit(desk: Desk, upkeep: Upkeep, ahead: readonly Looked[] | undefined): Promise<void> {
  desk.nextLookAtMs = desk.clock.now() + lookEveryMs;
  if ((await admitRound(desk, ahead)) === 'done') return;
  for (let round = 1; round < maxRounds && !upkeep.isStale(); round += 1) {
    if ((await admitRound(desk)) === 'done') return;
  }
  desk.nextStepAtMs = 0;
}

/** Nothing of the queue may start, nobody waits at the provider, and it is not time for a look all the same. */
function isIdle({ arrivals, holds, guard, policy, nextLookAtMs, clock }: Desk): boolean {
  const stopped = holds.pool || guard !== undefined || policy.mode === 'Hold';
  return stopped && arrivals.size === 0 && clock.now() < nextLookAtMs;
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
