import type { SubscriptionName } from '../../crds/values.ts';
import type { OpenAttempt } from '../../ledger/dispatch/open-attempts.ts';

/**
 * Ended calls whose line the provider may still hold. In order of their end within each subscription, so that only heads are looked at, however many
 * there are. When the release lag is learned anew, it holds for those that cool already.
 */
export class Cooling {
  readonly #bySubscription = new Map<SubscriptionName, Map<string, number>>();

  /** Enters a cooling attempt; again changes nothing. */
  add(attempt: Pick<OpenAttempt, 'id' | 'subscription' | 'endedAtMs'>): void {
    let ends = this.#bySubscription.get(attempt.subscription);
    if (ends === undefined) {
      ends = new Map();
      this.#bySubscription.set(attempt.subscription, ends);
    }
    if (!ends.has(attempt.id)) ends.set(attempt.id, attempt.endedAtMs ?? 0);
  }

  /** After somebody set the clock, nobody can tell how long they have cooled: all begin again. */
  restart(nowMs: number): void {
    for (const ends of this.#bySubscription.values()) for (const id of ends.keys()) ends.set(id, nowMs);
  }

  remove(attempt: { readonly id: string; readonly subscription: SubscriptionName }): void {
    this.#bySubscription.get(attempt.subscription)?.delete(attempt.id);
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
}
