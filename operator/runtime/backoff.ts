import type { Random } from './clock.ts';

/** Waits between tries: doubled with each failure up to a bound, and spread, so that many who failed together do not come back together. */
export type Backoff = { readonly firstMs: number; readonly longestMs: number };

/**
 * Wait after so many failures in a row, the first being 1: between the half and the whole of `firstMs` doubled each time. With 1 s and 30 s: 0.5–1 s,
 * 1–2 s, 2–4 s, and 15–30 s from the sixth on.
 */
export function backoffMs({ firstMs, longestMs }: Backoff, failures: number, random: Random): number {
  const whole = Math.min(longestMs, firstMs * 2 ** Math.min(52, Math.max(0, failures - 1)));
  return whole * (0.5 + random() / 2);
}
