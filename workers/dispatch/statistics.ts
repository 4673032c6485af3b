import type { Percentiles, PoolLoad } from '../../capacity/view.ts';
import type { ClassName } from '../../crds/values.ts';
import type { OpenAttempt } from '../../ledger/dispatch/open-attempts.ts';
import { isForeign } from './slot-book.ts';

/** What the view shows of the last minute: waiting times, departures from the queue, arrivals, creations in the last second, and use for fairness. */

const windowMs = 60_000;
const maxSamples = 2_000;
/** Sessions that the mean length is taken over. */
const maxLengths = 100;

/** Slot-seconds are forgotten by half in this time. */
const halfLifeMs = 300_000;

type ClassStatistics = { readonly waits: { atMs: number; waitMs: number }[]; slotSeconds: number };

export class Statistics {
  readonly #classes = new Map<ClassName, ClassStatistics>();
  #creations: number[] = [];
  #arrivals: number[] = [];
  readonly #lengthsMs: number[] = [];
  #usedUntilMs: number | undefined;

  admitted(name: ClassName, waitMs: number, nowMs: number): void {
    const { waits } = this.#of(name);
    waits.push({ atMs: nowMs, waitMs });
    if (waits.length > maxSamples) waits.shift();
  }

  created(nowMs: number): void {
    this.#creations.push(nowMs);
  }

  /** Looks at a change of an attempt: whether a caller has arrived, or a conversation has ended. `before`: what was known of it. */
  changed(before: OpenAttempt | undefined, attempt: OpenAttempt, nowMs: number): void {
    if (before === undefined && attempt.direction === 'Inbound' && !isForeign(attempt)) this.#arrivals.push(nowMs);
    if (attempt.boundAtMs === null || attempt.endedAtMs === null || before?.endedAtMs !== null) return;
    this.#lengthsMs.push(Math.max(0, attempt.endedAtMs - attempt.boundAtMs));
    if (this.#lengthsMs.length > maxLengths) this.#lengthsMs.shift();
  }

  /** Callers a second over the last minute, and how long sessions last on average: null until one has ended. */
  load(nowMs: number): PoolLoad {
    this.#arrivals = this.#arrivals.filter((atMs) => atMs > nowMs - windowMs);
    const total = this.#lengthsMs.reduce((sum, ms) => sum + ms, 0);
    return {
      arrivalsPerSecond: this.#arrivals.length / (windowMs / 1_000),
      sessionMs: this.#lengthsMs.length === 0 ? null : Math.round(total / this.#lengthsMs.length),
    };
  }

  /** Adds slot-seconds since the last call: `slots` gives each class's slots in use. */
  use(names: readonly ClassName[], slots: (name: ClassName) => number, nowMs: number): void {
    const spanMs = nowMs - (this.#usedUntilMs ?? nowMs);
    this.#usedUntilMs = nowMs;
    const keep = 0.5 ** (spanMs / halfLifeMs);
    for (const name of names) {
      const entry = this.#of(name);
      entry.slotSeconds = entry.slotSeconds * keep + (slots(name) * spanMs) / 1_000;
    }
  }

  slotSeconds(): ReadonlyMap<ClassName, number> {
    return new Map([...this.#classes].map(([name, { slotSeconds }]) => [name, slotSeconds]));
  }

  waits(name: ClassName, nowMs: number): { readonly waitMs: Percentiles | null; readonly leftPerMinute: number } {
    const recent = this.#of(name).waits.filter((sample) => sample.atMs > nowMs - windowMs);
    const sorted = recent.map((sample) => sample.waitMs).sort((a, b) => a - b);
    const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
    const waitMs = sorted.length === 0 ? null : { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
    return { waitMs, leftPerMinute: recent.length };
  }

  creationsPerSecond(nowMs: number): number {
    this.#creations = this.#creations.filter((atMs) => atMs > nowMs - 1_000);
    return this.#creations.length;
  }

  #of(name: ClassName): ClassStatistics {
    let entry = this.#classes.get(name);
    if (entry === undefined) {
      entry = { waits: [], slotSeconds: 0 };
      this.#classes.set(name, entry);
    }
    return entry;
  }
}
