import { describe, expect, test } from 'vitest';
import { fenceOf, isFree, type Lease, microTime, readLease, sight } from '../../../operator/runtime/lease.ts';

const held: Lease = {
  resourceVersion: '5',
  createdMs: Date.UTC(2026, 0, 1),
  holder: 'a',
  durationMs: 15_000,
  acquireTime: undefined,
  renewTime: '2026-01-01T00:00:00.000000Z',
  transitions: 1,
};

describe('a lease', () => {
  test('is free fifteen seconds after its holder was last seen to move, by the clock of who looks', () => {
    const first = sight(undefined, held, 100_000);
    const unmoved = sight(first, { ...held, resourceVersion: '6' }, 110_000);
    expect(isFree(unmoved, 114_999)).toBe(false);
    expect(isFree(unmoved, 115_000)).toBe(true);
  });

  test('is held anew with each renewal, whatever time of day the holder writes', () => {
    const first = sight(undefined, held, 100_000);
    const renewed = sight(first, { ...held, renewTime: '1999-01-01T00:00:00.000000Z' }, 110_000);
    expect(isFree(renewed, 124_999)).toBe(false);
    expect(isFree(renewed, 125_000)).toBe(true);
  });

  test('that was given back is free at once', () => {
    expect(isFree(sight(undefined, { ...held, holder: '' }, 0), 0)).toBe(true);
  });

  test('that somebody made empty is free', () => {
    const lease = readLease({ metadata: { resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' } });
    expect(lease).toMatchObject({ holder: '', transitions: 0 });
  });
});

test('times have the six digits that the API server asks for', () => {
  expect(microTime(Date.UTC(2026, 0, 2, 3, 4, 5, 6))).toBe('2026-01-02T03:04:05.006000Z');
});

describe('the fence of a leader', () => {
  test('grows with each change of hands', () => {
    expect(fenceOf({ ...held, transitions: 2 })).toBeGreaterThan(fenceOf(held));
  });

  test('grows when the lease is deleted and begins anew, however often it had changed hands', () => {
    const again = { createdMs: held.createdMs + 1_000, transitions: 1 };
    expect(fenceOf(again)).toBeGreaterThan(fenceOf({ ...held, transitions: 5_000_000 }));
  });

  test('is a number that nothing rounds, for two hundred years', () => {
    const late = { createdMs: Date.UTC(2225, 0, 1), transitions: 2 ** 20 - 1 };
    expect(Number.isSafeInteger(fenceOf(late))).toBe(true);
    expect(fenceOf(late) - fenceOf({ ...late, transitions: 2 ** 20 - 2 })).toBe(1);
  });
});
