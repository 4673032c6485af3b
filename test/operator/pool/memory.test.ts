import { describe, expect, test } from 'vitest';
import { othersFirst, troublesOf } from '../../../operator/pool/memory.ts';

const nowMs = 1_000_000;

describe("a pool's policy", () => {
  test.each([
    { what: 'waits while many others have no objects', unmade: 900, ready: 0, ageMs: 2_000, waits: true },
    { what: 'waits for a few no longer', unmade: 8, ready: 0, ageMs: 2_000, waits: false },
    { what: 'does not wait where workers serve', unmade: 900, ready: 1, ageMs: 2_000, waits: false },
    { what: 'waits for 15 s at most', unmade: 900, ready: 0, ageMs: 15_000, waits: false },
  ])('$what', ({ unmade, ready, ageMs, waits }) => {
    expect(othersFirst({ sinceMs: nowMs - ageMs }, { unmade, ready, nowMs })).toBe(waits);
  });
});

test('what an API server fails to take is told after ten seconds, what it refuses at once', () => {
  const refused = { kind: 'Service', name: 'sales-vcp', reason: 'Refused', message: 'quota' } as const;
  const failing = { kind: 'Deployment', name: 'sales-vcp', reason: 'NotTaken', message: 'webhook is down' } as const;
  const memory = { troubles: [refused], failing: { sinceMs: nowMs, troubles: [failing] } };
  expect(troublesOf(memory, nowMs + 9_999)).toEqual([refused]);
  expect(troublesOf(memory, nowMs + 10_000)).toEqual([refused, failing]);
});
