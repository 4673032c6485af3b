import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { retryAfterSeconds } from '../../../workers/intake/retry-after.ts';

describe('Retry-After of a full queue', () => {
  test.each([
    { name: 'is the time in which a hundredth drains', maxDepth: 10_000, leftPerMinute: 600, seconds: 10 },
    { name: 'waits for at least one place', maxDepth: 3, leftPerMinute: 6, seconds: 10 },
    { name: 'is no less than a second', maxDepth: 1_000, leftPerMinute: 60_000, seconds: 1 },
    { name: 'is no more than an hour', maxDepth: 100_000, leftPerMinute: 0.5, seconds: 3_600 },
    { name: 'is a minute when nothing leaves it', maxDepth: 100, leftPerMinute: 0, seconds: 60 },
  ])('$name', ({ maxDepth, leftPerMinute, seconds }) => {
    expect(retryAfterSeconds(maxDepth, { leftPerMinute })).toBe(seconds);
  });

  test('is a minute when nobody knows how fast it drains', () => {
    expect(retryAfterSeconds(100, undefined)).toBe(60);
  });

  property.prop([fc.integer({ min: 1, max: 20_000_000 }), fc.double({ min: 0, max: 1e6, noNaN: true })])(
    'stays in its bounds',
    (maxDepth, rate) => {
      const seconds = retryAfterSeconds(maxDepth, { leftPerMinute: rate });
      expect(seconds).toBeGreaterThanOrEqual(1);
      expect(seconds).toBeLessThanOrEqual(3_600);
    },
  );
});
