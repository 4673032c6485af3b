import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import type { LimiterName } from '../../capacity/admission/snapshot.ts';
import {
  heldBack,
  type Limiter,
  limitersOf,
  passThrough,
  type RateState,
  rateOf,
  sendWindowMs,
  transitMs,
  untilNow,
} from '../../capacity/rates/limiter.ts';
import { aPool } from '../support/pool.ts';

const name = 'subscription/main' as const;
const limitersFor = (callsPerSecond: number): readonly Limiter[] => [{ name, ...rateOf(callsPerSecond) }];

/** Asks at these instants, and says at which of them a creation was let through. */
function letThrough(limiters: readonly Limiter[], askedMs: readonly number[]): readonly number[] {
  const rates = new Map<LimiterName, RateState>();
  return askedMs.filter((nowMs) => {
    if (heldBack(limiters, rates, nowMs) !== undefined) return false;
    passThrough(limiters, rates, nowMs);
    return true;
  });
}

/** The most events in any window of this length, its end excluded. */
function mostWithin(spanMs: number, instants: readonly number[]): number {
  return Math.max(0, ...instants.map((from) => instants.filter((at) => at >= from && at < from + spanMs).length));
}

describe('calls per second', () => {
  test.each([
    { callsPerSecond: 0.5, passed: [0, 2_300] },
    { callsPerSecond: 1, passed: [0, 1_300, 2_600, 3_900] },
    { callsPerSecond: 2, passed: [0, 100, 1_300, 1_400, 2_600, 2_700, 3_900, 4_000] },
  ])('at $callsPerSecond let through as many as fit, at once', ({ callsPerSecond, passed }) => {
    const everyTenth = Array.from({ length: 46 }, (_, index) => index * 100);
    expect(letThrough(limitersFor(callsPerSecond), everyTenth)).toEqual(passed);
  });

  property.prop([
    fc.constantFrom(0.5, 1, 2, 2.5, 12, 50, 200),
    fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 1, maxLength: 400 }),
    fc.array(fc.integer({ min: 0, max: sendWindowMs + transitMs - 1 }), { minLength: 400, maxLength: 400 }),
  ])('hold where the provider counts, however late within its bounds each one arrives', (callsPerSecond, gaps, lateness) => {
    let atMs = 0;
    const instants = gaps.map((gap) => {
      atMs += gap;
      return atMs;
    });
    const sent = letThrough(limitersFor(callsPerSecond), instants)
      .map((admittedAtMs, index) => admittedAtMs + (lateness[index] ?? 0))
      .sort((a, b) => a - b);
    expect(mostWithin(1_000, sent)).toBeLessThanOrEqual(Math.max(1, Math.floor(callsPerSecond)));
  });

  property.prop([fc.constantFrom(1, 12, 50, 200)])('are reached when there is always somebody to call', (callsPerSecond) => {
    const everyMs = Array.from({ length: 12_500 }, (_, index) => index);
    // Ten windows; the cells of fast rates give up to a twentieth of it.
    expect(letThrough(limitersFor(callsPerSecond), everyMs).length).toBeGreaterThanOrEqual(10 * callsPerSecond * 0.94);
  });

  test('bind a project by its subscription, its upstreams and its own requests', () => {
    const policy = aPool()
      .withSubscription('main', 9, { callsPerSecond: 4, projects: [{ name: 'north', upstreams: ['trunk'], requestsPerMinute: 60 }] })
      .withUpstream('trunk', 9, { callsPerSecond: 2 })
      .withUpstream('voice', 9, { callsPerSecond: 1 })
      .policy();
    const [project] = policy.projects;
    if (project === undefined) throw new Error('no project');
    expect(limitersOf(policy, project).map((limiter) => limiter.name)).toEqual(['subscription/main', 'upstream/trunk', 'project/north']);
  });

  test('hold after the clock was set back, and no longer than a window', () => {
    const limiter = { name: 'subscription/main', perWindow: 2, windowMs: 1_250 } as const;
    const rates = new Map<LimiterName, RateState>();
    for (const nowMs of [3_600_000, 3_600_001]) passThrough([limiter], rates, nowMs);
    expect(heldBack([limiter], rates, 5_000)?.retryAtMs).toBeGreaterThan(3_600_000);
    rates.set(limiter.name, untilNow(rates.get(limiter.name) ?? [], 5_000));
    expect(heldBack([limiter], rates, 5_000)).toEqual({ limiter: limiter.name, retryAtMs: 6_250 });
    expect(heldBack([limiter], rates, 6_250)).toBeUndefined();
  });

  test('name the limiter that lets through last', () => {
    const limiters: Limiter[] = [
      { name: 'subscription/main', perWindow: 1, windowMs: 50 },
      { name: 'upstream/trunk', perWindow: 1, windowMs: 200 },
    ];
    const rates = new Map<LimiterName, RateState>();
    passThrough(limiters, rates, 100);
    expect(heldBack(limiters, rates, 100)).toEqual({ limiter: 'upstream/trunk', retryAtMs: 300 });
    expect(heldBack(limiters, rates, 300)).toBeUndefined();
  });
});
