import { describe, expect, test } from 'vitest';
import { openLedgerClock } from '../../../workers/dispatch/ledger-clock.ts';

const reading = (showedMs: number, askedAtMs: number, toldAtMs: number) => ({ showedMs, resolutionMs: 0, askedAtMs, toldAtMs });

describe("the ledger's clock", () => {
  test('goes on by monotonic time from the middle of a reading', () => {
    let nowMs = 100;
    const clock = openLedgerClock(() => nowMs);
    clock.set(reading(1_000, 100, 102));
    nowMs = 111;
    expect(clock.now()).toBe(1_010);
  });

  test('does not jump when a reading takes long', () => {
    let nowMs = 0;
    const clock = openLedgerClock(() => nowMs);
    clock.set(reading(1_000, 0, 1));
    // The answer was on its way for 80 ms after PostgreSQL looked at its clock.
    clock.set(reading(1_500, 500, 581));
    nowMs = 600;
    expect(clock.now()).toBe(1_599.5);
  });

  test.each([-3_600_000, -5_000, 5_000, 3_600_000])('says so when somebody sets it by %d ms, however slow the reading', (byMs) => {
    let nowMs = 0;
    const clock = openLedgerClock(() => nowMs);
    expect(clock.set(reading(10_000_000, 0, 1))).toBe('steady');
    expect(clock.set(reading(10_000_500, 500, 501))).toBe('steady');
    expect(clock.set(reading(10_001_020 + byMs, 1_000, 1_040))).toBe('stepped');
    nowMs = 1_040;
    expect(clock.now()).toBe(10_001_040 + byMs);
    expect(clock.set(reading(10_001_520 + byMs, 1_500, 1_540))).toBe('steady');
  });

  test('follows the ledger when it drifts', () => {
    let nowMs = 0;
    const clock = openLedgerClock(() => nowMs);
    clock.set(reading(1_000, 0, 1));
    for (let nth = 1; nth <= 50; nth += 1) clock.set(reading(1_010 + nth * 500, nth * 500, nth * 500 + 3));
    nowMs = 25_003;
    expect(Math.abs(clock.now() - (1_010 + 25_001.5))).toBeLessThan(5);
  });

  test('is not read before it is set', () => {
    expect(() => openLedgerClock(() => 0).now()).toThrow('before it was set');
  });
});
