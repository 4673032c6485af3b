import { describe, expect, test } from 'vitest';
import { othersFirst, troublesOf } from '../../../operator/pool/memory.ts';

const nowMs = 1_000_000;

describe("a pool's policy", () => {
  test.each([
    { what: 'waits while many others have no objects', unmade: 900, runs: false, ageMs: 2_000, waits: 15_000 },
    { what: 'is looked at sooner the fewer these are', unmade: 200, runs: false, ageMs: 2_000, waits: 4_000 },
    { what: 'waits for a few no longer', unmade: 8, runs: false, ageMs: 2_000, waits: undefined },
    { what: 'does not wait where a pod runs, which wants it', unmade: 900, runs: true, ageMs: 2_000, waits: undefined },
    { what: 'waits for a minute at most', unmade: 900, runs: false, ageMs: 60_000, waits: undefined },
  ])('$what', ({ unmade, runs, ageMs, waits }) => {
    expect(othersFirst({ sinceMs: nowMs - ageMs }, { unmade, runs, nowMs })).toBe(waits);
  });
});

test('what an API server fails to take is told after ten seconds, what it refuses at once', () => {
  const refused = { kind: 'Service', name: 'sales-vcp', reason: 'Refused', message: 'quota' } as const;
  const failing = { kind: 'Deployment', name: 'sales-vcp', reason: 'NotTaken', message: 'webhook is down' } as const;
  const memory = { troubles: [refused], failing: { sinceMs: nowMs, troubles: [failing] } };
  expect(troublesOf(memory, nowMs + 9_999)).toEqual([refused]);
  expect(troublesOf(memory, nowMs + 10_000)).toEqual([refused, failing]);
});
