import type { Statefulness } from './policy.ts';

/** What is known when the number of workers is decided. Ages are spans measured where the figure was read: clocks of two machines are never compared. */
export type Signals = {
  /** `draining` ones are on their way out and are in neither of the others. */
  readonly workers: { readonly serving: number; readonly starting: number; readonly draining: number };
  /** Slots in use over all subscriptions, cooling and foreign-started sessions of the pool included. */
  readonly slotsInUse: Reading;
  /** Slots usable now over all subscriptions, within the pool's own budget. */
  readonly ceiling: Reading;
  /**
   * Sessions that wait, are due and held back by nothing but slots and workers. Those that a hold, a class limit or a breaker stops are none of it; of
   * those that a rate paces, it is as many as the rate lets through within `drainBacklogWithinMs`. More workers would start none of the others sooner.
   */
  readonly backlog: Reading;
  /** Of the sessions in `backlog`; 0 when there are none. */
  readonly oldestWaitMs: Reading;
  /** p95 of what the workers themselves take (webhook handling, dispatch), never the provider's part; 0 when they had nothing to do. */
  readonly workerLatencyMs: Reading;
  /** Sessions that came and could start at once, callers above all, over the last minute or so. Leads that are handed in are backlog and none of these. */
  readonly arrivalsPerSecond: Reading;
  /** Workers with a session of their own. Looked at for stateful handlers only. */
  readonly busyWorkers: Reading;
  /** What most workers take from the wish to serving (p90 of the last ones). Undefined: none has started yet. */
  readonly startUpMs: number | undefined;
  /** Mean length of a session. Undefined: none has ended yet. */
  readonly sessionMs: number | undefined;
};

/** A figure and how old it is. `missing`: it could not be had, which says nothing about its value (I9). */
export type Reading = { readonly value: number; readonly ageMs: number } | 'missing';

export type SignalName = 'slotsInUse' | 'ceiling' | 'backlog' | 'oldestWaitMs' | 'workerLatencyMs' | 'arrivalsPerSecond' | 'busyWorkers';

/** Why a signal is not used: it is not there, it is too old, or it is no amount (NaN, negative, beyond all bounds). */
export type Unknown = { readonly signal: SignalName; readonly why: 'Missing' | 'Stale' | 'Invalid' };

/** What the signals say, those left out that say nothing. */
export type Known = { readonly [Name in SignalName]: number | undefined } & { readonly unknown: readonly Unknown[] };

/** Five ticks without news. */
const staleAfterMs = 10_000;
/** No pool has so many sessions and nothing waits so long; a reading beyond is a mistake of whoever measured. */
const largest = 1e9;

/** Sorts what is known from what is not. `busyWorkers` can be unknown only where it matters. */
export function readSignals(signals: Signals, handler: Statefulness): Known {
  const unknown: Unknown[] = [];
  const value = (signal: SignalName): number | undefined => {
    const reading = signals[signal];
    const why = flawOf(reading);
    if (reading !== 'missing' && why === undefined) return reading.value;
    if (why !== undefined) unknown.push({ signal, why });
    return undefined;
  };
  const known = {
    slotsInUse: value('slotsInUse'),
    ceiling: value('ceiling'),
    backlog: value('backlog'),
    oldestWaitMs: value('oldestWaitMs'),
    workerLatencyMs: value('workerLatencyMs'),
    arrivalsPerSecond: value('arrivalsPerSecond'),
    busyWorkers: handler === 'stateful' ? value('busyWorkers') : undefined,
  };
  return { ...known, unknown };
}

function flawOf(reading: Reading): Unknown['why'] | undefined {
  if (reading === 'missing') return 'Missing';
  if (!isAmount(reading.value)) return 'Invalid';
  return reading.ageMs <= staleAfterMs ? undefined : 'Stale';
}

/** A figure that can be reckoned with: NaN and the like have made other scalers jump to their maximum or to nothing. */
export function isAmount(value: number): boolean {
  return value >= 0 && value <= largest;
}
