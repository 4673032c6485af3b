/**
 * How long the provider still holds a line after it has reported the end of its call, learned per subscription. Too short, and new calls are refused;
 * too long, and lines lie idle.
 *
 * What has to be right is not each line but their number: never fewer slots cooling than lines held. An answer that tells the lines left says how many
 * ended lines are held at that moment, and with it how long cooling should have been for just that: until the age of the youngest so many. The
 * estimate is the second longest of fifty such spans, over the last two hundred: the very longest is too often a caller who rang unheard, and one such
 * mistake would keep lines idle for minutes. With calls ended 0.2, 0.9, 1.4 and 3 s ago and two lines held, the span is 0.9 s, whichever two they are.
 *
 * When answers do not tell, refusals alone teach: each one makes the span longer, each dial that goes through a little shorter.
 * Plain JSON, kept by the ledger.
 */
export type ReleaseLag = {
  /** Second longest spans of the last full blocks of readings, oldest first. Before the first one: a guess. */
  readonly blocks: readonly number[];
  readonly current: { readonly longestMs: number; readonly secondMs: number; readonly readings: number };
  /** What refusals have added to the readings, or, without readings, made of the first guess. */
  readonly trimMs: number;
  readonly readings: 'none' | 'told';
  readonly dials: number;
};

/** What an answer or a refusal shows: the provider's count, minus our live calls, minus foreign calls known to live. */
export type HeldReading = {
  /** Lines that are certainly held beyond our live calls, and those that may be: they differ while sends are under way. */
  readonly heldMin: number;
  readonly heldMax: number;
  /** Ages of all our calls that ended at most {@link longestLagMs} ago, whether their slot is free again or not. */
  readonly agesMs: readonly number[];
};

export const longestLagMs = 10_000;
const firstGuessMs = 1_000;

const readingsPerBlock = 50;
const keptBlocks = 4;
/** After so many readings the first guess gives way to them. */
const guessHoldsFor = 5;

/** Readings that say too little: more sends under way than this. While there is only the guess, even a vague reading is better than it. */
const ambiguousLines = { guessing: 8, told: 2 } as const;

/** One refusal in this many dials keeps the trim where it is. */
const dialsPerRefusal = 250;

export const initialReleaseLag: ReleaseLag = {
  blocks: [firstGuessMs],
  current: { longestMs: 0, secondMs: 0, readings: 0 },
  trimMs: 0,
  readings: 'none',
  dials: 0,
};

/** How long a slot cools after the end of its call. */
export function releaseLagMs({ blocks, current, trimMs }: ReleaseLag): number {
  return clamp(Math.max(...blocks, current.secondMs) + trimMs, 0, longestLagMs);
}

/**
 * Takes in how many of the lines that ended lately are held. A reading that is ambiguous teaches nothing, nor one with more lines held than ended
 * within the longest lag: those are foreign calls, whatever else.
 */
export function afterReading(lag: ReleaseLag, { heldMin, heldMax, agesMs }: HeldReading): ReleaseLag {
  const ages = agesMs.filter((ageMs) => ageMs >= 0 && ageMs <= longestLagMs).sort((a, b) => a - b);
  const ambiguous = lag.readings === 'none' ? ambiguousLines.guessing : ambiguousLines.told;
  if (heldMax - heldMin > ambiguous || heldMin > ages.length) return lag;
  const neededMs = heldMin <= 0 ? 0 : (ages[heldMin - 1] ?? 0);
  const current = {
    longestMs: Math.max(lag.current.longestMs, neededMs),
    secondMs: Math.max(lag.current.secondMs, Math.min(lag.current.longestMs, neededMs)),
    readings: lag.current.readings + 1,
  };
  if (lag.readings === 'none' && current.readings >= guessHoldsFor) {
    return { ...lag, blocks: [current.secondMs], current: nothing, readings: 'told', trimMs: 0 };
  }
  if (current.readings < readingsPerBlock) return { ...lag, current };
  return { ...lag, blocks: [...lag.blocks, current.secondMs].slice(-keptBlocks), current: nothing };
}

/**
 * Takes in how a dial went while the subscription was full: refused means that a line of ours came back too early. Dials above the ceiling (probes) do
 * not belong here.
 */
export function afterDial(lag: ReleaseLag, result: 'taken' | 'refused'): ReleaseLag {
  const stepMs = stepOf(lag);
  const moved = lag.trimMs + (result === 'refused' ? stepMs : -stepMs / dialsPerRefusal);
  // Readings know the lag, refusals only add a little to them: a run of refusals is foreign calls, not lag.
  const toldMs = Math.max(...lag.blocks, lag.current.secondMs);
  const trimMs = lag.readings === 'told' ? clamp(moved, 0, Math.max(50, toldMs / 5)) : clamp(moved, -firstGuessMs, longestLagMs);
  return { ...lag, trimMs, dials: lag.dials + 1 };
}

/** Long steps at first, so that the way from 1 s to 10 s does not take hundreds of refusals. */
function stepOf(lag: ReleaseLag): number {
  const shareMs = Math.max(20, releaseLagMs(lag) / 20);
  return lag.readings === 'told' ? shareMs : Math.max(shareMs, 500 / (1 + lag.dials / 200));
}

const nothing = { longestMs: 0, secondMs: 0, readings: 0 } as const;

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}
