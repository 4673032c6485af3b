import { describe, expect, test } from 'vitest';
import { afterRequests, afterThrottle, emptyMinute, minuteBudget, nextMinuteMs, pollingShare } from '../../capacity/rates/minute-budget.ts';

describe('requests per minute', () => {
  test.each([
    [6, 6],
    [20, 6],
    [60, 18],
    [61, 19],
    [600, 180],
  ])('of %i, polling keeps %i', (perMinute, kept) => {
    expect(pollingShare(perMinute)).toBe(kept);
  });

  test('begin anew with each minute of UTC', () => {
    let state = emptyMinute;
    for (let request = 0; request < 5; request++) state = afterRequests(state, 1, 59_000);
    expect(minuteBudget(state, 6, 59_999)).toBe(1);
    expect(minuteBudget(state, 6, 60_000)).toBe(6);
  });

  test('are halved by a 429 until the next minute', () => {
    const state = afterThrottle(afterRequests(emptyMinute, 1, 61_000), 61_000);
    expect(minuteBudget(state, 60, 90_000)).toBe(29);
    expect(minuteBudget(state, 60, 120_000)).toBe(60);
    expect(nextMinuteMs(61_000)).toBe(120_000);
  });
});
