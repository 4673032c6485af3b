import type { Pause, PauseScope } from '../admission/snapshot.ts';
import type { Direction } from '../policy/policy.ts';

/**
 * One project's breaker. Two things open it: the project itself is at fault (key, billing, missing resources), which needs a person and is tried again
 * ever more rarely; or its calls fail, which passes. Either way it comes back by probes alone, and what is unknown never closes it (I9). Being
 * throttled is no fault: creations pause until the provider's next minute. Callers are concerned by what was seen of calls, not of creations: a fault
 * of a caller's own call, or calls that fail. Plain JSON, kept by the ledger.
 */
export type BreakerState = {
  readonly phase: Phase;
  /** Ends of calls in the window, newest last; `failed` ones are evidence. */
  readonly window: readonly { readonly atMs: number; readonly failed: boolean }[];
  /** Sessions that were refused without an explanation since the last creation that was answered with a call. */
  readonly refusedInARow: number;
  /** Creations pause until then; 0: not throttled. */
  readonly throttledUntilMs: number;
};

type Phase =
  | { readonly kind: 'closed' }
  | {
      readonly kind: 'faulted';
      readonly reason: string;
      readonly stops: PauseScope;
      readonly sinceMs: number;
      readonly delayMs: number;
      readonly retryAtMs: number;
    }
  /** Open until `retryAtMs`, half-open from then on. */
  | { readonly kind: 'open'; readonly retryAtMs: number; readonly sent: number; readonly lastSentMs: number; readonly succeeded: number };

/** What the project did. `startedAtMs` is when its attempt was admitted: only calls begun after the breaker opened tell whether it is well again. */
export type BreakerEvent =
  /** 401, 403, 404 or billing. `Inbound`: a caller's call ended so, though our answer was taken. */
  | { readonly kind: 'project-fault'; readonly reason: string; readonly direction: Direction; readonly startedAtMs: number }
  /** 429. */
  | { readonly kind: 'throttled' }
  /** A creation was answered with a call: key and billing are in order. */
  | { readonly kind: 'created'; readonly startedAtMs: number }
  /** A creation was refused in unknown words, and its session is over: each of these is about another session. */
  | { readonly kind: 'refused'; readonly startedAtMs: number }
  /** A call ended. `failed`: a provider fault or a creation that nobody answered. Busy, no answer and voicemail are `fine`: the project worked. */
  | { readonly kind: 'call'; readonly result: 'fine' | 'failed' | 'unknown'; readonly startedAtMs: number }
  /** A session was admitted while the pause said `probe-allowed`. */
  | { readonly kind: 'probe-sent' }
  /** Such a session was taken back unsent: it tells nothing, and another one may go. */
  | { readonly kind: 'probe-unsent' };

export const closedBreaker: BreakerState = { phase: { kind: 'closed' }, window: [], refusedInARow: 0, throttledUntilMs: 0 };

const windowMs = 60_000;
/** Bounds the state of a busy project; the newest count. */
const windowCalls = 64;
const minimumCalls = 10;
const errorShare = 0.5;
const openForMs = 30_000;
const halfOpenCalls = 2;
const faultBackoff = { initialMs: 30_000, maxMs: 600_000 } as const;
/**
 * One session may be wrong in itself; so many different ones in a row mean that the project is, and it must not burn a campaign. It may still be the
 * leads: the pause does not grow, so that a bad stretch of a list costs half a minute a lead and not ten.
 */
const refusalsInARow = 5;
const refusedReason = 'it refuses one session after another and says nothing that is known here: look at its assistant and numbers';
/** A probe of which nothing was heard for this long is given up, and another one may go. */
const probePatienceMs = 120_000;

/** Why the project takes nothing now, or what it may still take. Undefined: it takes everything. */
export function pauseOf({ phase, throttledUntilMs }: BreakerState, nowMs: number): Pause | undefined {
  if (phase.kind === 'faulted')
    return { until: nowMs < phase.retryAtMs ? 'closed' : 'probe-allowed', reason: phase.reason, stops: phase.stops };
  if (nowMs < throttledUntilMs) {
    const stops = phase.kind === 'open' ? 'everything' : 'creations';
    return { until: 'closed', reason: 'the provider throttles its requests until the next minute', stops };
  }
  if (phase.kind === 'closed') return undefined;
  const waits = nowMs < phase.retryAtMs || (phase.sent >= halfOpenCalls && nowMs < phase.lastSentMs + probePatienceMs);
  return { until: waits ? 'closed' : 'probe-allowed', reason: 'too many of its calls fail', stops: 'everything' };
}

export function observe(state: BreakerState, event: BreakerEvent, nowMs: number): BreakerState {
  switch (event.kind) {
    case 'project-fault':
      return afterFault(state, event, nowMs);
    case 'throttled':
      return { ...state, throttledUntilMs: (Math.floor(nowMs / 60_000) + 1) * 60_000 };
    case 'created':
      return afterCreation(state, event.startedAtMs);
    case 'refused':
      return afterUnexplainedRefusal(state, event.startedAtMs, nowMs);
    case 'probe-sent':
      return { ...state, phase: afterProbeSent(state.phase, nowMs) };
    case 'probe-unsent':
      return { ...state, phase: afterProbeUnsent(state.phase, nowMs) };
    case 'call':
      return event.result === 'unknown' ? state : afterCall(state, event.result === 'failed', event.startedAtMs, nowMs);
  }
}

/** The next instant at which time alone changes the pause. */
export function pauseEndsAtMs({ phase, throttledUntilMs }: BreakerState, nowMs: number): number | undefined {
  const instants = phase.kind === 'closed' ? [throttledUntilMs] : [phase.retryAtMs, throttledUntilMs];
  if (phase.kind === 'open' && phase.sent >= halfOpenCalls) instants.push(phase.lastSentMs + probePatienceMs);
  const ahead = instants.filter((instant) => instant > nowMs);
  return ahead.length === 0 ? undefined : Math.min(...ahead);
}

/** After the clock was set back: no pause lasts longer from now on than the longest of its kind. */
export function pauseWithinReach(state: BreakerState, nowMs: number): BreakerState {
  const { phase } = state;
  const throttledUntilMs = Math.min(state.throttledUntilMs, nowMs + 60_000);
  switch (phase.kind) {
    case 'closed':
      return { ...state, throttledUntilMs };
    case 'faulted':
      return { ...state, throttledUntilMs, phase: { ...phase, retryAtMs: Math.min(phase.retryAtMs, nowMs + faultBackoff.maxMs) } };
    case 'open':
      return {
        ...state,
        throttledUntilMs,
        phase: { ...phase, retryAtMs: Math.min(phase.retryAtMs, nowMs + openForMs), lastSentMs: Math.min(phase.lastSentMs, nowMs) },
      };
  }
}

/** Faults of creations that were under way when the first one came are the same fault: the delay does not grow for them. */
function afterFault(state: BreakerState, event: Extract<BreakerEvent, { kind: 'project-fault' }>, nowMs: number): BreakerState {
  const { phase } = state;
  const stops = event.direction === 'Inbound' ? 'everything' : stillStopped(phase);
  if (phase.kind === 'faulted' && event.startedAtMs < phase.sinceMs) return { ...state, phase: { ...phase, stops }, window: [] };
  const delayMs = phase.kind === 'faulted' ? Math.min(faultBackoff.maxMs, phase.delayMs * 2) : faultBackoff.initialMs;
  return faulted(state, { reason: event.reason, stops, delayMs }, nowMs);
}

/** What a fault of creations stops: callers as well, if their calls were failing already. */
function stillStopped(phase: Phase): PauseScope {
  if (phase.kind === 'open') return 'everything';
  return phase.kind === 'faulted' ? phase.stops : 'creations';
}

type Fault = { readonly reason: string; readonly stops: PauseScope; readonly delayMs: number };

function faulted(state: BreakerState, fault: Fault, nowMs: number): BreakerState {
  const phase: Phase = { kind: 'faulted', ...fault, sinceMs: nowMs, retryAtMs: nowMs + fault.delayMs };
  return { ...state, phase, window: [], refusedInARow: 0 };
}

function afterCreation(state: BreakerState, startedAtMs: number): BreakerState {
  if (state.phase.kind === 'faulted') {
    return startedAtMs >= state.phase.sinceMs ? { ...state, phase: { kind: 'closed' }, refusedInARow: 0 } : state;
  }
  return state.refusedInARow === 0 ? state : { ...state, refusedInARow: 0 };
}

/** Once the project is at fault, the refusal of a probe is enough to keep it paused. */
function afterUnexplainedRefusal(state: BreakerState, startedAtMs: number, nowMs: number): BreakerState {
  const refusedInARow = state.refusedInARow + 1;
  const { phase } = state;
  if (phase.kind !== 'faulted' && refusedInARow < refusalsInARow) return { ...state, refusedInARow };
  if (phase.kind === 'faulted' && startedAtMs < phase.sinceMs) return state;
  return faulted(state, { reason: refusedReason, stops: stillStopped(phase), delayMs: faultBackoff.initialMs }, nowMs);
}

function afterProbeSent(phase: Phase, nowMs: number): Phase {
  if (phase.kind === 'faulted') return { ...phase, retryAtMs: nowMs + probePatienceMs };
  if (phase.kind === 'closed') return phase;
  // Earlier probes that nothing was heard of are given up with the first one after the patience.
  const sent = phase.sent >= halfOpenCalls ? 1 : phase.sent + 1;
  return { ...phase, sent, lastSentMs: nowMs };
}

function afterProbeUnsent(phase: Phase, nowMs: number): Phase {
  if (phase.kind === 'faulted') return { ...phase, retryAtMs: nowMs };
  return phase.kind === 'open' ? { ...phase, sent: Math.max(0, phase.sent - 1) } : phase;
}

function afterCall(state: BreakerState, failed: boolean, startedAtMs: number, nowMs: number): BreakerState {
  const { phase } = state;
  // Where callers are stopped, those who try create nothing: that their call went well is the proof.
  if (phase.kind === 'faulted')
    return !failed && phase.stops === 'everything' && startedAtMs >= phase.sinceMs ? { ...state, phase: { kind: 'closed' } } : state;
  if (phase.kind === 'open') {
    if (startedAtMs < phase.retryAtMs || nowMs < phase.retryAtMs) return state;
    if (failed) return { ...state, phase: openFrom(nowMs) };
    const succeeded = phase.succeeded + 1;
    return succeeded >= halfOpenCalls ? { ...state, phase: { kind: 'closed' }, window: [] } : { ...state, phase: { ...phase, succeeded } };
  }
  const window = [...state.window.filter(({ atMs }) => atMs > nowMs - windowMs), { atMs: nowMs, failed }].slice(-windowCalls);
  const failures = window.filter((call) => call.failed).length;
  if (window.length < minimumCalls || failures < errorShare * window.length) return { ...state, window };
  return { ...state, phase: openFrom(nowMs), window: [] };
}

function openFrom(nowMs: number): Phase {
  return { kind: 'open', retryAtMs: nowMs + openForMs, sent: 0, lastSentMs: 0, succeeded: 0 };
}
