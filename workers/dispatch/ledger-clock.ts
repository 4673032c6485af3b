/**
 * The ledger's clock between two looks at it. Instants are PostgreSQL's alone; between, we add monotonic time of our own. Clocks of machines are never
 * compared.
 */
export type LedgerClock = {
  /** Milliseconds since 1970 by PostgreSQL. */
  now(): number;
  /** Takes a reading: what PostgreSQL said, and when we asked and heard, in monotonic milliseconds. */
  set(ledgerMs: number, askedAtMs: number, heardAtMs: number): void;
};

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
    set(ledgerMs, askedAtMs, heardAtMs) {
      // A reading is as good as its round trip is short; slow ones would make rates and waits jump. What is good enough fades, as clocks drift.
      const roundTripMs = heardAtMs - askedAtMs;
      bestMs += fadingMs;
      if (roundTripMs > bestMs) return;
      bestMs = roundTripMs;
      offsetMs = ledgerMs - (askedAtMs + heardAtMs) / 2;
    },
  };
}
