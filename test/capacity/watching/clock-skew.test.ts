import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import {
  type ClockReading,
  overlapMs,
  rememberedSkew,
  rememberSkew,
  skewBetween,
  windowCovers,
  windowStartMs,
} from '../../../capacity/watching/clock-skew.ts';

const exact = (showedMs: number, atMs: number): ClockReading => ({ showedMs, resolutionMs: 0, askedAtMs: atMs, toldAtMs: atMs });

describe('the skew between two clocks', () => {
  test.each([
    { name: 'is nothing where both show the same', provider: exact(5_000, 10), ledger: exact(5_000, 10), skew: [0, 0] },
    { name: 'is positive where the provider is ahead', provider: exact(305_000, 10), ledger: exact(5_000, 10), skew: [300_000, 300_000] },
    { name: 'is negative where it is behind', provider: exact(5_000, 10), ledger: exact(305_000, 10), skew: [-300_000, -300_000] },
    { name: 'counts the time between the readings', provider: exact(7_000, 2_010), ledger: exact(5_000, 10), skew: [0, 0] },
    {
      name: 'is as uncertain as the provider was slow, and as its seconds are coarse',
      provider: { showedMs: 5_000, resolutionMs: 1_000, askedAtMs: 0, toldAtMs: 200 },
      ledger: exact(5_000, 0),
      skew: [-200, 1_000],
    },
    {
      name: 'is as uncertain as the ledger was slow',
      provider: exact(5_000, 0),
      ledger: { showedMs: 5_000, resolutionMs: 0, askedAtMs: -30, toldAtMs: 50 },
      skew: [-30, 50],
    },
  ])('$name', ({ provider, ledger, skew }) => {
    expect(skewBetween(provider, ledger)).toEqual({ fromMs: skew[0], toMs: skew[1] });
  });

  const ms = (most: number) => fc.integer({ min: 0, max: most });
  property.prop([fc.integer({ min: -10_000_000, max: 10_000_000 }), ms(10_000_000), ms(20_000), ms(20_000), ms(500), ms(500), ms(60_000)])(
    'always contains the true one',
    (trueSkewMs, ledgerMs, there, back, ledgerThere, ledgerBack, betweenMs) => {
      const ledger = { showedMs: ledgerMs, resolutionMs: 0, askedAtMs: -ledgerThere, toldAtMs: ledgerBack };
      const provider = {
        showedMs: Math.floor((ledgerMs + betweenMs + trueSkewMs) / 1_000) * 1_000,
        resolutionMs: 1_000,
        askedAtMs: betweenMs - there,
        toldAtMs: betweenMs + back,
      };
      const skew = skewBetween(provider, ledger);
      expect(skew.fromMs).toBeLessThanOrEqual(trueSkewMs);
      expect(skew.toMs).toBeGreaterThanOrEqual(trueSkewMs);
      // A listing from there on shows whatever happened at or after that instant of the ledger.
      expect(windowStartMs(ledgerMs, skew)).toBeLessThanOrEqual(ledgerMs + trueSkewMs - overlapMs);
    },
  );
});

test('a skew is remembered for one to two hours after a clock was set', () => {
  const hour = 3_600_000;
  const before = rememberSkew(undefined, { fromMs: -200, toMs: 900 }, 0);
  const set = rememberSkew(before, { fromMs: 299_800, toMs: 300_900 }, hour - 1);
  expect(rememberedSkew(set)).toEqual({ fromMs: -200, toMs: 300_900 });
  const next = rememberSkew(set, { fromMs: 299_900, toMs: 301_000 }, hour);
  expect(rememberedSkew(next)).toEqual({ fromMs: -200, toMs: 301_000 });
  expect(rememberedSkew(rememberSkew(next, { fromMs: 299_700, toMs: 301_000 }, 2 * hour))).toEqual({ fromMs: 299_700, toMs: 301_000 });
});

describe('a listing', () => {
  test.each([
    { name: 'that began early enough covers an instant', startMs: 40_000, skew: { fromMs: 0, toMs: 1_000 }, covers: true },
    { name: 'may begin where the instant can be at the earliest', startMs: 99_800, skew: { fromMs: -200, toMs: 900 }, covers: true },
    { name: 'of a provider that is behind has to begin earlier', startMs: 40_000, skew: { fromMs: -90_000, toMs: -89_000 }, covers: false },
    { name: 'covers nothing while the skew is unknown', startMs: 0, skew: undefined, covers: false },
  ])('$name', ({ startMs, skew, covers }) => {
    expect(windowCovers(startMs, 100_000, skew)).toBe(covers);
  });

  test('begins by guess while the skew is unknown', () => {
    expect(windowStartMs(100_000, undefined)).toBe(40_000);
  });
});
