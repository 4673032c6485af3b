import { highestAllowed, lowestAllowed } from './behavior.ts';
import { atLeast, atMost, type Course, type Decision, moved, type Reason } from './decision.ts';
import { type Demand, demandOf, larger, sampleOf, sessionsEach, usefulWorkers, workersFor } from './demand.ts';
import { panicRatio, type ScalingPolicy, stableWindowMs, tolerance } from './policy.ts';
import { openSchedule } from './schedule.ts';
import { type Known, readSignals, type Signals } from './signals.ts';
import { continued, type ScalingState, withAsked, withReplicas, withSample } from './state.ts';

export type Recommendation = { readonly replicas: number; readonly decision: Decision; readonly state: ScalingState };

/** Everything that a tick looks at. */
type Tick = {
  readonly state: ScalingState;
  readonly signals: Signals;
  readonly known: Known;
  readonly policy: ScalingPolicy;
  readonly nowMs: number;
  /** Workers that the lines can use; undefined while no ceiling was ever known. */
  readonly useful: number | undefined;
};

/**
 * How many workers a pool should have, from what is seen and what is remembered, with every limit that the answer met on its way. Called every `tickMs`
 * with the wall clock, as schedules go by it.
 *
 * Example: 2 workers, 98 lines, 25 sessions a worker at 0.7. A backlog of 500 asks for 500 ÷ 17.5 = 29 workers; the lines can use 6, one is spare, so
 * 7 are wanted at the first tick, limited by ProviderCeiling. When all is quiet, it stays at 7 for five minutes, then goes down by halves.
 */
export function recommend(remembered: ScalingState, signals: Signals, policy: ScalingPolicy, nowMs: number): Recommendation {
  const known = readSignals(signals, policy.handler);
  const before = continued(remembered, signals.workers, nowMs);
  const ceiling = known.ceiling ?? before.ceiling;
  const useful = ceiling === null ? undefined : usefulWorkers(ceiling, known.slotsInUse ?? 0, policy);
  const samples = withSample(before.samples, sampleOf(known, signals, policy, nowMs));
  const tick: Tick = { state: { ...before, samples, ceiling }, signals, known, policy, nowMs, useful };

  const demand = demandOf(samples, known, signals, policy, nowMs);
  const panickedMs = panicAfter(tick, demand.panic);
  const asked = guarded(tick, askedFor(tick, panickedMs === null ? demand.stable : larger(demand.stable, demand.panic)));

  const sound = notBlindly(tick, upToUseful(tick, asked.course, ceiling));
  const state = withAsked({ ...tick.state, panickedMs, guardedMs: asked.guardedMs }, sound.workers, policy, nowMs);
  const paced = held({ ...tick, state }, atPace({ ...tick, state }, sound));
  const { workers: replicas, clamps } = keepBusy(tick, withRoom(tick, withinBounds(tick, paced)));

  const decision: Decision = {
    replicas,
    previous: before.replicas,
    asked: asked.workers,
    reason: asked.reason,
    clamps,
    mode: panickedMs === null ? 'stable' : 'panic',
    workers: signals.workers,
    seen: known,
    sessionsEach: sessionsEach(policy),
  };
  return { replicas, decision, state: withReplicas(state, replicas, nowMs) };
}

type Wanted = { readonly workers: number; readonly reason: Reason; readonly course: Course };

/** What the load asks for. A load within a tenth of what the workers are meant to carry asks for nothing else than they are. */
function askedFor({ state, known, policy }: Tick, demand: Demand | undefined): Wanted {
  const current = state.replicas;
  if (demand === undefined) {
    return { workers: current, reason: { kind: 'SignalsUnknown', unknown: known.unknown }, course: { workers: current, clamps: [] } };
  }
  const workers = workersFor(demand.sessions, policy);
  const course: Course = { workers, clamps: [] };
  const load = demand.sessions / (current * sessionsEach(policy));
  const near = Math.abs(load - 1) <= tolerance && workers !== current;
  return { workers, reason: demand.reason, course: near ? moved(course, current, { by: 'Tolerance' }) : course };
}

/**
 * Sessions that wait too long though lines are free, or workers that answer slowly, ask for one more worker in a window: the last one has to show first
 * whether it helps. While they do, none is taken away. With all lines in use a wait is the provider's, and no worker shortens it.
 */
function guarded({ state, signals, known, policy, nowMs }: Tick, load: Wanted): Wanted & { readonly guardedMs: number | null } {
  const reason = guardOf(known, policy);
  if (reason === undefined) return { ...load, guardedMs: state.guardedMs };
  const waits = signals.workers.starting > 0 || (state.guardedMs !== null && nowMs - state.guardedMs < stableWindowMs);
  const workers = waits ? state.replicas : state.replicas + 1;
  if (workers <= load.course.workers) return { ...load, guardedMs: state.guardedMs };
  return { workers, reason, course: { workers, clamps: [] }, guardedMs: waits ? state.guardedMs : nowMs };
}

function guardOf(known: Known, { drainBacklogWithinMs, dispatchLatencyMs }: ScalingPolicy): Reason | undefined {
  const { oldestWaitMs, backlog = 0, slotsInUse, ceiling, workerLatencyMs } = known;
  const linesFree = slotsInUse !== undefined && ceiling !== undefined && slotsInUse < ceiling;
  if (oldestWaitMs !== undefined && oldestWaitMs > drainBacklogWithinMs && backlog > 0 && linesFree) {
    return { kind: 'OldestWait', waitMs: oldestWaitMs, withinMs: drainBacklogWithinMs };
  }
  if (workerLatencyMs === undefined || workerLatencyMs <= dispatchLatencyMs) return undefined;
  return { kind: 'WorkerLatency', p95Ms: workerLatencyMs, targetMs: dispatchLatencyMs };
}

/** Panic begins when the last seconds ask for twice what there is and could be had, and ends a stable window after they last did. */
function panicAfter({ state, policy, nowMs, useful }: Tick, demand: Demand | undefined): number | null {
  const wanted = demand === undefined ? 0 : workersFor(demand.sessions, policy);
  const possible = Math.min(wanted, policy.maxReplicas, useful ?? state.replicas);
  if (possible >= panicRatio * Math.max(1, state.replicas)) return nowMs;
  return state.panickedMs !== null && nowMs - state.panickedMs <= stableWindowMs ? state.panickedMs : null;
}

function upToUseful({ state, policy, useful }: Tick, course: Course, ceiling: number | null): Course {
  const used =
    useful === undefined || ceiling === null
      ? atMost(course, state.replicas, { by: 'CeilingUnknown' })
      : atMost(course, useful, { by: 'ProviderCeiling', ceiling, spare: policy.spareWorkers });
  return atMost(used, policy.maxReplicas, { by: 'MaxReplicas' });
}

/** While a signal is unknown, none is taken away. Bounded before it is remembered: a blind minute must not count as a quiet one. */
function notBlindly({ state, known: { unknown } }: Tick, course: Course): Course {
  return unknown.length === 0 ? course : atLeast(course, state.replicas, { by: 'SignalsUnknown', unknown });
}

/** The calmest of what was asked for within the windows, and no faster than the policies allow. */
function atPace({ state, policy, nowMs }: Tick, course: Course): Course {
  const current = state.replicas;
  const { scaleUp, scaleDown } = policy.behavior;
  if (course.workers > current) {
    const lowest = Math.max(current, Math.min(...state.lows.map(({ workers }) => workers)));
    const calm = atMost(course, lowest, { by: 'ScaleUpStabilization', windowMs: scaleUp.stabilizationWindowMs });
    return atMost(calm, highestAllowed(current, state.changes, scaleUp, nowMs), { by: 'ScaleUpLimit' });
  }
  const highest = Math.min(current, Math.max(...state.highs.map(({ workers }) => workers)));
  const calm = atLeast(course, highest, { by: 'ScaleDownStabilization', windowMs: scaleDown.stabilizationWindowMs });
  return atLeast(calm, lowestAllowed(current, state.changes, scaleDown, nowMs), { by: 'ScaleDownLimit' });
}

/** What keeps every worker that is there: panic, and the first window after a start. */
function held({ state, policy, nowMs }: Tick, course: Course): Course {
  const current = state.replicas;
  const kept = state.panickedMs === null ? course : atLeast(course, current, { by: 'Panic' });
  const windowMs = Math.max(stableWindowMs, policy.behavior.scaleDown.stabilizationWindowMs);
  const remainingMs = state.startedMs + windowMs - nowMs;
  return remainingMs > 0 ? atLeast(kept, current, { by: 'Restart', remainingMs }) : kept;
}

/**
 * What people declared goes before what was measured, and at once. The least that they want is kept even where no line is usable, for callers have to
 * be answered; the floor of a schedule is there for load, and so goes no further than load can.
 */
function withinBounds({ policy, nowMs, useful }: Tick, course: Course): Course {
  const open = openSchedule(policy.schedules, nowMs);
  const floor = Math.min(open?.minReplicas ?? 0, useful ?? Number.POSITIVE_INFINITY);
  const schedule = open?.name ?? '';
  const warm = atLeast(course, floor, { by: 'ScheduleFloor', schedule });
  const capped = atMost(warm, open?.maxReplicas ?? Number.POSITIVE_INFINITY, { by: 'ScheduleCap', schedule });
  return atLeast(atMost(capped, policy.maxReplicas, { by: 'MaxReplicas' }), policy.minReplicas, { by: 'MinReplicas' });
}

/** Draining workers run, hold connections and may hold sessions: with them the workers stay within what was declared and is of use. */
function withRoom({ state, signals, policy, useful }: Tick, course: Course): Course {
  const { draining } = signals.workers;
  const room = Math.min(policy.maxReplicas, useful ?? Number.POSITIVE_INFINITY) - draining;
  if (draining === 0 || course.workers <= state.replicas) return course;
  return atMost(course, Math.max(room, state.replicas, policy.minReplicas), { by: 'Draining', draining });
}

/** A worker that has a stateful handler's session is not given up, whoever asks. */
function keepBusy({ state, known, policy }: Tick, course: Course): Course {
  if (policy.handler === 'stateless') return course;
  const busy = known.busyWorkers;
  return atLeast(course, Math.min(state.replicas, busy ?? state.replicas), { by: 'BusyWorkers', busy });
}
