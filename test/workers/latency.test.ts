import { expect, test } from 'vitest';
import { openLatency } from '../../workers/latency.ts';

test('a worker counts what it took in the last minute, and forgets the rest', () => {
  let nowMs = 1_000;
  const latency = openLatency(() => nowMs);
  expect(latency.counts()).toEqual({});
  for (const ms of [3, 4, 180, 90_000]) latency.observe(ms);
  expect(latency.counts()).toEqual({ '5': 2, '200': 1, '60000': 1 });
  nowMs += 30_000;
  latency.observe(3);
  expect(latency.counts()).toEqual({ '5': 3, '200': 1, '60000': 1 });
  nowMs += 31_000;
  expect(latency.counts()).toEqual({ '5': 1 });
  nowMs += 60_000;
  expect(latency.counts()).toEqual({});
});
