import { type ScalingPolicy, tickMs } from '../../../capacity/scaling/policy.ts';
import { type Recommendation, recommend } from '../../../capacity/scaling/recommend.ts';
import { type ScalingState, startScaling } from '../../../capacity/scaling/state.ts';
import { aPolicy, type Seen, signals, startMs } from './given.ts';

/** A pool in virtual time, as far as the number of its workers matters: sessions come, wait, hold a slot and end; workers start, serve and drain. */
export type World = {
  readonly policy?: ScalingPolicy;
  readonly ceiling?: number;
  readonly sessionMs?: number;
  readonly startUpMs?: number;
  readonly drainMs?: number;
  readonly workers?: number;
  /** Sessions that arrive in the tick that begins then. */
  readonly arrivals: (atMs: number) => number;
  /** What is seen of the world otherwise than it is. */
  readonly distorted?: (atMs: number) => Seen;
  /** The recommender is started anew in these ticks. */
  readonly restartsAtMs?: readonly number[];
};

export type Moment = {
  readonly atMs: number;
  readonly wanted: number;
  readonly serving: number;
  readonly slotsInUse: number;
  readonly waiting: number;
  readonly recommendation: Recommendation;
};

/** Lets the world run; times are since its beginning. */
export function run(world: World, untilMs: number): readonly Moment[] {
  const { policy = aPolicy(), ceiling = 98, sessionMs = 60_000, startUpMs = 5_000, drainMs = 10_000 } = world;
  const first = world.workers ?? policy.minReplicas;
  let servesAtMs: readonly number[] = Array.from({ length: first }, () => 0);
  let gonesAtMs: readonly number[] = [];
  let endsAtMs: readonly number[] = [];
  let since: readonly number[] = [];
  let state: ScalingState = startScaling({ serving: first, starting: 0 }, startMs);
  const moments: Moment[] = [];

  for (let atMs = 0; atMs < untilMs; atMs += tickMs) {
    const serving = servesAtMs.filter((readyMs) => readyMs <= atMs).length;
    gonesAtMs = gonesAtMs.filter((goneMs) => goneMs > atMs);
    endsAtMs = endsAtMs.filter((endMs) => endMs > atMs);
    const came = world.arrivals(atMs);
    since = [...since, ...Array.from({ length: came }, () => atMs)];
    const free = Math.max(0, Math.min(ceiling, serving * policy.sessionsPerWorker) - endsAtMs.length);
    const begun = Math.min(free, since.length);
    since = since.slice(begun);
    endsAtMs = [...endsAtMs, ...Array.from({ length: begun }, () => atMs + sessionMs)];

    const workers = { serving, starting: servesAtMs.length - serving, draining: gonesAtMs.length };
    const seen: Seen = {
      workers,
      ceiling,
      sessionMs,
      startUpMs,
      slotsInUse: endsAtMs.length,
      backlog: since.length,
      oldestWaitMs: atMs - (since[0] ?? atMs),
      arrivalsPerSecond: came / (tickMs / 1_000),
      ...world.distorted?.(atMs),
    };
    if (world.restartsAtMs?.includes(atMs) === true) state = startScaling(workers, startMs + atMs);
    const recommendation = recommend(state, signals(seen), policy, startMs + atMs);
    state = recommendation.state;

    const wanted = recommendation.replicas;
    const added = Math.max(0, wanted - servesAtMs.length);
    const removed = Math.max(0, servesAtMs.length - wanted);
    gonesAtMs = [...gonesAtMs, ...Array.from({ length: removed }, () => atMs + drainMs)];
    servesAtMs = [...servesAtMs.slice(0, servesAtMs.length - removed), ...Array.from({ length: added }, () => atMs + startUpMs)];
    moments.push({ atMs, wanted, serving, slotsInUse: endsAtMs.length, waiting: since.length, recommendation });
  }
  return moments;
}

/** Every change of what is wanted, with its time in seconds. */
export function changes(moments: readonly Moment[]): readonly { readonly atSeconds: number; readonly wanted: number }[] {
  return moments.flatMap(({ atMs, wanted, recommendation }) =>
    wanted === recommendation.decision.previous ? [] : [{ atSeconds: atMs / 1_000, wanted }],
  );
}

/** Numbers from 0 to 1 that look random and are the same in every run (Park–Miller). */
export function noise(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}
