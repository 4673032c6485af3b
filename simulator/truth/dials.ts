import type { Declaration } from '../declaration.ts';
import type { CallRecord, Observer, Outcome, TruthEvent } from './events.ts';

type Dialled = { live: number; attempts: number; last: Outcome | undefined };

/**
 * Counts outbound calls, how close together they came, and those that should not have been: a number dialled while an earlier call to it lives, after
 * an outcome that its class does not retry, or more often than the class allows. What the call is named plays no part.
 */
export class Dials implements Observer {
  dials = 0;
  duplicates = 0;
  perSecondPeak = 0;
  readonly #classes: ReadonlyMap<string, { readonly maxAttempts: number; readonly retryOn: ReadonlySet<string> }>;
  readonly #numbers = new Map<string, Dialled>();
  readonly #numberOf = new Map<string, string>();
  /** Instants of the creations within the last second. */
  #recent: number[] = [];

  constructor(declaration: Declaration) {
    this.#classes = new Map(declaration.classes.map((each) => [each.name, each]));
  }

  /** How often a number was dialled so far. */
  attemptsOf(number: string): number {
    return this.#numbers.get(number)?.attempts ?? 0;
  }

  /** Counts dials and their rate from here on. Whom one may dial again, and who was dialled twice, is a matter of the whole history. */
  beginRun(): void {
    this.dials = 0;
    this.perSecondPeak = 0;
    this.#recent = [];
  }

  observe(event: TruthEvent): void {
    if (event.event === 'created' && event.call.kind === 'outbound') this.#dial(event.call, event.atMs);
    if (event.event === 'ended') this.#end(event.id, event.outcome);
  }

  #dial(call: CallRecord, atMs: number): void {
    this.dials += 1;
    this.#recent = this.#recent.filter((instant) => instant > atMs - 1_000);
    this.#recent.push(atMs);
    this.perSecondPeak = Math.max(this.perSecondPeak, this.#recent.length);
    if (call.customer === undefined) return;

    const { number } = call.customer;
    const dialled = this.#numbers.get(number) ?? { live: 0, attempts: 0, last: undefined };
    if (!this.#mayDial(dialled, call.class)) this.duplicates += 1;
    dialled.live += 1;
    dialled.attempts += 1;
    this.#numbers.set(number, dialled);
    this.#numberOf.set(call.id, number);
  }

  #mayDial(dialled: Dialled, className: string | undefined): boolean {
    if (dialled.attempts === 0) return true;
    const retry = className === undefined ? undefined : this.#classes.get(className);
    if (dialled.live > 0 || dialled.last === undefined || retry === undefined) return false;
    return dialled.attempts < retry.maxAttempts && retry.retryOn.has(dialled.last);
  }

  #end(id: string, outcome: Outcome): void {
    const number = this.#numberOf.get(id);
    const dialled = number === undefined ? undefined : this.#numbers.get(number);
    if (dialled === undefined) return;
    this.#numberOf.delete(id);
    dialled.live -= 1;
    dialled.last = outcome;
  }
}
