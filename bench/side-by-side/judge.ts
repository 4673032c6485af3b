import { percentile } from '../figure.ts';

/** A line that was held, in microseconds of the machine's monotonic clock, which all processes share. */
export type Held = { readonly fromUs: number; readonly toUs: number };

export type Verdict = {
  readonly perSecond: number;
  readonly peak: number;
  /** Starts that found every line taken already. */
  readonly violations: number;
  /** How long a line lay idle before somebody took it, milliseconds; nothing when the limit was broken: then nobody waited for a line. */
  readonly idleMs: { readonly p50: number; readonly p99: number } | undefined;
};

/** Judges what was seen between two instants. Whoever runs the jobs says only when each began and ended; what that means is counted here. */
export function judge(held: readonly Held[], lines: number, window: Held): Verdict {
  const starts = held.map(({ fromUs }) => fromUs).sort(ascending);
  const ends = held.map(({ toUs }) => toUs).sort(ascending);
  let peak = 0;
  let violations = 0;
  let started = 0;
  const idleMs: number[] = [];
  let ended = 0;
  for (const [index, startUs] of starts.entries()) {
    // A line that is given back and taken in the same microsecond was free.
    while ((ends[ended] ?? Number.POSITIVE_INFINITY) <= startUs) ended += 1;
    const inUse = index + 1 - ended;
    if (startUs < window.fromUs || startUs >= window.toUs) continue;
    started += 1;
    peak = Math.max(peak, inUse);
    if (inUse > lines) violations += 1;
    const freedUs = ends[index - lines];
    if (freedUs !== undefined) idleMs.push((startUs - freedUs) / 1_000);
  }
  return {
    perSecond: started / ((window.toUs - window.fromUs) / 1_000_000),
    peak,
    violations,
    idleMs: violations > 0 || idleMs.length === 0 ? undefined : { p50: percentile(idleMs, 50), p99: percentile(idleMs, 99) },
  };
}

const ascending = (one: number, other: number) => one - other;

/** Microseconds of the monotonic clock of this machine, equal in all its processes. */
export const nowUs = (): number => Number(process.hrtime.bigint() / 1_000n);
