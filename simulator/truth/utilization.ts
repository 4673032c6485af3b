import type { Account, Declaration, DeclaredClass } from '../declaration.ts';
import type { Observer, TruthEvent } from './events.ts';
import type { Lines } from './lines.ts';

/** Integrals of one subscription, in call-milliseconds. */
type Integral = { own: number; usable: number; rateFreeAtMs: number };

/**
 * How well a subscription was used while work for it waited: ∫ own calls ÷ ∫ (limit − foreign − margin − unused reserves), over the time in which some
 * class that may run there has leads not yet dialled, and neither its limit, the pool's budget nor the calls per second hold them back.
 *
 * The integral moves from event to event with what was true between them, so it must observe each event before {@link Lines} does. A rate holds the
 * work back only while there is a line to be had: with every usable line taken it is the lines that hold it, and that time counts as used.
 */
export class Utilization implements Observer {
  readonly #declaration: Declaration;
  readonly #lines: Lines;
  readonly #integrals = new Map<string, Integral>();
  readonly #undialled = new Map<string, Set<string>>();
  readonly #dialled = new Set<string>();
  #running = false;
  #sinceMs = 0;

  constructor(declaration: Declaration, lines: Lines) {
    this.#declaration = declaration;
    this.#lines = lines;
    for (const { subscription } of declaration.accounts) this.#integrals.set(subscription, { own: 0, usable: 0, rateFreeAtMs: 0 });
  }

  get undialled(): number {
    return [...this.#undialled.values()].reduce((sum, numbers) => sum + numbers.size, 0);
  }

  /** Null when no work ever waited for this subscription. */
  of(subscription: string): number | null {
    const integral = this.#integrals.get(subscription);
    return integral === undefined || integral.usable === 0 ? null : integral.own / integral.usable;
  }

  /** Brings the integrals up to an instant, for a report between two events. */
  advance(toMs: number): void {
    const fromMs = this.#sinceMs;
    this.#sinceMs = Math.max(fromMs, toMs);
    if (!this.#running || !this.#declaration.active || toMs <= fromMs) return;
    for (const account of this.#declaration.accounts) this.#integrate(account, fromMs, toMs);
  }

  /** Measures from here on. What was left undialled is still to be dialled. */
  beginRun(): void {
    for (const integral of this.#integrals.values()) {
      integral.own = 0;
      integral.usable = 0;
    }
  }

  observe(event: TruthEvent): void {
    // The time while the simulator was down belongs to nobody.
    if (event.event === 'opened') this.#running = false;
    this.advance(event.atMs);
    if (event.event === 'traffic') this.#running = event.running;
    if (event.event === 'lead' && !this.#dialled.has(event.number)) this.#undialledOf(event.class).add(event.number);
    if (event.event !== 'created' || event.call.kind !== 'outbound') return;

    if (event.call.customer !== undefined) this.#dial(event.call.customer.number);
    const account = this.#declaration.accounts.find((each) => each.subscription === event.call.subscription);
    const integral = this.#integrals.get(event.call.subscription);
    if (integral !== undefined && account?.callsPerSecond !== undefined) {
      integral.rateFreeAtMs = Math.max(event.atMs, integral.rateFreeAtMs) + 1_000 / account.callsPerSecond;
    }
  }

  #integrate(account: Account, fromMs: number, toMs: number): void {
    const integral = this.#integrals.get(account.subscription);
    const waiting = this.#declaration.classes.filter((each) => this.#waitsAt(each, account.subscription));
    if (integral === undefined || waiting.length === 0) return;

    const { limit, foreign, ownLive, liveByClass } = this.#lines.of(account.subscription);
    const unusedReserves = this.#declaration.classes
      .filter((each) => !waiting.includes(each))
      .reduce((sum, each) => sum + Math.max(0, (each.reservedAt.get(account.subscription) ?? 0) - (liveByClass.get(each.name) ?? 0)), 0);
    const usable = Math.max(0, limit - foreign - account.safetyMargin - unusedReserves);
    const heldByRateMs = ownLive < usable ? Math.min(toMs, integral.rateFreeAtMs) - fromMs : 0;
    const countedMs = toMs - fromMs - Math.max(0, heldByRateMs);
    integral.own += ownLive * countedMs;
    integral.usable += usable * countedMs;
  }

  #waitsAt(each: DeclaredClass, subscription: string): boolean {
    if (!each.outboundAt.has(subscription) || (this.#undialled.get(each.name)?.size ?? 0) === 0) return false;
    let ofClass = 0;
    let total = 0;
    let outbound = 0;
    for (const { ownLive, liveByClass } of this.#lines.bySubscription.values()) {
      ofClass += liveByClass.get(each.name) ?? 0;
      total += ownLive;
      for (const other of this.#declaration.classes) if (other.direction === 'Outbound') outbound += liveByClass.get(other.name) ?? 0;
    }
    return ofClass < each.limit && total < this.#declaration.budget.total && outbound < this.#declaration.budget.outbound;
  }

  #dial(number: string): void {
    this.#dialled.add(number);
    for (const numbers of this.#undialled.values()) numbers.delete(number);
  }

  #undialledOf(className: string): Set<string> {
    const numbers = this.#undialled.get(className) ?? new Set<string>();
    this.#undialled.set(className, numbers);
    return numbers;
  }
}
