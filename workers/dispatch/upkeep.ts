import { discoverLanes, type Lane } from '../../ledger/dispatch/fetch-waiting.ts';
import { takeBack } from '../../ledger/dispatch/take-back.ts';
import { bite, cancelRemovedClasses, expireSessions, foldQueueDepth, promoteDue, untilNextDue } from '../../ledger/dispatch/upkeep.ts';
import { beat, beatEveryMs } from '../../ledger/election.ts';
import { liftGuard, readGuard } from '../../ledger/guard.ts';
import { readHolds } from '../../ledger/holds.ts';
import { writeLimiters } from '../../ledger/limiters.ts';
import { readPolicy } from '../../ledger/policy.ts';
import { buryDeadWorkers, servingWorkers } from '../../ledger/workers.ts';
import { clockStepped, type Desk, guardedBy } from './desk.ts';
import type { DispatchOptions } from './dispatcher.ts';
import { policyOf, readClock } from './open-desk.ts';
import { viewOf } from './view-of.ts';

/** Policy, holds, workers, expiry: seen within a second. */
const glanceEveryMs = 500;

/** A first session with a new pin opens a lane that nobody knows; it is looked for this often while wake-ups come, and at once after a pause. */
const lanesEveryMs = 100;

export type Upkeep = {
  /** Sees what is held now, and takes back what must not be sent any more. */
  regardHolds(): Promise<void>;
  /** Does the chore that is most overdue, if any is: one and no more, so that whoever rings meanwhile waits for one statement. */
  doNext(heard: 'rung' | 'slept'): Promise<void>;
  dueInMs(): number;
};

type Chore = { readonly everyMs: number; dueAtMs: number; readonly run: () => Promise<unknown> };

/** Regular work beside admission, each at its own pace, on the dispatcher's own connection. */
export function openUpkeep(desk: Desk, options: DispatchOptions): Upkeep {
  const { connection, poolId } = desk;
  const chore = (everyMs: number, run: () => Promise<unknown>): Chore => ({ everyMs, dueAtMs: 0, run });

  async function regardHolds(): Promise<void> {
    desk.holdsChanged = false;
    desk.holds = await readHolds(connection, poolId);
    await regardGuard(desk);
    const stopped = desk.holds.pool || desk.guard !== undefined || desk.policy.mode !== 'Active';
    await takeBack(connection, poolId, { pool: stopped, classes: [...desk.holds.classes] });
  }

  async function publish(): Promise<void> {
    const learned = desk.learning.takeChanged();
    if (learned.size > 0) await writeLimiters(connection, poolId, learned);
    await beat(connection, poolId, desk.epoch, viewOf(desk));
  }

  async function lookForDue(): Promise<void> {
    const dueInMs = await untilNextDue(connection, poolId);
    promotion.dueAtMs = dueInMs === undefined ? Number.POSITIVE_INFINITY : options.now() + dueInMs;
  }

  async function lookForLanes(): Promise<void> {
    const known = new Set(desk.pinnedLanes.map(keyOf));
    desk.pinnedLanes = (await discoverLanes(connection, poolId)).filter(({ project }) => project !== '');
    if (!desk.pinnedLanes.every((lane) => known.has(keyOf(lane)))) desk.nextStepAtMs = 0;
  }

  const promotion = chore(Number.POSITIVE_INFINITY, async () => {
    if ((await promoteDue(connection, poolId)) > 0) desk.nextStepAtMs = 0;
    await lookForDue();
  });
  const lanes = chore(lanesEveryMs, lookForLanes);
  // A whole campaign may expire at one instant: as long as bites are full, the next one follows as soon as others had their turn.
  const expiry = chore(glanceEveryMs, async () => {
    if ((await expireSessions(connection, poolId, desk.withResults)) >= bite) expiry.dueAtMs = options.now();
  });
  const chores: readonly Chore[] = [
    chore(beatEveryMs, publish),
    chore(glanceEveryMs, regardHolds),
    chore(glanceEveryMs, async () => {
      desk.workers = await servingWorkers(connection, poolId);
    }),
    chore(glanceEveryMs, () => refreshPolicy(desk, options)),
    chore(glanceEveryMs, async () => {
      if ((await readClock(connection, desk.clock, options.now)) === 'stepped') clockStepped(desk);
    }),
    chore(glanceEveryMs, () => buryDeadWorkers(connection, poolId)),
    expiry,
    chore(glanceEveryMs, async () => {
      desk.queued = await foldQueueDepth(connection, poolId);
      await endRemovedClasses(desk);
    }),
    chore(glanceEveryMs, lookForDue),
    promotion,
  ];

  return {
    regardHolds,
    async doNext(heard) {
      const nowMs = options.now();
      let next: Chore | undefined;
      for (const one of heard === 'rung' ? [...chores, lanes] : chores) {
        if (one.dueAtMs <= nowMs && (next === undefined || one.dueAtMs < next.dueAtMs)) next = one;
      }
      if (next === undefined) return;
      next.dueAtMs = nowMs + next.everyMs;
      await next.run();
    },
    dueInMs: () => Math.max(0, Math.min(...chores.map((one) => one.dueAtMs)) - options.now()),
  };
}

/** A guard is over when the calls of every project have been listed since it was raised. */
async function regardGuard(desk: Desk): Promise<void> {
  const known = desk.guard?.id;
  desk.guard = await readGuard(desk.connection, desk.poolId);
  if (desk.guard === undefined) return;
  const { reason, unlisted } = guardedBy(desk, desk.guard);
  if (desk.guard.id !== known)
    desk.log.error({ reason, unlisted }, 'the ledger lost its newest part: nothing is admitted until calls are listed');
  if (unlisted.length > 0) return;
  await liftGuard(desk.connection, desk.poolId, desk.guard.id);
  desk.log.warn({ reason }, 'the calls of every project have been listed: admitting again');
  desk.guard = undefined;
  desk.nextStepAtMs = 0;
}

const keyOf = ({ class: name, project }: Lane) => `${name}/${project}`;

/** The newest policy that this release can read; an unreadable one is kept out and said once a glance, the last one stays in force. */
async function refreshPolicy(desk: Desk, options: DispatchOptions): Promise<void> {
  const stored = await readPolicy(desk.connection, options.pool);
  if (stored === undefined || stored.version === desk.policyVersion) return;
  desk.policy = policyOf(options.pool, stored.spec);
  desk.policyVersion = stored.version;
  desk.withResults = stored.spec.results !== undefined;
  desk.plan = undefined;
  desk.log.info({ version: stored.version }, 'policy in force');
}

/** Ends what is queued of classes that the policy no longer has: at once, and later what comes back to the queue from a call. */
async function endRemovedClasses(desk: Desk): Promise<void> {
  const classes = desk.policy.classes.map(({ name }) => name);
  const declared = new Set<string>(classes);
  if ([...desk.queued].every(([name, depth]) => depth <= 0 || declared.has(name))) return;
  await cancelRemovedClasses(desk.connection, desk.poolId, desk.withResults, classes);
}
