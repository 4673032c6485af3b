import type { PendingCount, SlotCount } from '../../capacity/admission/snapshot.ts';
import type { LineAt } from '../../capacity/policy/lineage.ts';
import type { ClassName, SubscriptionName, UpstreamName } from '../../crds/values.ts';
import type { OpenAttempt } from '../../ledger/dispatch/open-attempts.ts';

/**
 * The dispatcher's count of slots: every open attempt, and running sums over them. Rebuilt from the ledger on election, kept by signals after. Applying
 * the same attempt twice changes nothing, so a signal may be read late or twice.
 */
export class SlotBook {
  readonly #attempts = new Map<string, Placed>();
  readonly #slots = new Map<string, { count: number; cooling: number; readonly sample: Omit<SlotCount, 'slots' | 'cooling'> }>();
  readonly #pending = new Map<string, { slots: number; readonly sample: Omit<PendingCount, 'slots'> }>();
  readonly #foreign = new Map<SubscriptionName, number>();
  readonly #foreignChannels = new Map<UpstreamName, number>();
  readonly #held = new Map<SubscriptionName, number>();
  readonly #classes = new Map<ClassName, number>();
  readonly #live = new Map<SubscriptionName, number>();
  readonly #unsure = new Map<SubscriptionName, number>();

  #placeOf: PlaceOf;

  /** `placeOf`: where the line of an attempt counts by the policy in force. */
  constructor(placeOf: PlaceOf) {
    this.#placeOf = placeOf;
  }

  /** Enters an attempt as it is now; an ended one leaves. */
  apply(attempt: OpenAttempt): void {
    const before = this.#attempts.get(attempt.id);
    if (before !== undefined) this.#count(before, -1);
    if (attempt.state === 'ended') {
      this.#attempts.delete(attempt.id);
      return;
    }
    this.#enter(attempt);
  }

  /** Counts every line anew, by another policy. */
  replace(placeOf: PlaceOf): void {
    this.#placeOf = placeOf;
    for (const placed of [...this.#attempts.values()]) {
      this.#count(placed, -1);
      this.#enter(placed.attempt);
    }
    for (const [key, { count }] of this.#slots) if (count === 0) this.#slots.delete(key);
    for (const [key, { slots }] of this.#pending) if (slots === 0) this.#pending.delete(key);
  }

  /** Where the line of an attempt counts, by the names of the policy in force. */
  placeOf(attempt: OpenAttempt): LineAt {
    return this.#placeOf(attempt);
  }

  /** The subscription of an attempt, as it is called now. */
  subscriptionOf(attempt: OpenAttempt): SubscriptionName {
    return this.placeOf(attempt).subscription;
  }

  #enter(attempt: OpenAttempt): void {
    const placed = { attempt, at: this.#placeOf(attempt) };
    this.#attempts.set(attempt.id, placed);
    this.#count(placed, 1);
  }

  get(id: string): OpenAttempt | undefined {
    return this.#attempts.get(id)?.attempt;
  }

  *all(): IterableIterator<OpenAttempt> {
    for (const { attempt } of this.#attempts.values()) yield attempt;
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
    return [...this.#pending.values()].flatMap(({ sample, slots }) => (slots > 0 ? [{ ...sample, slots }] : []));
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

  /** Channels of upstreams that they hold. */
  foreignChannels(): ReadonlyMap<UpstreamName, number> {
    return this.#foreignChannels;
  }

  classSlots(name: ClassName): number {
    return this.#classes.get(name) ?? 0;
  }

  #count({ attempt, at }: Placed, sign: 1 | -1): void {
    const { project, direction } = attempt;
    if (isForeign(attempt)) {
      add(this.#foreign, at.subscription, sign);
      for (const name of at.upstreams) add(this.#foreignChannels, name, sign);
      return;
    }
    add(this.#held, at.subscription, sign);
    if (attempt.state !== 'cooling') add(isCertain(attempt) ? this.#live : this.#unsure, at.subscription, sign);
    const place = `${project} ${at.subscription} ${at.upstreams.join()}`;
    if (attempt.class === null || attempt.state === 'pending' || attempt.refusal !== null) {
      const pending = entryOf(this.#pending, place, () => ({ slots: 0, sample: { project, ...at } }));
      pending.slots += sign;
      return;
    }
    const { class: name } = attempt;
    add(this.#classes, name, sign);
    const entry = entryOf(this.#slots, `${name} ${direction} ${place}`, () => ({
      count: 0,
      cooling: 0,
      sample: { class: name, direction, project, ...at },
    }));
    entry.count += sign;
    if (attempt.state === 'cooling') entry.cooling += sign;
  }
}

type PlaceOf = (attempt: OpenAttempt) => LineAt;
type Placed = { readonly attempt: OpenAttempt; readonly at: LineAt };

function entryOf<V>(entries: Map<string, V>, key: string, make: () => V): V {
  const entry = entries.get(key) ?? make();
  entries.set(key, entry);
  return entry;
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
