/**
 * How fast the number of workers may change. The words and their meaning are those of `behavior` in a HorizontalPodAutoscaler, so that nobody has to
 * learn them twice.
 */
export type ScalingRule = {
  /** The calmest decision of this time counts: up, the lowest; down, the highest. */
  readonly stabilizationWindowMs: number;
  readonly limit: ScalingLimit;
};

export type ScalingLimit =
  | { readonly kind: 'none' }
  /** Never in this direction. */
  | { readonly kind: 'disabled' }
  /** As many as the most, or the least, generous of the policies allows. */
  | { readonly kind: 'most' | 'least'; readonly policies: readonly RatePolicy[] };

/** At most so many workers, or so many percent of them, in any period of that length. */
export type RatePolicy = { readonly kind: 'workers' | 'percent'; readonly value: number; readonly periodMs: number };

/** The number of workers changed by `by` at that time. */
export type Change = { readonly atMs: number; readonly by: number };

/** What was asked for at that time, before it was stabilised. */
export type Asked = { readonly atMs: number; readonly workers: number };

/** Bounds what is remembered of changes, whatever the length of the periods. */
const rememberedChanges = 64;

/** The most workers that `rule` allows now. */
export function highestAllowed(current: number, changes: readonly Change[], { limit }: ScalingRule, nowMs: number): number {
  if (limit.kind === 'none') return Number.POSITIVE_INFINITY;
  if (limit.kind === 'disabled') return current;
  const allowed = limit.policies.map(({ kind, value, periodMs }) => {
    const before = atStartOf(periodMs, current, changes, nowMs);
    return kind === 'workers' ? before + value : Math.ceil(before * (1 + value / 100));
  });
  return Math.max(current, limit.kind === 'most' ? Math.max(...allowed) : Math.min(...allowed));
}

/** The fewest workers that `rule` allows now. Rounds down, so that a small percentage of a small fleet is still one worker. */
export function lowestAllowed(current: number, changes: readonly Change[], { limit }: ScalingRule, nowMs: number): number {
  if (limit.kind === 'none') return 0;
  if (limit.kind === 'disabled') return current;
  const allowed = limit.policies.map(({ kind, value, periodMs }) => {
    const before = atStartOf(periodMs, current, changes, nowMs);
    return kind === 'workers' ? before - value : Math.floor(before * (1 - value / 100));
  });
  return Math.min(current, limit.kind === 'most' ? Math.min(...allowed) : Math.max(...allowed));
}

function atStartOf(periodMs: number, current: number, changes: readonly Change[], nowMs: number): number {
  return changes.reduce((workers, { atMs, by }) => (nowMs - atMs < periodMs ? workers - by : workers), current);
}

/** Adds a change. When there are too many, the two oldest become one that counts as long as the younger: a limit is never exceeded by forgetting. */
export function withChange(changes: readonly Change[], by: number, nowMs: number): readonly Change[] {
  if (by === 0) return changes;
  const all = [...changes, { atMs: nowMs, by }];
  const [oldest, next, ...rest] = all;
  if (all.length <= rememberedChanges || oldest === undefined || next === undefined) return all;
  return [{ atMs: next.atMs, by: oldest.by + next.by }, ...rest];
}

/**
 * Adds what is asked for, and forgets what can no longer be the highest of any window: what is left falls strictly, so there are never more entries
 * than workers.
 */
export function withHigh(highs: readonly Asked[], workers: number, windowMs: number, nowMs: number): readonly Asked[] {
  const kept = highs.filter((high) => high.workers > workers && nowMs - high.atMs < windowMs);
  return [...kept, { atMs: nowMs, workers }];
}

/** The same for the lowest. */
export function withLow(lows: readonly Asked[], workers: number, windowMs: number, nowMs: number): readonly Asked[] {
  const kept = lows.filter((low) => low.workers < workers && nowMs - low.atMs < windowMs);
  return [...kept, { atMs: nowMs, workers }];
}
