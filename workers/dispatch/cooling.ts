import type { SubscriptionName } from '../../crds/values.ts';
import type { OpenAttempt } from '../../ledger/dispatch/open-attempts.ts';

/**
 * Ended calls whose line the provider may still hold. In order of their end within each subscription, so that only heads are looked at, however many
 * there are. When the release lag is learned anew, it holds for those that cool already.
 */
export class Cooling {
  readonly #bySubscription = new Map<SubscriptionName, Map<string, number>>();
  /** Under which subscription each is: it may be called another by the time that it leaves. */
  readonly #subscriptions = new Map<string, SubscriptionName>();

  /** Enters a cooling attempt; again changes nothing. */
  add({ id, subscription, endedAtMs }: Pick<OpenAttempt, 'id' | 'subscription' | 'endedAtMs'>): void {
    if (this.#subscriptions.has(id)) return;
    this.#subscriptions.set(id, subscription);
    this.#endsOf(subscription).set(id, endedAtMs ?? 0);
  }

  /** Their accounts may have other names now. */
  replace(subscriptionOf: (id: string) => SubscriptionName | undefined): void {
    const ends = [...this.#bySubscription].flatMap(([subscription, its]) => [...its].map(([id, atMs]) => ({ id, atMs, subscription })));
    this.#bySubscription.clear();
    this.#subscriptions.clear();
    for (const { id, atMs, subscription } of ends.sort((a, b) => a.atMs - b.atMs))
      this.add({ id, subscription: subscriptionOf(id) ?? subscription, endedAtMs: atMs });
  }

  /** After somebody set the clock, nobody can tell how long they have cooled: all begin again. */
  restart(nowMs: number): void {
    for (const ends of this.#bySubscription.values()) for (const id of ends.keys()) ends.set(id, nowMs);
  }

  remove(id: string): void {
    const subscription = this.#subscriptions.get(id);
    if (subscription === undefined) return;
    this.#subscriptions.delete(id);
    this.#bySubscription.get(subscription)?.delete(id);
  }

  count(subscription: SubscriptionName): number {
    return this.#bySubscription.get(subscription)?.size ?? 0;
  }

  /** Attempts whose release lag has passed, and the instant at which the next one's does. */
  due(nowMs: number, lagMs: (subscription: SubscriptionName) => number): { readonly ids: readonly string[]; readonly nextMs: number } {
    const ids: string[] = [];
    let nextMs = Number.POSITIVE_INFINITY;
    for (const [subscription, ends] of this.#bySubscription) {
      const lag = lagMs(subscription);
      for (const [id, endedAtMs] of ends) {
        if (endedAtMs + lag > nowMs) {
          nextMs = Math.min(nextMs, endedAtMs + lag);
          break;
        }
        ids.push(id);
      }
    }
    return { ids, nextMs };
  }

  #endsOf(subscription: SubscriptionName): Map<string, number> {
    const ends = this.#bySubscription.get(subscription) ?? new Map<string, number>();
    this.#bySubscription.set(subscription, ends);
    return ends;
  }
}
