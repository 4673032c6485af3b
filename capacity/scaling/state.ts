import { type Asked, type Change, withChange, withHigh, withLow } from './behavior.ts';
import { type panicWindowMs, type ScalingPolicy, stableWindowMs } from './policy.ts';

/**
 * What the recommender remembers between ticks. Plain JSON of bounded size, kept by whoever calls it; lost with a restart, which costs one window
 * without scale-down and nothing else.
 */
export type ScalingState = {
  /** Wanted since the last decision. */
  readonly replicas: number;
  readonly startedMs: number;
  readonly tickedMs: number;
  readonly samples: readonly Sample[];
  readonly highs: readonly Asked[];
  readonly lows: readonly Asked[];
  readonly changes: readonly Change[];
  /** When demand was last so far beyond the workers that averages do not count; null: not within a stable window. */
  readonly panickedMs: number | null;
  /** When a guard last asked for a worker. */
  readonly guardedMs: number | null;
  /** The last ceiling that was known. */
  readonly ceiling: number | null;
};

/** What one tick saw, in slots; null: not known then. */
export type Sample = {
  readonly atMs: number;
  readonly slotsInUse: number | null;
  readonly buffer: number;
  readonly backlogSlots: number | null;
};

/** Twice what a window holds; whoever ticks faster is averaged over less time. */
const rememberedSamples = 64;

/** Begins with what runs, whatever was wanted before: nothing is remembered of why. */
export function startScaling(workers: { readonly serving: number; readonly starting: number }, nowMs: number): ScalingState {
  return {
    replicas: workers.serving + workers.starting,
    startedMs: nowMs,
    tickedMs: nowMs,
    samples: [],
    highs: [],
    lows: [],
    changes: [],
    panickedMs: null,
    guardedMs: null,
    ceiling: null,
  };
}

/**
 * The state as it is to be read now. After a clock was set back, everything keeps the age that it had. After a pause longer than a window (a suspended
 * machine, a clock set forward) as little is known of the time between as after a restart.
 */
export function continued(
  state: ScalingState,
  workers: { readonly serving: number; readonly starting: number },
  nowMs: number,
): ScalingState {
  const sinceMs = nowMs - state.tickedMs;
  if (sinceMs > stableWindowMs) return { ...startScaling(workers, nowMs), ceiling: state.ceiling };
  return sinceMs < 0 ? shifted(state, sinceMs) : state;
}

function shifted(state: ScalingState, byMs: number): ScalingState {
  const at = <T extends { readonly atMs: number }>(entries: readonly T[]): readonly T[] =>
    entries.map((entry) => ({ ...entry, atMs: entry.atMs + byMs }));
  return {
    ...state,
    startedMs: state.startedMs + byMs,
    tickedMs: state.tickedMs + byMs,
    samples: at(state.samples),
    highs: at(state.highs),
    lows: at(state.lows),
    changes: at(state.changes),
    panickedMs: state.panickedMs === null ? null : state.panickedMs + byMs,
    guardedMs: state.guardedMs === null ? null : state.guardedMs + byMs,
  };
}

export function withSample(samples: readonly Sample[], sample: Sample): readonly Sample[] {
  return [...samples.filter(({ atMs }) => sample.atMs - atMs < stableWindowMs), sample].slice(-rememberedSamples);
}

/** Remembers what was asked for, for the windows of `behavior`. */
export function withAsked(state: ScalingState, workers: number, { behavior }: ScalingPolicy, nowMs: number): ScalingState {
  return {
    ...state,
    highs: withHigh(state.highs, workers, behavior.scaleDown.stabilizationWindowMs, nowMs),
    lows: withLow(state.lows, workers, behavior.scaleUp.stabilizationWindowMs, nowMs),
  };
}

export function withReplicas(state: ScalingState, replicas: number, nowMs: number): ScalingState {
  return { ...state, replicas, tickedMs: nowMs, changes: withChange(state.changes, replicas - state.replicas, nowMs) };
}

/** Means of what the ticks of a window saw; undefined: none of them knew it. */
export type Means = {
  readonly slotsInUse: number | undefined;
  /** Slots in use and the buffer beyond them. */
  readonly use: number | undefined;
  readonly backlogSlots: number | undefined;
};

export function meansOf(samples: readonly Sample[], windowMs: typeof stableWindowMs | typeof panicWindowMs, nowMs: number): Means {
  const within = samples.filter(({ atMs }) => nowMs - atMs < windowMs);
  return {
    slotsInUse: mean(within.map(({ slotsInUse }) => slotsInUse)),
    use: mean(within.map(({ slotsInUse, buffer }) => (slotsInUse === null ? null : slotsInUse + buffer))),
    backlogSlots: mean(within.map(({ backlogSlots }) => backlogSlots)),
  };
}

function mean(values: readonly (number | null)[]): number | undefined {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? undefined : known.reduce((sum, value) => sum + value, 0) / known.length;
}
