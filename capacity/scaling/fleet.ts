import type { Policy } from '../policy/policy.ts';
import type { PoolView } from '../view.ts';
import { type LatencyCounts, p95Of } from './latency.ts';
import { loadOf } from './load.ts';
import type { ScalingPolicy } from './policy.ts';
import type { Reading, Signals } from './signals.ts';

/** What the ledger says of a pool's load and workers at one instant. */
export type FleetReading = {
  /** What the dispatcher published last; absent: none has been at work. */
  readonly seen: { readonly view: FleetView; readonly ageMs: number } | undefined;
  /** Queued sessions of each class whose time has come, counted as far as a few thousand: more would ask for no more workers. */
  readonly due: ReadonlyMap<string, number>;
  /** Workers that were heard of within the last minute and are not gone. */
  readonly workers: readonly WorkerReading[];
};

/** A view without what makes it long. */
export type FleetView = Omit<PoolView, 'decisions' | 'directions' | 'upstreams'>;

/** Null: this worker has not said, or is of a release that does not. */
export type WorkerReading = {
  readonly name: string;
  readonly state: 'serving' | 'draining' | 'drained';
  readonly beatAgeMs: number;
  /** From the start of its process to the first request that it could have answered. */
  readonly startedInMs: number | null;
  readonly sessions: number | null;
  /** Whether it is the pool's dispatcher. */
  readonly dispatching: boolean;
  readonly latencyMs: LatencyCounts | null;
};

export type Counted = Signals['workers'];

/**
 * What is known when the number of workers is decided. `workers` comes from whoever starts them: a ledger cannot know of one that has not registered yet.
 * `ageMs` is how long ago the reading was taken. `beforeStartMs`: by a worker's name, from the wish to the start of its process, which is most of it where a
 * cluster finds a node and fetches an image first.
 */
export function signalsOf(
  reading: FleetReading | undefined,
  on: {
    readonly policy: Pick<Policy, 'subscriptions'>;
    readonly scaling: ScalingPolicy;
    readonly workers: Counted;
    readonly ageMs: number;
    readonly beforeStartMs?: ReadonlyMap<string, number>;
  },
): Signals {
  const seen = reading?.seen;
  const load = seen?.view.load;
  const workers = reading?.workers ?? [];
  const serving = workers.filter(({ state }) => state === 'serving');
  const viewAgeMs = (seen?.ageMs ?? 0) + on.ageMs;
  return {
    workers: on.workers,
    ...loadOf(
      seen === undefined || reading === undefined ? 'missing' : { view: seen.view, ageMs: viewAgeMs, due: reading.due },
      on.policy,
      on.scaling.drainBacklogWithinMs,
    ),
    workerLatencyMs: saidBy(serving, ({ latencyMs }) => latencyMs, p95Of, on.ageMs),
    arrivalsPerSecond: load === undefined ? 'missing' : { value: load.arrivalsPerSecond, ageMs: viewAgeMs },
    busyWorkers: saidBy(
      workers,
      ({ sessions }) => sessions,
      (sessions) => sessions.filter((many) => many > 0).length,
      on.ageMs,
    ),
    startUpMs: p90(
      workers.flatMap(({ name, startedInMs }) => (startedInMs === null ? [] : [(on.beforeStartMs?.get(name) ?? 0) + startedInMs])),
    ),
    sessionMs: load?.sessionMs ?? undefined,
  };
}

/** A worker that has been silent for longer says nothing about now. */
const heardWithinMs = 5_000;

/** A figure over the workers that tell theirs, as old as the oldest of what they say. Where none tells it, nothing is known. */
function saidBy<T>(
  workers: readonly WorkerReading[],
  of: (worker: WorkerReading) => T | null,
  over: (said: readonly T[]) => number,
  ageMs: number,
): Reading {
  const said = workers.flatMap((worker) => {
    const value = of(worker);
    return value === null || worker.beatAgeMs > heardWithinMs ? [] : [{ value, beatAgeMs: worker.beatAgeMs }];
  });
  if (said.length === 0) return 'missing';
  return { value: over(said.map(({ value }) => value)), ageMs: Math.max(...said.map(({ beatAgeMs }) => beatAgeMs)) + ageMs };
}

function p90(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.9))];
}
