import type { Holds } from '../../capacity/admission/snapshot.ts';
import { discoverLanes, type Lane } from '../../ledger/dispatch/fetch-waiting.ts';
import { glance } from '../../ledger/dispatch/glance.ts';
import { takeBack } from '../../ledger/dispatch/take-back.ts';
import { bite, cancelRemovedClasses, expireSessions, foldQueueDepth, promoteDue, untilNextDue } from '../../ledger/dispatch/upkeep.ts';
import { beat, beatEveryMs } from '../../ledger/election.ts';
import { liftGuard, readGuard } from '../../ledger/guard.ts';
import { writeLimiters } from '../../ledger/limiters.ts';
import { readPolicy } from '../../ledger/policy.ts';
import { buryDeadWorkers, sendingForgottenAfterMs } from '../../ledger/workers.ts';
import { clockStepped, type Desk, guardedBy, lookAgain, usePolicy } from './desk.ts';
import type { DispatchOptions } from './dispatcher.ts';
import { policyOf, readLineage } from './open-desk.ts';
import { viewOf } from './view-of.ts';

/** Policy, holds, workers, expiry, and whatever came without a NOTIFY: seen within a second. */
const glanceEveryMs = 500;

/** What was seen longer ago is seen anew before anybody is admitted by it. */
const staleAfterMs = 1_000;

/** A first session with a new pin opens a lane that nobody knows; it is looked for this often while wake-ups come, at once after a pause. */
const lanesEveryMs = 100;

/** And this often when nothing says that there is one. */
const lanesAtLeastEveryMs = 2_000;

/**
 * What must not be sent any more, and who died, is asked for by the ids that are remembered here. This often all open attempts are gone through, in case
 * something is open that nobody remembers.
 */
const auditEveryMs = 30_000;

/** What is due and held by somebody else is tried again after this. */
const heldAgainMs = 50;

export type Upkeep = {
  /** Sees what is declared and held now, and takes back what must not be sent any more. */
  glance(): Promise<void>;
  /** Whether what is declared and held was seen so long ago that it may be another thing by now: the process stood still. */
  isStale(): boolean;
  /** Does the chore that is most overdue, if any is: one and no more, so that whoever rings meanwhile waits for one statement. */
  doNext(heard: 'rung' | 'slept'): Promise<void>;
  dueInMs(): number;
};

type Chore = { readonly everyMs: number; dueAtMs: number; readonly run: () => Promise<unknown> };

/**
 * Regular work beside admission, each at its own pace, on the dispatcher's own connection. A pool with nothing to do costs what is done twice a second
 * whatever happens: a beat, and one glance that says what else there is to do.
 */
export function openUpkeep(desk: Desk, options: DispatchOptions): Upkeep {
  const { connection, poolId } = desk;
  const { now } = options;
  const chore = (everyMs: number, dueAtMs: number, run: () => Promise<unknown>): Chore => ({ everyMs, dueAtMs, run });
  /** What is only done when there is something to do. */
  const errand = (run: () => Promise<unknown>) => chore(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, run);
  const soon = (one: Chore, atMs: number) => {
    one.dueAtMs = Math.min(one.dueAtMs, atMs);
  };
  let lanesSeenAtMs = now();
  let lookedAtMs = now();

  async function publish(): Promise<void> {
    const learned = desk.learning.takeChanged();
    if (learned.size > 0) await writeLimiters(connection, poolId, learned);
    await beat(connection, poolId, desk.epoch, viewOf(desk));
  }

  async function look(): Promise<void> {
    desk.holdsChanged = false;
    lookedAtMs = now();
    const seen = await glance(connection, poolId, desk.queued.size, now);
    if (desk.clock.set(seen.clock) === 'stepped') clockStepped(desk);
    if (seen.policyVersion !== desk.policySeen) await refreshPolicy(desk, options);
    if (!sameHolds(seen.holds, desk.holds)) lookAgain(desk);
    desk.holds = seen.holds;
    if (seen.guarded || desk.guard !== undefined) await regardGuard(desk);
    if (desk.workers.length === 0 && seen.workers.length > 0) desk.nextStepAtMs = 0;
    desk.workers = seen.workers;
    if (seen.signalled || seen.queueChanged) desk.nextStepAtMs = 0;
    if (seen.queueChanged) {
      soon(depth, now());
      soon(lanes, lanesSeenAtMs + lanesEveryMs);
    }
    if (seen.expired) soon(expiry, now());
    promotion.dueAtMs = seen.nextDueInMs === undefined ? Number.POSITIVE_INFINITY : now() + Math.max(0, seen.nextDueInMs);
    await takeBackUnsent(desk);
    const toLookUp = desk.unsent.toLookUp(desk.clock.now() - sendingForgottenAfterMs, desk.workers);
    if (seen.silentWorker || toLookUp.length > 0) await buryDeadWorkers(connection, poolId, toLookUp);
    await endRemovedClasses(desk);
  }

  async function lookForLanes(): Promise<void> {
    lanesSeenAtMs = now();
    const known = new Set(desk.pinnedLanes.map(keyOf));
    desk.pinnedLanes = (await discoverLanes(connection, poolId)).filter(({ project }) => project !== '');
    if (!desk.pinnedLanes.every((lane) => known.has(keyOf(lane)))) desk.nextStepAtMs = 0;
  }

  const promotion = errand(async () => {
    const moved = await promoteDue(connection, poolId);
    if (moved > 0) desk.nextStepAtMs = 0;
    const dueInMs = await untilNextDue(connection, poolId);
    // From now on, however long it has been due: the beat and the glance have their turn between bites. What somebody holds is tried again a little later.
    if (dueInMs !== undefined) promotion.dueAtMs = now() + Math.max(moved > 0 ? 0 : heldAgainMs, dueInMs);
  });
  // A whole campaign may expire at one instant: as long as bites are full, the next one follows as soon as others had their turn.
  const expiry = errand(async () => {
    if ((await expireSessions(connection, poolId, desk.withResults)) >= bite) expiry.dueAtMs = now();
  });
  const depth = errand(async () => {
    desk.queued = await foldQueueDepth(connection, poolId);
    await endRemovedClasses(desk);
  });
  const lanes = chore(lanesAtLeastEveryMs, now() + lanesAtLeastEveryMs, lookForLanes);
  const audit = chore(auditEveryMs, now() + auditEveryMs, async () => {
    if ((await takeBack(connection, poolId, heldBy(desk), 'all')).length > 0) desk.nextStepAtMs = 0;
    await buryDeadWorkers(connection, poolId, 'all');
  });
  const chores: readonly Chore[] = [chore(beatEveryMs, 0, publish), chore(glanceEveryMs, 0, look), depth, expiry, promotion, lanes, audit];

  return {
    glance: look,
    isStale: () => now() - lookedAtMs > staleAfterMs,
    async doNext(heard) {
      if (heard === 'rung') soon(lanes, lanesSeenAtMs + lanesEveryMs);
      const nowMs = now();
      let next: Chore | undefined;
      for (const one of chores) {
        if (one.dueAtMs <= nowMs && (next === undefined || one.dueAtMs < next.dueAtMs)) next = one;
      }
      if (next === undefined) return;
      next.dueAtMs = nowMs + next.everyMs;
      await next.run();
    },
    dueInMs: () => Math.max(0, Math.min(...chores.map((one) => one.dueAtMs)) - now()),
  };
}

/** Whose admissions must not be sent any more, although their time is not over. */
function heldBy({ holds, guard, policy }: Desk): { readonly pool: boolean; readonly classes: readonly string[] } {
  return { pool: holds.pool || guard !== undefined || policy.mode !== 'Active', classes: [...holds.classes] };
}

async function takeBackUnsent(desk: Desk): Promise<void> {
  const held = heldBy(desk);
  const ids = desk.unsent.toTakeBack(desk.clock.now(), ({ class: name }) => held.pool || (name !== null && held.classes.includes(name)));
  if (ids.length === 0) return;
  const taken = await takeBack(desk.connection, desk.poolId, held, ids);
  if (taken.length > 0) desk.nextStepAtMs = 0;
}

function sameHolds(a: Holds, b: Holds): boolean {
  return a.pool === b.pool && a.classes.size === b.classes.size && a.classes.isSubsetOf(b.classes);
}

/** A guard is over when the calls of every project have been listed since it was raised. */
async function regardGuard(desk: Desk): Promise<void> {
  const known = desk.guard?.id;
  desk.guard = await readGuard(desk.connection, desk.poolId);
  if (desk.guard === undefined) return;
  const { reason, unlisted } = guardedBy(desk, desk.guard);
  if (desk.guard.id !== known) {
    lookAgain(desk);
    desk.log.error({ reason, unlisted }, 'the ledger lost its newest part: nothing is admitted until calls are listed');
  }
  if (unlisted.length > 0) return;
  await liftGuard(desk.connection, desk.poolId, desk.guard.id);
  desk.log.warn({ reason }, 'the calls of every project have been listed: admitting again');
  desk.guard = undefined;
  lookAgain(desk);
}

const keyOf = ({ class: name, project }: Lane) => `${name}/${project}`;

/** The newest policy that this release can read; an unreadable one is kept out, and the last one stays in force. */
async function refreshPolicy(desk: Desk, options: DispatchOptions): Promise<void> {
  const stored = await readPolicy(desk.connection, options.pool);
  if (stored === undefined) return;
  desk.policySeen = stored.rejected?.version ?? stored.version;
  if (stored.rejected !== undefined)
    desk.log.error({ ...stored.rejected, inForce: desk.policyVersion }, 'the newest policy cannot be read');
  if (stored.version === desk.policyVersion) return;
  const lineage = await readLineage(desk.connection, desk.poolId, stored.version, desk.log);
  usePolicy(desk, policyOf(options.pool, stored.spec), stored.version, lineage);
  desk.withResults = stored.spec.results !== undefined;
  desk.log.info({ version: stored.version }, 'policy in force');
}

/** Ends what is queued of classes that the policy no longer has: at once, and later what comes back to the queue from a call. */
async function endRemovedClasses(desk: Desk): Promise<void> {
  const classes = desk.policy.classes.map(({ name }) => name);
  const declared = new Set<string>(classes);
  if ([...desk.queued].every(([name, depth]) => depth <= 0 || declared.has(name))) return;
  await cancelRemovedClasses(desk.connection, desk.poolId, desk.withResults, classes);
}
