import { describe, expect, test } from 'vitest';
import type { Blocked } from '../../../capacity/admission/snapshot.ts';
import type { SubscriptionPolicy } from '../../../capacity/policy/policy.ts';
import { loadOf, type SeenLoad } from '../../../capacity/scaling/load.ts';
import type { ClassView } from '../../../capacity/view.ts';
import { aClass, anUpstream, aProject, aSubscription } from '../../support/pool.ts';

const subscription = (callsPerSecond: number | undefined): SubscriptionPolicy => ({
  name: aSubscription('main'),
  accountId: undefined,
  region: 'us',
  concurrencyLimit: 100,
  safetyMargin: 2,
  callsPerSecond,
});

const waiting = (name: string, changes: Partial<ClassView> = {}): ClassView => ({
  name: aClass(name),
  priority: 100,
  direction: 'Outbound',
  queued: 10_000,
  inUse: 0,
  reserved: 0,
  withheld: 0,
  limit: null,
  oldestWaitMs: 40_000,
  waitMs: null,
  leftPerMinute: 0,
  blocked: null,
  ...changes,
});

const due = new Map([
  [aClass('campaign'), 500],
  [aClass('desk'), 7],
]);

function seen(classes: readonly ClassView[]): SeenLoad {
  return { view: { slots: { inUse: 42, ceiling: 98, limit: 100 }, classes }, ageMs: 300, due };
}

const backlogOf = (classes: readonly ClassView[], ...rates: readonly (number | undefined)[]) =>
  loadOf(seen(classes), { subscriptions: rates.map(subscription) }, 30_000).backlog;

describe('the load of a pool', () => {
  test('is what its view shows, as old as the view', () => {
    expect(loadOf(seen([waiting('campaign')]), { subscriptions: [subscription(undefined)] }, 30_000)).toEqual({
      slotsInUse: { value: 42, ageMs: 300 },
      ceiling: { value: 98, ageMs: 300 },
      backlog: { value: 500, ageMs: 300 },
      oldestWaitMs: { value: 40_000, ageMs: 300 },
    });
  });

  test('is unknown without a view, and not zero', () => {
    const missing = 'missing';
    expect(loadOf('missing', { subscriptions: [] }, 30_000)).toEqual({
      slotsInUse: missing,
      ceiling: missing,
      backlog: missing,
      oldestWaitMs: missing,
    });
  });

  test.each<{ readonly blocked: Blocked | null; readonly counts: boolean }>([
    { blocked: null, counts: true },
    { blocked: { by: 'subscription', subscription: aSubscription('main'), ceiling: 98 }, counts: true },
    { blocked: { by: 'pool', limit: 140 }, counts: true },
    { blocked: { by: 'rate', limiter: 'subscription/main', retryAtMs: 0 }, counts: true },
    { blocked: { by: 'class', limit: 10 }, counts: false },
    { blocked: { by: 'direction', direction: 'Outbound', limit: 10 }, counts: false },
    { blocked: { by: 'hold', scope: 'pool' }, counts: false },
    { blocked: { by: 'mode', mode: 'Hold' }, counts: false },
    { blocked: { by: 'guard', reason: 'WentBack', unlisted: [] }, counts: false },
    { blocked: { by: 'project', projects: [aProject('north')], reason: 'paused' }, counts: false },
    { blocked: { by: 'upstream', upstream: anUpstream('trunk'), limit: 10 }, counts: false },
    { blocked: { by: 'reservation', heldFor: [aClass('desk')], withheld: 3, proof: 'unplaceable' }, counts: false },
  ])('what waits for $blocked.by is backlog: $counts', ({ blocked, counts }) => {
    const load = loadOf(seen([waiting('campaign', { blocked })]), { subscriptions: [subscription(undefined)] }, 30_000);
    expect(load.backlog).toEqual({ value: counts ? 500 : 0, ageMs: 300 });
    expect(load.oldestWaitMs).toEqual({ value: counts ? 40_000 : 0, ageMs: 300 });
  });

  test('outbound sessions count as far as the rates let them start in time, others in full', () => {
    const both = [waiting('campaign'), waiting('desk', { direction: 'Inbound' })];
    expect(backlogOf(both, 2)).toEqual({ value: 67, ageMs: 300 });
    expect(backlogOf(both, 2, 1.5)).toEqual({ value: 112, ageMs: 300 });
    expect(backlogOf(both, 2, undefined)).toEqual({ value: 507, ageMs: 300 });
  });

  test('sessions that are queued for later are none of it', () => {
    expect(backlogOf([waiting('later', { oldestWaitMs: null })], undefined)).toEqual({ value: 0, ageMs: 300 });
  });
});
