import type { Logger } from 'pino';
import type { Blocked, Guarded, Holds, LimiterName, ReservationPlan, Snapshot } from '../../capacity/admission/snapshot.ts';
import { unlistedProjects } from '../../capacity/guard/guard.ts';
import { type Lineage, namesOfAccounts } from '../../capacity/policy/lineage.ts';
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
  /** Somebody held or resumed: look at once. */
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
  desk.book.apply(attempt);
  desk.unsent.note(attempt);
  if (attempt.state === 'cooling') desk.cooling.add({ ...attempt, subscription: desk.book.subscriptionOf(attempt) });
  else desk.cooling.remove(attempt);
  if (attempt.state === 'pending') desk.arrivals.set(attempt.id, attempt);
  else desk.arrivals.delete(attempt.id);
}

/** What was learned of an account, and how fast it was dialled, goes with it to its name in this policy, and is not taken for another's. */
export function moveLearned({ policy, learning, rates }: Desk, before: Policy): void {
  const moves = namesOfAccounts(before.subscriptions, policy.subscriptions);
  learning.move(moves);
  const moved = [...moves].map(([name, former]) => [name, former === undefined ? undefined : rates.get(`subscription/${former}`)] as const);
  for (const [name, state] of moved) {
    if (state === undefined) rates.delete(`subscription/${name}`);
    else rates.set(`subscription/${name}`, state);
  }
}

/** The same for a dispatcher that begins: the policy may have changed since the one before it. What is kept under the present name is newer. */
export function inheritLearned({ lineage, learning, rates }: Desk): void {
  for (const [name, former] of lineage.formerNames) {
    const heir = learning.knows(name) ? undefined : former.find((one) => learning.knows(one));
    if (heir !== undefined) learning.move(new Map([[name, heir]]));
    const state = former.map((one) => rates.get(`subscription/${one}`)).find((found) => found !== undefined);
    if (state !== undefined && !rates.has(`subscription/${name}`)) rates.set(`subscription/${name}`, state);
  }
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
    pauses: desk.learning.pauses(desk.policy, nowMs),
    rates: desk.rates,
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
