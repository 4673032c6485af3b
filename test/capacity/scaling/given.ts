import { defaultBehavior, type ScalingPolicy, tickMs } from '../../../capacity/scaling/policy.ts';
import { type Recommendation, recommend } from '../../../capacity/scaling/recommend.ts';
import type { Reading, SignalName, Signals } from '../../../capacity/scaling/signals.ts';
import { type ScalingState, startScaling } from '../../../capacity/scaling/state.ts';

/** A Monday, 07:00 in UTC. */
export const startMs = Date.UTC(2026, 10, 23, 7);

/** 25 sessions a worker at 0.7, so 17.5 each; 2 to 20 workers; inbound classes, so one spare; no buffer unless the test has one. */
export function aPolicy(over: Partial<ScalingPolicy> = {}): ScalingPolicy {
  return {
    minReplicas: 2,
    maxReplicas: 20,
    sessionsPerWorker: 25,
    slotUtilization: 0.7,
    spareWorkers: 1,
    drainBacklogWithinMs: 30_000,
    dispatchLatencyMs: 250,
    buffer: { sessions: 0, percent: 0 },
    schedules: [],
    behavior: defaultBehavior,
    handler: 'stateless',
    ...over,
  };
}

/** Figures of this moment; a number stands for a fresh reading. */
export type Seen = Partial<Record<SignalName, number | Reading>> & {
  readonly workers?: Partial<Signals['workers']>;
  readonly startUpMs?: number;
  readonly sessionMs?: number;
};

/** A quiet pool of 98 lines, where all is known, with what the test says about it. */
export function signals({ workers, startUpMs, sessionMs, ...seen }: Seen = {}): Signals {
  const reading = (name: SignalName, usually: number): Reading => {
    const given = seen[name] ?? usually;
    return typeof given === 'number' ? { value: given, ageMs: 500 } : given;
  };
  return {
    workers: { serving: 2, starting: 0, draining: 0, ...workers },
    slotsInUse: reading('slotsInUse', 0),
    ceiling: reading('ceiling', 98),
    backlog: reading('backlog', 0),
    oldestWaitMs: reading('oldestWaitMs', 0),
    workerLatencyMs: reading('workerLatencyMs', 20),
    arrivalsPerSecond: reading('arrivalsPerSecond', 0),
    busyWorkers: reading('busyWorkers', 0),
    startUpMs,
    sessionMs,
  };
}

/** The state of a recommender that has run for an hour, wanted so many workers a tick ago, and may scale down. */
export function running(replicas: number, nowMs: number = startMs): ScalingState {
  const beforeMs = nowMs - tickMs;
  return {
    ...startScaling({ serving: replicas, starting: 0 }, beforeMs),
    startedMs: nowMs - 3_600_000,
    highs: [{ atMs: beforeMs, workers: replicas }],
  };
}

/** One decision of a pool with so many workers, all serving. */
export function decide(replicas: number, seen: Seen, policy: ScalingPolicy = aPolicy(), nowMs: number = startMs): Recommendation {
  return recommend(running(replicas, nowMs), fleetOf(replicas, seen), policy, nowMs);
}

/** Decides so many times in a row, each tick after the one before; workers follow at once. */
export function ticks(
  from: { readonly state: ScalingState; readonly nowMs: number },
  count: number,
  seen: (index: number) => Seen,
  policy: ScalingPolicy = aPolicy(),
): readonly Recommendation[] {
  const all: Recommendation[] = [];
  let { state } = from;
  for (let index = 0; index < count; index += 1) {
    const next = recommend(state, fleetOf(state.replicas, seen(index)), policy, from.nowMs + index * tickMs);
    all.push(next);
    state = next.state;
  }
  return all;
}

function fleetOf(replicas: number, seen: Seen): Signals {
  return signals({ ...seen, workers: { serving: replicas, ...seen.workers } });
}
