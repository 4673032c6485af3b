import { expect, test } from 'vitest';
import { backoffMs } from '../../../operator/runtime/backoff.ts';

const backoff = { firstMs: 1_000, longestMs: 30_000 };

test.each([
  { failures: 1, least: 500, most: 1_000 },
  { failures: 2, least: 1_000, most: 2_000 },
  { failures: 5, least: 8_000, most: 16_000 },
  { failures: 6, least: 15_000, most: 30_000 },
  { failures: 5_000, least: 15_000, most: 30_000 },
])('after $failures failures the wait lies between $least and $most ms', ({ failures, least, most }) => {
  expect(backoffMs(backoff, failures, () => 0)).toBe(least);
  expect(backoffMs(backoff, failures, () => 1)).toBe(most);
});
