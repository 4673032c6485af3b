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

export function openLedgerClock(monotonic: () => number): LedgerClock {
  let offsetMs = Number.NaN;
  return {
    now() {
      if (Number.isNaN(offsetMs)) throw new Error('the ledger clock was read before it was set');
      return monotonic() + offsetMs;
    },
    set(ledgerMs, askedAtMs, heardAtMs) {
      offsetMs = ledgerMs - (askedAtMs + heardAtMs) / 2;
    },
  };
}
