/**
 * How far the provider's clock is from the ledger's, in milliseconds: positive where the provider's is ahead. Instants of the ledger say where a listing
 * has to begin, and the provider compares them with a clock of its own. With an unknown difference of some minutes, a listing would look into the wrong
 * window, find nothing, and a person would be dialled twice.
 *
 * No clock is believed to be right. Both are read against one monotonic clock, and a reading is an interval: the clock was looked at somewhere between
 * question and answer, and shows full units only.
 */

/** What a clock showed when it was asked. `askedAtMs` and `toldAtMs` are monotonic instants of this process. */
export type ClockReading = {
  readonly showedMs: number;
  /** The clock showed full units of this size: the instant itself is less than one unit later. */
  readonly resolutionMs: number;
  readonly askedAtMs: number;
  readonly toldAtMs: number;
};

export type Skew = { readonly fromMs: number; readonly toMs: number };

/** Skews of the present and of the former period; both periods count. */
export type SkewMemory = { readonly sinceMs: number; readonly present: Skew; readonly former: Skew | undefined };

/** Windows begin this much earlier than they have to: the provider shows calls late. */
export const overlapMs = 60_000;

/** Attempts and reads that are older than one or two of these are long settled. */
const periodMs = 3_600_000;

/**
 * The skew that two readings leave possible.
 *
 * E.g. the provider's `Date` shows 12:05:10 (so up to 12:05:11) and was told within 200 ms, while the ledger showed 12:00:10.5 within 2 ms at the
 * same time: the provider is between 299.3 s and 300.7 s ahead.
 */
export function skewBetween(provider: ClockReading, ledger: ClockReading): Skew {
  const [theirs, ours] = [aheadOfMonotonic(provider), aheadOfMonotonic(ledger)];
  return { fromMs: theirs.fromMs - ours.toMs, toMs: theirs.toMs - ours.fromMs };
}

function aheadOfMonotonic({ showedMs, resolutionMs, askedAtMs, toldAtMs }: ClockReading): Skew {
  return { fromMs: showedMs - toldAtMs, toMs: showedMs + resolutionMs - askedAtMs };
}

/**
 * Adds a skew to what is remembered. Nothing is narrowed within two periods: when somebody sets one of the clocks, instants that were written before
 * still need the old difference.
 */
export function rememberSkew(memory: SkewMemory | undefined, skew: Skew, nowMs: number): SkewMemory {
  if (memory === undefined) return { sinceMs: nowMs, present: skew, former: undefined };
  if (nowMs - memory.sinceMs < periodMs) return { ...memory, present: both(memory.present, skew) };
  return { sinceMs: nowMs, present: skew, former: memory.present };
}

/** Every skew that is remembered, as one interval. */
export function rememberedSkew(memory: SkewMemory): Skew {
  return memory.former === undefined ? memory.present : both(memory.former, memory.present);
}

function both(one: Skew, other: Skew): Skew {
  return { fromMs: Math.min(one.fromMs, other.fromMs), toMs: Math.max(one.toMs, other.toMs) };
}

/**
 * Where on the provider's clock a listing begins that shall show everything since an instant of the ledger's clock. The earliest possible instant is
 * taken, for too early costs rows and too late costs calls; while no skew is known it is a guess.
 */
export function windowStartMs(ledgerMs: number, skew: Skew | undefined): number {
  return ledgerMs + (skew?.fromMs ?? 0) - overlapMs;
}

/**
 * Whether a listing that began at this instant of the provider's clock shows everything since that instant of the ledger's. Asked with what is known
 * after the listing, as its answers tell the provider's clock too; unknown is no.
 */
export function windowCovers(startMs: number, ledgerMs: number, skew: Skew | undefined): boolean {
  return skew !== undefined && startMs <= ledgerMs + skew.fromMs;
}
