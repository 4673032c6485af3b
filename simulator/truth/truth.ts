import type { Report } from '../contract.ts';
import type { Declaration } from '../declaration.ts';
import { Dials } from './dials.ts';
import type { TruthEvent } from './events.ts';
import { Lines } from './lines.ts';
import type { TruthLog } from './log.ts';
import { Utilization } from './utilization.ts';

/** Distinct violations kept; a defect that repeats itself is one defect. */
const maxViolations = 100;

/** What is counted of one run, beside lines, dials and utilisation. */
type RunCounts = {
  readonly reservedAnswersMs: number[];
  inboundArrivals: number;
  inboundRefused: number;
  inboundLate: number;
  requestRateRefusals: number;
};

const nothingYet = (): RunCounts => ({
  reservedAnswersMs: [],
  inboundArrivals: 0,
  inboundRefused: 0,
  inboundLate: 0,
  requestRateRefusals: 0,
});

/**
 * Everything that happened, counted. What is told is first written down, then counted, and only then acted upon.
 *
 * Measures (peaks, shares, waits, refusals, arrivals) are those of the latest run. What must never happen (duplicate dials, violations) counts from the
 * first event on: a run that was killed has no report of its own.
 */
export class Truth {
  readonly lines: Lines;
  readonly dials: Dials;
  readonly #utilization: Utilization;
  readonly #log: TruthLog;
  readonly #violations = new Map<string, number>();
  /** Inbound callers from the first run on. */
  arrivals = 0;
  #live = 0;
  #run: string | undefined;
  #counts = nothingYet();

  constructor(declaration: Declaration, log: TruthLog, past: readonly TruthEvent[]) {
    this.lines = new Lines(declaration);
    this.dials = new Dials(declaration);
    this.#utilization = new Utilization(declaration, this.lines);
    this.#log = log;
    for (const event of past) this.#count(event);
  }

  tell(event: TruthEvent): void {
    this.#log.append(event);
    this.#count(event);
  }

  report(nowMs: number): Report {
    this.#utilization.advance(nowMs);
    const subscriptions = [...this.lines.bySubscription].map(([name, lines]) => {
      const { limit, peak, overLimitRefusals } = lines;
      return [name, { limit, peak, overLimitRefusals, utilizationWhileBacklogged: this.#utilization.of(name) }] as const;
    });
    return {
      subscriptions: Object.fromEntries(subscriptions),
      callsPerSecondPeak: this.dials.perSecondPeak,
      duplicateDials: this.dials.duplicates,
      inboundArrivals: this.#counts.inboundArrivals,
      inboundRefusedAtProvider: this.#counts.inboundRefused,
      inboundLateAnswers: this.#counts.inboundLate,
      reservedAnswerMs: percentiles(this.#counts.reservedAnswersMs),
      dials: this.dials.dials,
      live: this.#live,
      undialled: this.#utilization.undialled,
      requestRateRefusals: this.#counts.requestRateRefusals,
      violations: [...this.#violations].map(([what, times]) => (times === 1 ? what : `${what} (${times} times)`)),
    };
  }

  #count(event: TruthEvent): void {
    // The integral needs the lines as they were until now.
    this.#utilization.observe(event);
    this.lines.observe(event);
    this.dials.observe(event);
    if (event.event === 'opened' && event.run !== this.#run) this.#beginRun(event.run);
    if (event.event === 'created' && event.call.kind !== 'foreign') this.#live += 1;
    if (event.event === 'ended' && event.outcome !== 'Foreign') this.#live -= 1;
    if (event.event === 'arrival') this.#countArrival(event.taken);
    if (event.event === 'answered') this.#countAnswer(event);
    if (event.event === 'refused' && event.why === 'request-rate') this.#counts.requestRateRefusals += 1;
    if (event.event === 'violation') this.#countViolation(event.what);
  }

  #beginRun(run: string | undefined): void {
    this.#run = run;
    this.#counts = nothingYet();
    this.lines.beginRun();
    this.dials.beginRun();
    this.#utilization.beginRun();
  }

  #countArrival(taken: boolean): void {
    this.arrivals += 1;
    this.#counts.inboundArrivals += 1;
    if (!taken) this.#counts.inboundRefused += 1;
  }

  /** A caller who finds the reserve free and gets no assistant all the same counts with the provider's deadline: it must show. */
  #countAnswer(event: Extract<TruthEvent, { event: 'answered' }>): void {
    if (event.answer === 'late') this.#counts.inboundLate += 1;
    if (event.reserveFree)
      this.#counts.reservedAnswersMs.push(event.answer === 'assistant' ? event.tookMs : Math.max(event.tookMs, answerDeadlineMs));
  }

  #countViolation(what: string): void {
    const times = this.#violations.get(what);
    if (times !== undefined || this.#violations.size < maxViolations) this.#violations.set(what, (times ?? 0) + 1);
  }
}

/** The provider waits this long for an answer to `assistant-request`, whatever the number's own timeout says. Never divided by speed. */
export const answerDeadlineMs = 7_500;

function percentiles(values: readonly number[]): Report['reservedAnswerMs'] {
  const sorted = [...values].sort((one, other) => one - other);
  const at = (share: number) => sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}
