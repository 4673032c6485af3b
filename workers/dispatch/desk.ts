import type { Logger } from 'pino';
import type { Blocked, Guarded, Holds, LimiterName, ReservationPlan, Snapshot } from '../../capacity/admission/snapshot.ts';
import { unlistedProjects } from '../../capacity/guard/guard.ts';
import type { Lineage } from '../../capacity/policy/lineage.ts';
import type { Policy } from '../../capacity/policy/policy.ts';
import { type RateState, untilNow } from '../../capacity/rates/limiter.ts';
import type { DecisionView } from '../../capacity/view.ts';
import type { ClassName, ProjectName } from '../../crds/values.ts';
import type { Sql } from '../../ledger/database.ts';
import type { Lane } from '../../ledger/dispatch/fetch-waiting.ts';
import type { OpenAttempt } from '../../ledger/dispatch/open-attempts.ts';
import type { Guard } from '../../ledger/guard.ts';
import type { PoolId } from '../../ledger/policy.ts';
import type { WorkerId } from '../../ledger/workers.ts';
import type { Cooling } from './cooling.ts';
import type { Learning } from './learning.ts';
import type { LedgerClock } from './ledger-clock.ts';
import { ratesByName } from './rates.ts';
import type { SlotBook } from './slot-book.ts';
import type { Statistics } from './statistics.ts';
import type { Unsent } from './unsent.ts';

/**
 * All that the dispatcher has on its desk: the ledger's state as it remembers it. Filled on election, kept by signals, and thrown away as a whole when
 * anything goes wrong: the successor fills its own.
 */
export type Desk = {
  readonly connection: Sql;
  readonly poolId: PoolId;
  readonly epoch: number;
  readonly clock: LedgerClock;
  readonly log: Logger;
  readonly book: SlotBook;
  readonly cooling: Cooling;
  readonly unsent: Unsent;
  readonly statistics: Statistics;
  readonly learning: Learning;
  /** Inbound calls that wait inside the provider, by attempt. */
  readonly arrivals: Map<string, OpenAttempt>;
  /** As they are kept: by account. */
  readonly rates: Map<LimiterName, RateState>;
  readonly blocked: Map<ClassName, Blocked>;
  readonly decisions: DecisionView[];
  /** Attempts whose slots count as free here already, and are written as such with the next admission, or when the step ends. */
  readonly released: string[];
  policy: Policy;
  /** Where lines count that were taken under the policies before it. */
  lineage: Lineage;
  policyVersion: number;
  /** The newest policy that was looked at, readable or not. */
  policySeen: number;
  withResults: boolean;
  seq: number;
  holds: Holds;
  /** Set while nothing is admitted because the ledger lost its newest part. */
  guard: Guard | undefined;
  /** Somebody held or resumed, or declared: look at once, before anybody is admitted. */
  holdsChanged: boolean;
  workers: readonly WorkerId[];
  /** Parts of the queue that are pinned to a project and hold something. Those without a pin are always looked at. */
  pinnedLanes: readonly Lane[];
  /** How many of each lane were of use in the last step. */
  laneUse: ReadonlyMap<string, number>;
  /** Sessions that wait, by class, as of the last fold. */
  queued: ReadonlyMap<string, number>;
  /** Since when the first session of a class's queue has waited, as of the last look. */
  readonly oldestReadyMs: Map<ClassName, number>;
  plan: ReservationPlan | undefined;
  /** When the next session, rate or release makes another step worthwhile, or the queue is looked at although nothing says so. */
  nextStepAtMs: number;
  /** When the heads of the queue are fetched although nothing of it may start, to say why it waits. */
  nextLookAtMs: number;
};

/** Takes note of an attempt as it is now, wherever it counts. */
export function note(desk: Desk, attempt: OpenAttempt): void {
  // A worker may have entered it by a policy that is newer than what was seen here: its names mean something only by that one.
  if ((attempt.policyVersion ?? 0) > desk.policySeen) desk.holdsChanged = true;
  desk.book.apply(attempt);
  desk.unsent.note(attempt);
  if (attempt.state === 'cooling') desk.cooling.add({ ...attempt, subscription: desk.book.subscriptionOf(attempt) });
  else desk.cooling.remove(attempt.id);
  if (attempt.state === 'pending') desk.arrivals.set(attempt.id, attempt);
  else desk.arrivals.delete(attempt.id);
}

/**
 * An attempt as the ledger tells of it, ended now at the latest. Its end may have been written by a clock that was ahead, and be heard after that was set right: a
 * line that cools since the future would cool until then, and so would all that end after it.
 */
export function endedByNow(attempt: OpenAttempt, nowMs: number): OpenAttempt {
  return attempt.endedAtMs === null ? attempt : { ...attempt, endedAtMs: Math.min(attempt.endedAtMs, nowMs) };
}

/** Takes up another policy: lines that are held already, and what is known of their accounts, go on under the names that it has for them. */
export function usePolicy(desk: Desk, policy: Policy, version: number, lineage: Lineage): void {
  desk.lineage = lineage;
  desk.policy = policy;
  desk.policyVersion = version;
  desk.plan = undefined;
  desk.learning.use(lineage.accounts);
  desk.book.replace(lineage.placeOf);
  desk.cooling.replace((id) => {
    const attempt = desk.book.get(id);
    return attempt === undefined ? undefined : desk.book.subscriptionOf(attempt);
  });
  lookAgain(desk);
}

/** What may start may have changed: decide anew, at once. */
export function lookAgain(desk: Desk): void {
  desk.nextStepAtMs = 0;
  desk.nextLookAtMs = 0;
}

/** Somebody set the ledger's clock: what is remembered by the old one must neither free a line too early nor block anything until then. */
export function clockStepped(desk: Desk): void {
  const nowMs = desk.clock.now();
  desk.log.warn("the ledger's clock was set: lines that cool begin again");
  desk.cooling.restart(nowMs);
  desk.learning.clockStepped(nowMs);
  for (const [name, state] of desk.rates) desk.rates.set(name, untilNow(state, nowMs));
  lookAgain(desk);
}

/** What admission decides on, now. */
export function snapshotOf(desk: Desk): Snapshot {
  const nowMs = desk.clock.now();
  return {
    policy: desk.policy,
    nowMs,
    ceilings: new Map(
      desk.policy.subscriptions.map((subscription) => [subscription.name, desk.learning.ceiling(subscription, desk.book).ceiling]),
    ),
    inUse: desk.book.inUse(),
    pending: desk.book.pending(),
    foreignChannels: desk.book.foreignChannels(),
    pauses: desk.learning.pauses(desk.policy, nowMs),
    rates: ratesByName(desk.rates, desk.lineage.accounts),
    held: desk.holds,
    guard: desk.guard === undefined ? undefined : guardedBy(desk, desk.guard),
    plan: desk.plan,
    slotSeconds: desk.statistics.slotSeconds(),
    probes: desk.learning.probes(desk.policy, nowMs),
  };
}

/** What the guard still waits for. */
export function guardedBy({ policy }: Desk, { reason, listed }: Guard): Guarded {
  const projects = policy.projects.map(({ name }) => name);
  return { reason, unlisted: unlistedProjects(projects, listed) };
}

/** The subscription that a project's calls count against. */
export function subscriptionOf(policy: Policy, project: ProjectName) {
  const found = policy.projects.find((candidate) => candidate.name === project);
  return found === undefined ? undefined : policy.subscriptions.find((subscription) => subscription.name === found.subscription);
}
