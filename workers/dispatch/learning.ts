import type { Pause } from '../../capacity/admission/snapshot.ts';
import type { Policy, SubscriptionPolicy } from '../../capacity/policy/policy.ts';
import type { ProjectName, SubscriptionName } from '../../crds/values.ts';
import type { Signal } from '../../ledger/dispatch/take-signals.ts';
import type { Desk } from './desk.ts';
import type { SlotBook } from './slot-book.ts';

export class Learning {
  constructor(_states: ReadonlyMap<string, unknown>, _random: () => number) {}
  ceiling(
    subscription: SubscriptionPolicy,
    book: SlotBook,
  ): { readonly ceiling: number; readonly foreign: number; readonly probing: boolean } {
    const foreign = book.foreign(subscription.name);
    return { ceiling: subscription.concurrencyLimit - Math.max(subscription.safetyMargin, foreign), foreign, probing: false };
  }
  learnedLimit(_name: SubscriptionName): number | null {
    return null;
  }
  releaseLagMs(_name: SubscriptionName): number {
    return 0;
  }
  pauses(_policy: Policy, _nowMs: number): ReadonlyMap<ProjectName, Pause> {
    return new Map();
  }
  probes(_policy: Policy, _nowMs: number): ReadonlySet<SubscriptionName> {
    return new Set();
  }
  probing(_name: SubscriptionName, _nowMs: number): void {}
  observe(_signal: Signal, _desk: Desk): void {}
  nextChangeAtMs(_policy: Policy, _nowMs: number): number {
    return Number.POSITIVE_INFINITY;
  }
  takeChanged(): ReadonlyMap<string, unknown> {
    return new Map();
  }
}
