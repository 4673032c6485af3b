import type { PendingCount, SlotCount } from '../../capacity/admission/snapshot.ts';
import type { ClassName, ProjectName, SubscriptionName } from '../../crds/values.ts';
import type { OpenAttempt } from '../../ledger/dispatch/open-attempts.ts';

/**
 * The dispatcher's count of slots: every open attempt, and running sums over them. Rebuilt from the ledger on election, kept by signals after. Applying
 * the same attempt twice changes nothing, so a signal may be read late or twice.
 */
export class SlotBook {
  readonly #attempts = new Map<string, OpenAttempt>();
  readonly #slots = new Map<string, { count: number; cooling: number; readonly sample: Omit<SlotCount, 'slots' | 'cooling'> }>();
  readonly #pending = new Map<ProjectName, { readonly subscription: SubscriptionName; slots: number }>();
  readonly #foreign = new Map<SubscriptionName, number>();
  readonly #held = new Map<SubscriptionName, number>();
  readonly #classes = new Map<ClassName, number>();
  readonly #live = new Map<SubscriptionName, number>();
  readonly #unsure = new Map<SubscriptionName, number>();

  /** Enters an attempt as it is now; an ended one leaves. */
  apply(attempt: OpenAttempt): void {
    const before = this.#attempts.get(attempt.id);
    if (before !== undefined) this.#count(before, -1);
    if (attempt.state === 'ended') {
      this.#attempts.delete(attempt.id);
      return;
    }
    this.#attempts.set(attempt.id, attempt);
    this.#count(attempt, 1);
  }

  get(id: string): OpenAttempt | undefined {
    return this.#attempts.get(id);
  }

  all(): IterableIterator<OpenAttempt> {
    return this.#attempts.values();
  }

  get size(): number {
    return this.#attempts.size;
  }

  inUse(): readonly SlotCount[] {
    const counts: SlotCount[] = [];
    for (const { count, cooling, sample } of this.#slots.values()) {
      if (count > 0) counts.push({ ...sample, slots: count, cooling });
    }
    return counts;
  }

  /** Lines that belong to no class: callers who wait for an answer, and callers who were refused by message or transfer. */
  pending(): readonly PendingCount[] {
    return [...this.#pending].flatMap(([project, { subscription, slots }]) => (slots > 0 ? [{ project, subscription, slots }] : []));
  }

  /** Slots that we hold on a subscription, `cooling` and pending included; foreign calls are not ours. */
  held(subscription: SubscriptionName): number {
    return this.#held.get(subscription) ?? 0;
  }

  /** Our calls that certainly live at the provider, and those that may: admitted or being sent. Ended ones are in neither. */
  lines(subscription: SubscriptionName): { readonly live: number; readonly unsure: number } {
    return { live: this.#live.get(subscription) ?? 0, unsure: this.#unsure.get(subscription) ?? 0 };
  }

  /** Foreign calls that we can see in the projects' lists. */
  foreign(subscription: SubscriptionName): number {
    return this.#foreign.get(subscription) ?? 0;
  }

  classSlots(name: ClassName): number {
    return this.#classes.get(name) ?? 0;
  }

  #count(attempt: OpenAttempt, sign: 1 | -1): void {
    if (isForeign(attempt)) {
      add(this.#foreign, attempt.subscription, sign);
      return;
    }
    add(this.#held, attempt.subscription, sign);
    if (attempt.state !== 'cooling') add(isCertain(attempt) ? this.#live : this.#unsure, attempt.subscription, sign);
    if (attempt.class === null || attempt.state === 'pending' || attempt.refusal !== null) {
      const pending = this.#pending.get(attempt.project) ?? { subscription: attempt.subscription, slots: 0 };
      pending.slots += sign;
      this.#pending.set(attempt.project, pending);
      return;
    }
    add(this.#classes, attempt.class, sign);
    const key = `${attempt.class} ${attempt.direction} ${attempt.project}`;
    let entry = this.#slots.get(key);
    if (entry === undefined) {
      const { direction, project, subscription } = attempt;
      entry = { count: 0, cooling: 0, sample: { class: attempt.class, direction, project, subscription } };
      this.#slots.set(key, entry);
    }
    entry.count += sign;
    if (attempt.state === 'cooling') entry.cooling += sign;
  }
}

/** A call of somebody else. Ours that we lost and found again carry our name and are adopted instead. */
export function isForeign(attempt: OpenAttempt): boolean {
  return attempt.sessionId === null && attempt.refusal === 'Foreign';
}

function isCertain({ state, direction }: OpenAttempt): boolean {
  return state === 'bound' || direction === 'Inbound';
}

function add<K>(sums: Map<K, number>, key: K, by: number): void {
  sums.set(key, (sums.get(key) ?? 0) + by);
}
