import { type LatencyCounts, latencyBound } from '../capacity/scaling/latency.ts';

/**
 * What this worker itself takes for what it is asked: from a provider's message to its being kept or handed on, from an admission to the request that goes
 * out. What provider, handler and waiting for a line take is no part of it: more workers would shorten none of those.
 */
export type Latency = {
  observe(ms: number): void;
  /** The last minute, in the form that the ledger keeps. */
  counts(): LatencyCounts;
};

const windowMs = 60_000;
/** The window moves on by so much. */
const sliceMs = 5_000;

export function openLatency(now: () => number): Latency {
  const slices = new Map<number, Map<number, number>>();

  return {
    observe(ms) {
      const slice = Math.floor(now() / sliceMs);
      const counts = slices.get(slice) ?? new Map<number, number>();
      slices.set(slice, counts);
      const bound = latencyBound(ms);
      counts.set(bound, (counts.get(bound) ?? 0) + 1);
      forget();
    },
    counts() {
      forget();
      const sums = new Map<number, number>();
      for (const counts of slices.values()) for (const [bound, count] of counts) sums.set(bound, (sums.get(bound) ?? 0) + count);
      return Object.fromEntries([...sums].map(([bound, count]) => [String(bound), count]));
    },
  };

  function forget(): void {
    const oldest = Math.floor((now() - windowMs) / sliceMs);
    for (const slice of slices.keys()) if (slice <= oldest) slices.delete(slice);
  }
}
