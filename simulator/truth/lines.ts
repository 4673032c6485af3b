import type { Declaration } from '../declaration.ts';
import type { CallRecord, Observer, TruthEvent } from './events.ts';

/** The lines of one subscription. A line is taken from a call's creation until the provider frees it, which may be later than the call's end. */
export type SubscriptionLines = {
  limit: number;
  /** Lines taken now, own and foreign, those not yet freed included. */
  taken: number;
  foreign: number;
  /** Own calls that have not ended. */
  ownLive: number;
  /** Own calls that have not ended, by class. */
  readonly liveByClass: Map<string, number>;
  peak: number;
  overLimitRefusals: number;
};

/** Keeps count of the lines of every subscription. */
export class Lines implements Observer {
  readonly bySubscription: ReadonlyMap<string, SubscriptionLines>;
  readonly #subscriptionOf: ReadonlyMap<string, string>;
  readonly #holding = new Map<string, CallRecord>();

  constructor(declaration: Declaration) {
    this.bySubscription = new Map(
      declaration.accounts.map(({ subscription, limit }) => [
        subscription,
        { limit, taken: 0, foreign: 0, ownLive: 0, liveByClass: new Map(), peak: 0, overLimitRefusals: 0 },
      ]),
    );
    this.#subscriptionOf = new Map(declaration.orgs.map((org) => [org.project, org.subscription]));
  }

  /** The lines of one subscription; the declaration names it, so it is there. */
  of(subscription: string): SubscriptionLines {
    const lines = this.bySubscription.get(subscription);
    if (lines === undefined) throw new Error(`The pool declares no subscription ${subscription}.`);
    return lines;
  }

  free(subscription: string): number {
    const { limit, taken } = this.of(subscription);
    return Math.max(0, limit - taken);
  }

  /** Counts refusals from here on, and the peak from the lines that are taken already. */
  beginRun(): void {
    for (const lines of this.bySubscription.values()) {
      lines.peak = lines.taken;
      lines.overLimitRefusals = 0;
    }
  }

  observe(event: TruthEvent): void {
    if (event.event === 'created') this.#take(event.call);
    if (event.event === 'ended') this.#end(event.id);
    if (event.event === 'freed') this.#free(event.id);
    if (event.event === 'limit') this.of(event.subscription).limit = event.limit;
    if (event.event === 'refused' && event.why === 'over-limit') {
      const subscription = this.#subscriptionOf.get(event.project);
      if (subscription !== undefined) this.of(subscription).overLimitRefusals += 1;
    }
  }

  #take(call: CallRecord): void {
    const lines = this.of(call.subscription);
    this.#holding.set(call.id, call);
    lines.taken += 1;
    lines.peak = Math.max(lines.peak, lines.taken);
    if (call.kind === 'foreign') lines.foreign += 1;
    else this.#countLive(lines, call, 1);
  }

  #end(id: string): void {
    const call = this.#holding.get(id);
    if (call === undefined || call.kind === 'foreign') return;
    this.#countLive(this.of(call.subscription), call, -1);
  }

  #free(id: string): void {
    const call = this.#holding.get(id);
    if (call === undefined) return;
    this.#holding.delete(id);
    const lines = this.of(call.subscription);
    lines.taken -= 1;
    if (call.kind === 'foreign') lines.foreign -= 1;
  }

  #countLive(lines: SubscriptionLines, call: CallRecord, by: 1 | -1): void {
    lines.ownLive += by;
    if (call.class !== undefined) lines.liveByClass.set(call.class, (lines.liveByClass.get(call.class) ?? 0) + by);
  }
}
