import type { ClockReading } from '../../capacity/watching/clock-skew.ts';

/**
 * The ledger's clock between two looks at it. Instants are PostgreSQL's alone; between, we add monotonic time of our own. Clocks of machines are never
 * compared.
 */
export type LedgerClock = {
  /** Milliseconds since 1970 by PostgreSQL. */
  now(): number;
  /**
   * Takes a reading of PostgreSQL's clock. `stepped`: somebody set it since the last reading, and every instant that is remembered may be wrong by as
   * much.
   */
  set(reading: ClockReading): 'steady' | 'stepped';
};

/** Clocks that are kept by a time service are slewed, not set; more than this in half a second is a step. */
const stepMs = 1_000;

/** Each reading that is not taken makes the next one that much more welcome. */
const fadingMs = 0.1;

export function openLedgerClock(monotonic: () => number): LedgerClock {
  let offsetMs = Number.NaN;
  let bestMs = Number.POSITIVE_INFINITY;
  return {
    now() {
      if (Number.isNaN(offsetMs)) throw new Error('the ledger clock was read before it was set');
      return monotonic() + offsetMs;
    },
    set({ showedMs, askedAtMs, toldAtMs }) {
      // A reading is as good as its round trip is short; slow ones would make rates and waits jump. What is good enough fades, as clocks drift.
      const roundTripMs = toldAtMs - askedAtMs;
      const readMs = showedMs - (askedAtMs + toldAtMs) / 2;
      const stepped = Math.abs(readMs - offsetMs) > stepMs + roundTripMs;
      bestMs += fadingMs;
      if (roundTripMs > bestMs && !stepped) return 'steady';
      bestMs = roundTripMs;
      offsetMs = readMs;
      return stepped ? 'stepped' : 'steady';
    },
  };
}
