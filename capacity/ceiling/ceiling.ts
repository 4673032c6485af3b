import type { SubscriptionPolicy } from '../policy/policy.ts';

/**
 * How many slots of a subscription may be in use now: min(declared, learned) − max(safety margin, foreign).
 *
 * What the provider says about its lines is a hint: it may lower the ceiling and show foreign calls, never raise the ceiling above what is declared
 * and never free a slot of ours. A refusal is certain: the lines that are not ours are taken by others. Probes find the way back, one slot above the
 * ceiling at a time. Plain JSON, kept by the ledger.
 */
export type SubscriptionState = {
  /** The limit that the provider told last; null: never. */
  readonly learned: number | null;
  /** Lines that others were found to hold. */
  readonly foreign: number;
  /** More lines taken than we hold, seen but not yet believed: a call of ours may have been on its way into the books. */
  readonly suspected: { readonly lines: number; readonly sinceMs: number } | null;
  /** The next probe, while something is to be found out. */
  readonly probe: { readonly atMs: number; readonly delayMs: number; readonly step: number } | null;
};

export type Limits = { readonly limit: number; readonly remaining: number };

/** What an answer says, and what we knew when it came. */
export type Answer = {
  readonly limits: Limits | undefined;
  /** Every slot of the subscription that we hold: sending, pending and cooling ones too, and the call of this answer if it has one. */
  readonly ownHeld: number;
  readonly nowMs: number;
};

export type Refusal = Answer & {
  /** What the subscription declares: the limit, unless the refusal says another. `ownHeld` is without the refused attempt, which has no line. */
  readonly declared: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
};

export const initialSubscription: SubscriptionState = { learned: null, foreign: 0, suspected: null, probe: null };

/** Reading after reading has to show foreign lines for this long: a caller rings at the provider a moment before we hear of it. */
const believedAfterMs = 1_000;

const probeBackoff = { initialMs: 2_000, maxMs: 30_000 } as const;

/** A probe whose answer is missing for this long is given up; the next one is due then. */
const probePatienceMs = 45_000;

/** The ceiling, never below zero. `foreignSeen`: live calls in our projects that are not ours. */
export function ceilingOf(
  policy: SubscriptionPolicy,
  state: SubscriptionState,
  foreignSeen: number,
): { readonly ceiling: number; readonly foreign: number; readonly probing: boolean } {
  const foreign = Math.max(state.foreign, foreignSeen);
  const declared = policy.concurrencyLimit;
  const learned = state.learned ?? declared;
  // Who declares fewer lines than there are leaves the others to somebody: foreign calls fill those first.
  const inOurLines = Math.max(0, foreign - Math.max(0, learned - declared));
  const ceiling = Math.max(0, Math.min(declared, learned) - Math.max(policy.safetyMargin, inOurLines));
  return { ceiling, foreign, probing: state.probe !== null };
}

/** A creation succeeded (not a probe). */
export function afterAnswer(state: SubscriptionState, { limits, ownHeld, nowMs }: Answer): SubscriptionState {
  const limit = limitIn(limits, 1);
  if (limit === undefined) return state;
  const learned = learn(state, limit, nowMs);
  const excess = excessIn(limits, ownHeld);
  if (excess === undefined) return learned;
  if (excess <= state.foreign) return { ...learned, suspected: null };
  const { suspected } = state;
  if (suspected === null) return { ...learned, suspected: { lines: excess, sinceMs: nowMs } };
  const lines = Math.min(suspected.lines, excess);
  if (nowMs - suspected.sinceMs < believedAfterMs) return { ...learned, suspected: { ...suspected, lines } };
  return { ...learned, foreign: lines, suspected: null, probe: learned.probe ?? firstProbe(nowMs) };
}

/** A creation was refused for want of a line (not a probe): lines that are not ours are foreign. */
export function afterRefusal(state: SubscriptionState, refusal: Refusal): SubscriptionState {
  const { probe } = state;
  return withRefusal(state, refusal, probe?.delayMs ?? probeBackoff.initialMs);
}

/** Whether one session may go a slot above the ceiling now. */
export function probeDue({ probe }: SubscriptionState, nowMs: number): boolean {
  return probe !== null && nowMs >= probe.atMs;
}

/** A probe was admitted: no other one until its answer, or until it has been missing for too long. */
export function afterProbeSent(state: SubscriptionState, nowMs: number): SubscriptionState {
  return state.probe === null ? state : { ...state, probe: { ...state.probe, atMs: nowMs + probePatienceMs } };
}

/** A probe came to nothing before the provider could say anything about lines: the next one may go at once. */
export function afterProbeUnsent(state: SubscriptionState, nowMs: number): SubscriptionState {
  return state.probe === null ? state : { ...state, probe: { ...state.probe, atMs: nowMs } };
}

/** After the clock was set back: no probe is further away than the longest wait for one. */
export function probeWithinReach(state: SubscriptionState, nowMs: number): SubscriptionState {
  if (state.probe === null || state.probe.atMs <= nowMs + probePatienceMs) return state;
  return { ...state, probe: { ...state.probe, atMs: nowMs + probePatienceMs } };
}

/**
 * A probe was answered. Refused: nothing has changed, the next one comes later. Taken: the reading in the answer tells how many foreign lines are left;
 * without one, one line more is ours, then two, then four.
 */
export function afterProbe(state: SubscriptionState, answer: Refusal & { readonly succeeded: boolean }): SubscriptionState {
  const delayMs = Math.min(probeBackoff.maxMs, (state.probe?.delayMs ?? probeBackoff.initialMs / 2) * 2);
  if (!answer.succeeded) return withRefusal(state, answer, delayMs);
  const limit = limitIn(answer.limits, 1);
  const excess = excessIn(answer.limits, answer.ownHeld);
  if (limit === undefined || excess === undefined) return grow(state, answer);
  const found: SubscriptionState = { ...state, learned: limit, foreign: Math.min(state.foreign, Math.max(0, excess)), suspected: null };
  if (found.foreign === 0 && limit >= answer.declared) return { ...found, probe: null };
  const progress = found.foreign < state.foreign || limit > (state.learned ?? answer.declared);
  return { ...found, probe: progress ? firstProbe(answer.nowMs) : { atMs: answer.nowMs + delayMs, delayMs, step: 1 } };
}

/** One more line was ours than we thought possible: believe in twice as many each time. */
function grow(state: SubscriptionState, { declared, nowMs }: Refusal): SubscriptionState {
  const step = state.probe?.step ?? 1;
  const foreign = Math.max(0, state.foreign - step);
  const learned = state.learned === null || state.foreign > 0 ? state.learned : Math.min(declared, state.learned + step);
  const done = foreign === 0 && (learned === null || learned >= declared);
  const next = { atMs: nowMs + probeBackoff.initialMs, delayMs: probeBackoff.initialMs, step: step * 2 };
  return { ...state, foreign, learned, suspected: null, probe: done ? null : next };
}

function withRefusal(state: SubscriptionState, { limits, ownHeld, declared, nowMs, random }: Refusal, delayMs: number): SubscriptionState {
  const limit = limitIn(limits, 0);
  const learned = limit ?? state.learned;
  const foreign = Math.max(state.foreign, (learned ?? declared) - ownHeld);
  const atMs = nowMs + Math.round(delayMs * (0.9 + 0.1 * random()));
  const lowered = foreign > 0 || (learned ?? declared) < declared;
  return { ...state, learned, foreign, suspected: null, probe: lowered ? { atMs, delayMs, step: 1 } : null };
}

/**
 * Takes over the provider's limit. After a reduction the way back is probed; while answers keep telling the limit they do so themselves, and the probe
 * waits for the day on which no answer comes.
 */
function learn(state: SubscriptionState, limit: number, nowMs: number): SubscriptionState {
  if (state.learned !== null && limit < state.learned && state.foreign === 0) {
    return { ...state, learned: limit, probe: { atMs: nowMs + probeBackoff.maxMs, delayMs: probeBackoff.maxMs, step: 1 } };
  }
  if (state.foreign > 0 || state.probe === null) return { ...state, learned: limit };
  if (state.learned !== null && limit > state.learned) return { ...state, learned: limit, probe: null };
  return { ...state, learned: limit, probe: { ...state.probe, atMs: Math.max(state.probe.atMs, nowMs + probeBackoff.maxMs) } };
}

function firstProbe(nowMs: number): NonNullable<SubscriptionState['probe']> {
  return { atMs: nowMs + probeBackoff.initialMs, delayMs: probeBackoff.initialMs, step: 1 };
}

/** The limit in an answer, if it makes sense. After a success it is at least 1. */
function limitIn(limits: Limits | undefined, least: number): number | undefined {
  return limits !== undefined && Number.isSafeInteger(limits.limit) && limits.limit >= least ? limits.limit : undefined;
}

/** Lines in use at the provider beyond those we hold. Undefined when the reading makes no sense: -1 has been seen with lines free. */
function excessIn(limits: Limits | undefined, ownHeld: number): number | undefined {
  if (limits === undefined || !Number.isSafeInteger(limits.remaining)) return undefined;
  if (limits.remaining < 0 || limits.remaining > limits.limit) return undefined;
  return limits.limit - limits.remaining - ownHeld;
}
