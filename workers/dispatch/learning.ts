import type { Pause } from '../../capacity/admission/snapshot.ts';
import {
  type BreakerEvent,
  type BreakerState,
  closedBreaker,
  observe,
  pauseEndsAtMs,
  pauseOf,
  pauseWithinReach,
} from '../../capacity/breaker/breaker.ts';
import {
  afterAnswer,
  afterProbe,
  afterProbeSent,
  afterProbeUnsent,
  afterRefusal,
  ceilingOf,
  initialSubscription,
  probeDue,
  probeWithinReach,
  type SubscriptionState,
} from '../../capacity/ceiling/ceiling.ts';
import {
  afterDial,
  afterReading,
  initialReleaseLag,
  longestLagMs,
  type ReleaseLag,
  releaseLagMs,
} from '../../capacity/ceiling/release-lag.ts';
import { orgElsewhere, unexplainedRefusal, unreachable } from '../../capacity/outcomes.ts';
import type { AccountKeys } from '../../capacity/policy/account-keys.ts';
import type { Direction, Policy, SubscriptionPolicy } from '../../capacity/policy/policy.ts';
import type { ProjectName, SubscriptionName } from '../../crds/values.ts';
import type { OpenAttempt } from '../../ledger/dispatch/open-attempts.ts';
import type { Signal } from '../../ledger/dispatch/take-signals.ts';
import { breakerState, releaseLag, subscriptionState } from './learned-states.ts';
import type { SlotBook } from './slot-book.ts';

/** What of the dispatcher's desk a lesson needs. */
type Surroundings = { readonly policy: Policy; readonly book: SlotBook; readonly clock: { now(): number } };

type Lines = {
  /** Under which it is kept. */
  readonly key: string;
  state: SubscriptionState;
  lag: ReleaseLag;
  lagMs: number;
  /** Our calls that ended within the longest lag, oldest first. */
  readonly ends: { readonly id: string; readonly atMs: number }[];
  /** When inbound calls were first seen, for a while. */
  readonly arrivals: number[];
  readonly readings: Reading[];
};

/** What an answer said about lines, kept until callers who rang at that moment are known here too. */
type Reading = {
  readonly atMs: number;
  /** Lines that the provider counts beyond our live and foreign calls; fewer by what may not have been there yet. */
  readonly heldMax: number;
  readonly unsure: number;
  readonly agesMs: readonly number[];
};

/** A caller rings at the provider before we hear of it; within this we do. */
const arrivalKnownWithinMs = 250;

/**
 * What the provider taught about its lines and projects: feeds answers, refusals and endings to the pure functions of `capacity/`, and keeps their
 * states. They outlive the dispatcher in the ledger.
 */
export class Learning {
  readonly #saved: ReadonlyMap<string, unknown>;
  readonly #random: () => number;
  readonly #openedAtMs: number;
  readonly #lines = new Map<string, Lines>();
  #accounts: AccountKeys = new Map();
  readonly #breakers = new Map<ProjectName, BreakerState>();
  /** Attempts that went above the ceiling, and those that went to a paused project; until their answer. */
  readonly #probes = new Set<string>();
  readonly #pauseProbes = new Set<string>();
  readonly #changed = new Map<string, unknown>();

  /** `nowMs`: states that were saved before the clock was set back are brought within reach of it. */
  constructor(saved: ReadonlyMap<string, unknown>, random: () => number, nowMs: number) {
    this.#saved = saved;
    this.#random = random;
    this.#openedAtMs = nowMs;
  }

  /** By the policy in force; what was learned of an account goes with it. */
  use(accounts: AccountKeys): void {
    this.#accounts = accounts;
  }

  ceiling(subscription: SubscriptionPolicy, book: SlotBook): ReturnType<typeof ceilingOf> {
    return ceilingOf(subscription, this.#linesOf(subscription.name).state, book.foreign(subscription.name));
  }

  learnedLimit(name: SubscriptionName): number | null {
    return this.#linesOf(name).state.learned;
  }

  releaseLagMs(name: SubscriptionName): number {
    return this.#linesOf(name).lagMs;
  }

  pauses(policy: Policy, nowMs: number): ReadonlyMap<ProjectName, Pause> {
    const pauses = new Map<ProjectName, Pause>();
    for (const { name } of policy.projects) {
      const pause = pauseOf(this.#breakerOf(name), nowMs);
      if (pause !== undefined) pauses.set(name, pause);
    }
    return pauses;
  }

  /** Subscriptions where one session may go above the ceiling now. */
  probes(policy: Policy, nowMs: number): ReadonlySet<SubscriptionName> {
    return new Set(policy.subscriptions.map(({ name }) => name).filter((name) => probeDue(this.#linesOf(name).state, nowMs)));
  }

  /** A session went above the ceiling: what becomes of this attempt tells whether lines are free again. */
  probeSent(attemptId: string, subscription: SubscriptionName, nowMs: number): void {
    this.#probes.add(attemptId);
    const lines = this.#linesOf(subscription);
    this.#setState(lines, afterProbeSent(lines.state, nowMs));
  }

  /** A session was admitted to a project that was only open for a probe. */
  pausedProjectTried(attemptId: string, project: ProjectName, nowMs: number): void {
    this.#pauseProbes.add(attemptId);
    this.#tell(project, { kind: 'probe-sent' }, nowMs);
  }

  /** When time alone next changes what may be admitted. */
  nextChangeAtMs(policy: Policy, nowMs: number): number {
    const pauses = policy.projects.map(({ name }) => pauseEndsAtMs(this.#breakerOf(name), nowMs) ?? Number.POSITIVE_INFINITY);
    const probes = policy.subscriptions.map(({ name }) => this.#linesOf(name).state.probe?.atMs ?? Number.POSITIVE_INFINITY);
    return Math.min(...pauses, ...probes.filter((atMs) => atMs > nowMs));
  }

  /** Somebody set the ledger's clock: nothing that was to come may be further away than it can ever be. */
  clockStepped(nowMs: number): void {
    for (const lines of this.#lines.values()) this.#setState(lines, probeWithinReach(lines.state, nowMs));
    for (const [name, breaker] of this.#breakers) {
      const within = pauseWithinReach(breaker, nowMs);
      this.#breakers.set(name, within);
      this.#changed.set(breakerKey(name), within);
    }
  }

  /** States that changed since the last call, to be written down. */
  takeChanged(): ReadonlyMap<string, unknown> {
    const changed = new Map(this.#changed);
    this.#changed.clear();
    return changed;
  }

  /** Learns from a signal. The attempt is in the book already as it is now. */
  observe(signal: Signal, at: Surroundings): void {
    if (signal.attempt === undefined || signal.attempt.sessionId === null) return;
    // Its account may have another name since.
    const attempt = { ...signal.attempt, subscription: at.book.subscriptionOf(signal.attempt) };
    const nowMs = at.clock.now();
    if (signal.kind === 'arrived') this.#linesOf(attempt.subscription).arrivals.push(attempt.session?.readyAtMs ?? nowMs);
    const startedAtMs = attempt.admittedAtMs ?? nowMs;
    if (signal.kind === 'taken-back' || signal.kind === 'unsent-cancelled') this.#unsent(attempt, nowMs);
    if (signal.kind === 'answered') {
      this.#pauseProbes.delete(attempt.id);
      this.#answered(attempt, signal, at);
      this.#tell(attempt.project, { kind: 'created', startedAtMs }, nowMs);
    }
    if (signal.kind === 'ambiguous') this.#tell(attempt.project, { kind: 'call', result: 'failed', startedAtMs }, nowMs);
    if (signal.kind === 'ended') this.#ended(attempt, signal, at);
  }

  #answered(attempt: OpenAttempt, { data }: Signal, { book, policy, clock }: Surroundings): void {
    const declared = policy.subscriptions.find(({ name }) => name === attempt.subscription)?.concurrencyLimit;
    if (declared === undefined) return;
    const lines = this.#linesOf(attempt.subscription);
    const limits = data.limits ?? undefined;
    const answer = { limits, ownHeld: book.held(attempt.subscription), nowMs: clock.now() };
    const wasFull = this.#isFull(attempt.subscription, answer.ownHeld, { book, policy });
    if (this.#probes.delete(attempt.id)) {
      this.#setState(lines, afterProbe(lines.state, { ...answer, declared, random: this.#random, succeeded: true }));
      return;
    }
    this.#setState(lines, afterAnswer(lines.state, answer));
    this.#learnLag(attempt, wasFull ? 'taken' : undefined, limits, data.observedAtMs ?? clock.now(), book);
  }

  #ended(attempt: OpenAttempt, signal: Signal, at: Surroundings): void {
    const nowMs = at.clock.now();
    const startedAtMs = attempt.admittedAtMs ?? nowMs;
    if (attempt.state === 'cooling' && attempt.endedAtMs !== null) {
      const { ends } = this.#linesOf(attempt.subscription);
      ends.push({ id: attempt.id, atMs: attempt.endedAtMs });
      while (ends[0] !== undefined && ends[0].atMs < nowMs - longestLagMs) ends.shift();
    }
    // A caller whom we sent away tells nothing of how calls fare.
    const event = attempt.refusal === null ? breakerEventOf(attempt.direction, signal.data, startedAtMs) : undefined;
    if (event !== undefined) {
      this.#pauseProbes.delete(attempt.id);
      this.#tell(attempt.project, event, nowMs);
    }
    if (signal.data.outcome === 'Capacity') this.#refused(attempt, signal, at);
    this.#unsent(attempt, nowMs);
  }

  /** An attempt came to nothing: if it was a probe of which nothing was learned, the next one must not wait for its answer. */
  #unsent(attempt: OpenAttempt, nowMs: number): void {
    if (this.#probes.delete(attempt.id)) {
      const lines = this.#linesOf(attempt.subscription);
      this.#setState(lines, afterProbeUnsent(lines.state, nowMs));
    }
    if (this.#pauseProbes.delete(attempt.id)) this.#tell(attempt.project, { kind: 'probe-unsent' }, nowMs);
  }

  #refused(attempt: OpenAttempt, { data }: Signal, { book, policy, clock }: Surroundings): void {
    const declared = policy.subscriptions.find(({ name }) => name === attempt.subscription)?.concurrencyLimit;
    if (declared === undefined) return;
    const lines = this.#linesOf(attempt.subscription);
    const limits = data.limits ?? undefined;
    const ownHeld = book.held(attempt.subscription) - (attempt.state === 'cooling' ? 1 : 0);
    const refusal = { limits, ownHeld, declared, nowMs: clock.now(), random: this.#random };
    const wasFull = this.#isFull(attempt.subscription, ownHeld + 1, { book, policy });
    if (this.#probes.delete(attempt.id)) {
      this.#setState(lines, afterProbe(lines.state, { ...refusal, succeeded: false }));
      return;
    }
    this.#setState(lines, afterRefusal(lines.state, refusal));
    this.#learnLag(attempt, wasFull ? 'refused' : undefined, limits, data.observedAtMs ?? clock.now(), book);
  }

  /** Whether we hold every slot there is, `held` with the dial in question: only then does the dial tell of a line that came back too early or not. */
  #isFull(name: SubscriptionName, held: number, { book, policy }: Pick<Surroundings, 'book' | 'policy'>): boolean {
    const subscription = policy.subscriptions.find((candidate) => candidate.name === name);
    return subscription !== undefined && held >= this.ceiling(subscription, book).ceiling;
  }

  #learnLag(
    attempt: OpenAttempt,
    whileFull: 'taken' | 'refused' | undefined,
    limits: { readonly limit: number; readonly remaining: number } | undefined,
    observedAtMs: number,
    book: SlotBook,
  ): void {
    const lines = this.#linesOf(attempt.subscription);
    if (lines.ends.length === 0) return;
    if (whileFull !== undefined) lines.lag = afterDial(lines.lag, whileFull);
    if (limits !== undefined && limits.remaining >= 0 && limits.remaining <= limits.limit) {
      const { live, unsure } = book.lines(attempt.subscription);
      const foreign = Math.max(lines.state.foreign, book.foreign(attempt.subscription));
      const heldMax = limits.limit - limits.remaining - live - foreign;
      lines.readings.push({ atMs: observedAtMs, heldMax, unsure, agesMs: lines.ends.map((end) => observedAtMs - end.atMs) });
    }
    judgeReadings(lines, observedAtMs);
    lines.lagMs = releaseLagMs(lines.lag);
    this.#changed.set(lagKey(lines.key), lines.lag);
  }

  #tell(project: ProjectName, event: BreakerEvent, nowMs: number): void {
    const before = this.#breakerOf(project);
    const after = observe(before, event, nowMs);
    if (after === before) return;
    this.#breakers.set(project, after);
    this.#changed.set(breakerKey(project), after);
  }

  #setState(lines: Lines, state: SubscriptionState): void {
    if (lines.state === state) return;
    lines.state = state;
    this.#changed.set(stateKey(lines.key), state);
  }

  #linesOf(name: SubscriptionName): Lines {
    const { key, former } = this.#accounts.get(name) ?? { key: name, former: [] };
    const known = this.#lines.get(key);
    if (known !== undefined) return known;
    const lines = this.#moved(key, former) ?? this.#savedLines(name, key, former);
    this.#lines.set(key, lines);
    return lines;
  }

  /** What was learned under a key that its account had until now. */
  #moved(key: string, former: readonly string[]): Lines | undefined {
    const from = former.find((one) => this.#lines.has(one));
    const lines = from === undefined ? undefined : this.#lines.get(from);
    if (from === undefined || lines === undefined) return undefined;
    this.#lines.delete(from);
    this.#changed.set(stateKey(key), lines.state);
    this.#changed.set(lagKey(key), lines.lag);
    return { ...lines, key };
  }

  #savedLines(name: SubscriptionName, key: string, former: readonly string[]): Lines {
    const isSaved = (one: string) => this.#saved.has(stateKey(one)) || this.#saved.has(lagKey(one));
    const from = [key, ...former].find(isSaved) ?? key;
    const lag = releaseLag.safeParse(this.#saved.get(lagKey(from))).data ?? initialReleaseLag;
    const saved = subscriptionState.safeParse(this.#saved.get(stateKey(from))).data ?? initialSubscription;
    const state = probeWithinReach(saved, this.#openedAtMs);
    // At once, also that nothing is known of it: what leads from a name to its account is forgotten with old policies.
    if (key !== name && !isSaved(key)) {
      this.#changed.set(stateKey(key), state);
      this.#changed.set(lagKey(key), lag);
    }
    return { key, state, lag, lagMs: releaseLagMs(lag), ends: [], arrivals: [], readings: [] };
  }

  #breakerOf(name: ProjectName): BreakerState {
    let breaker = this.#breakers.get(name);
    if (breaker === undefined) {
      const saved = breakerState.safeParse(this.#saved.get(breakerKey(name))).data ?? closedBreaker;
      breaker = pauseWithinReach(saved, this.#openedAtMs);
      this.#breakers.set(name, breaker);
    }
    return breaker;
  }
}

/** Learns from readings that are old enough. A caller first seen shortly after a reading may have held a line in it. */
function judgeReadings(lines: Lines, nowMs: number): void {
  const dueBeforeMs = nowMs - arrivalKnownWithinMs;
  for (let reading = lines.readings[0]; reading !== undefined && reading.atMs <= dueBeforeMs; reading = lines.readings[0]) {
    lines.readings.shift();
    const { atMs, heldMax, unsure, agesMs } = reading;
    const ringing = lines.arrivals.filter((seenAtMs) => seenAtMs > atMs && seenAtMs <= atMs + arrivalKnownWithinMs).length;
    lines.lag = afterReading(lines.lag, { heldMin: heldMax - unsure - ringing, heldMax, agesMs });
  }
  while (lines.arrivals[0] !== undefined && lines.arrivals[0] < dueBeforeMs - arrivalKnownWithinMs) lines.arrivals.shift();
}

const stateKey = (account: string) => `learned/ceiling/${account}`;
const lagKey = (account: string) => `learned/release-lag/${account}`;
const breakerKey = (project: ProjectName) => `learned/breaker/${project}`;

const orgElsewhereText = 'its org belongs to another pool of this ledger: drop the project from one of them, and share lines by classes';

/** What the end of an attempt says about its project; undefined when it says nothing. */
function breakerEventOf(direction: Direction, { outcome, reason }: Signal['data'], startedAtMs: number): BreakerEvent | undefined {
  switch (outcome ?? 'Unknown') {
    case 'ProjectFault':
      return {
        kind: 'project-fault',
        reason: reason === orgElsewhere ? orgElsewhereText : 'the provider refuses the project: key, billing, assistant or number',
        direction,
        startedAtMs,
      };
    case 'Permanent':
      return reason?.startsWith(unexplainedRefusal) ? { kind: 'refused', startedAtMs } : undefined;
    case 'Throttled':
      return { kind: 'throttled' };
    case 'ProviderFault':
      return { kind: 'call', result: 'failed', startedAtMs };
    case 'Unsent':
      return reason === unreachable ? { kind: 'call', result: 'failed', startedAtMs } : undefined;
    case 'Normal':
    case 'Busy':
    case 'NoAnswer':
    case 'Voicemail':
      return { kind: 'call', result: 'fine', startedAtMs };
    case 'Unknown':
      return { kind: 'call', result: 'unknown', startedAtMs };
    default:
      return undefined;
  }
}
