/**
 * How many requests took at most so many milliseconds: `{"25": 310, "50": 12}`. Each worker counts its own, and counts of several workers add up, which
 * percentiles do not. Bounds that nothing fell into are left out.
 */
export type LatencyCounts = Readonly<Record<string, number>>;

/** Upper bounds of what is told apart, in milliseconds. The last one holds everything beyond. */
export const latencyBoundsMs: readonly number[] = [
  1, 2, 5, 10, 15, 20, 30, 50, 75, 100, 150, 200, 250, 300, 400, 500, 750, 1_000, 1_500, 2_000, 3_000, 5_000, 10_000, 20_000, 60_000,
];

/** The bound that a request which took so long counts at. */
export function latencyBound(ms: number): number {
  return latencyBoundsMs.find((bound) => ms <= bound) ?? 60_000;
}

/**
 * What 95 of 100 requests took at most, over all workers; 0 when there was none. Bounds of other releases may differ, and counts that are no numbers give
 * a figure that is none: whoever reads it takes it for unknown.
 */
export function p95Of(workers: readonly LatencyCounts[]): number {
  const counts = new Map<number, number>();
  for (const [bound, count] of workers.flatMap((worker) => Object.entries(worker))) {
    counts.set(Number(bound), (counts.get(Number(bound)) ?? 0) + count);
  }
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  if (Number.isNaN(total)) return Number.NaN;
  let seen = 0;
  for (const [bound, count] of [...counts].sort(([one], [other]) => one - other)) {
    seen += count;
    if (seen >= total * 0.95) return bound;
  }
  return 0;
}
