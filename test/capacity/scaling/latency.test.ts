import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { latencyBound, latencyBoundsMs, p95Of } from '../../../capacity/scaling/latency.ts';

const counted = (spans: readonly number[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const ms of spans) counts[latencyBound(ms)] = (counts[latencyBound(ms)] ?? 0) + 1;
  return counts;
};

describe('the latency of several workers', () => {
  test.each([
    { name: 'is what 95 of 100 stay below', workers: [{ '25': 95, '500': 5 }], p95: 25 },
    { name: 'shows what more than 5 of 100 take', workers: [{ '25': 94, '500': 6 }], p95: 500 },
    { name: 'counts a worker by what it had to do', workers: [{ '25': 990 }, { '2000': 10 }], p95: 25 },
    { name: 'is zero when they had nothing to do', workers: [{}, {}], p95: 0 },
    { name: 'takes bounds of another release in their order', workers: [{ '7': 50 }, { '30': 50 }], p95: 30 },
    { name: 'is none when a count is none', workers: [{ '25': Number.NaN }], p95: Number.NaN },
  ])('$name', ({ workers, p95 }) => {
    expect(p95Of(workers)).toBe(p95);
  });

  test.prop([fc.array(fc.array(fc.integer({ min: 0, max: 60_000 }), { maxLength: 50 }), { minLength: 1, maxLength: 5 })], { seed: 5 })(
    'is that of all requests together, rounded up to a bound',
    (workers) => {
      const all = workers.flat().toSorted((one, other) => one - other);
      const exact = all[Math.ceil(all.length * 0.95) - 1];
      expect(p95Of(workers.map(counted))).toBe(exact === undefined ? 0 : latencyBound(exact));
    },
  );

  test('beyond the last bound counts as the last bound', () => {
    expect(latencyBound(1e9)).toBe(latencyBoundsMs.at(-1));
  });
});
