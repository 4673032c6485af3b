import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { duration, durationMs, e164, e164Prefix, httpUrl, ratePerSecond } from '../../crds/values.ts';

const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;
const part = fc.record({ amount: fc.integer({ min: 0, max: 999 }), unit: fc.constantFrom('ms', 's', 'm', 'h') });
const parts = fc.array(part, { minLength: 1, maxLength: 4 });

describe('a duration', () => {
  test.prop([parts])('is the sum of its parts', (all) => {
    const text = all.map(({ amount, unit }) => `${amount}${unit}`).join('');
    expect(durationMs(text)).toBe(all.reduce((total, { amount, unit }) => total + amount * unitMs[unit], 0));
  });

  test.prop([fc.integer({ min: 0, max: 3_600_000 }), fc.integer({ min: 0, max: 3_600_000 }), fc.integer({ min: 0, max: 3_600_000 })])(
    'is accepted exactly between its bounds',
    (ms, one, other) => {
      const [min, max] = [Math.min(one, other), Math.max(one, other)];
      expect(duration(`${min}ms`, `${max}ms`).safeParse(`${ms}ms`).success).toBe(ms >= min && ms <= max);
    },
  );

  test.prop([fc.string({ maxLength: 30 })])('is never read from other texts', (text) => {
    const accepted = duration('0s', '999999h').safeParse(text).success;
    expect(accepted).toBe(text.length <= 20 && /^(\d+(\.\d+)?(ms|s|m|h))+$/.test(text) && durationMs(text) <= durationMs('999999h'));
  });

  test.each([
    ['1h30m', 5_400_000],
    ['0.5s', 500],
    ['1.5h', 5_400_000],
    ['500ms', 500],
    ['1m1ms', 60_001],
    ['0s', 0],
  ])('%s is %i ms', (text, ms) => {
    expect(durationMs(text)).toBe(ms);
  });

  test.each(['', '10', 's', '-1s', '1 s', '1d', '1S', '1e3s', '.5s', '1s ', '1_000ms'])('%j is none', (text) => {
    expect(duration('0s', '8760h').safeParse(text).success).toBe(false);
  });
});

describe('a rate', () => {
  test.each(['1', '0.5', '12', '1000', '0.001'])('%s is one', (text) => expect(ratePerSecond.safeParse(text).success).toBe(true));
  test.each(['0', '0.0', '1000.1', '-1', '1e2', '1.', '.5', '1,5', 'NaN', 'Infinity', '0.0001'])('%s is none', (text) =>
    expect(ratePerSecond.safeParse(text).success).toBe(false),
  );
});

describe('a phone number', () => {
  test.each(['+14155550100', '+442079460100', '+1234567'])('%s is one', (text) => expect(e164.safeParse(text).success).toBe(true));
  test.each(['14155550100', '+04155550100', '+1 415 555 0100', '+1415555010a', '+123456', '+1234567890123456', 'tel:+14155550100'])(
    '%s is none',
    (text) => expect(e164.safeParse(text).success).toBe(false),
  );

  test.prop([fc.stringMatching(/^\+[1-9]\d{6,14}$/), fc.integer({ min: 2, max: 15 })])(
    'begins with prefixes of numbers',
    (number, length) => {
      expect(e164Prefix.safeParse(number.slice(0, length)).success).toBe(true);
    },
  );
});

describe('an address', () => {
  test.each(['https://a.example', 'http://127.0.0.1:8080/x?y=1'])('%s is one', (text) =>
    expect(httpUrl.safeParse(text).success).toBe(true),
  );
  test.each([
    'a.example',
    'ftp://a.example',
    'https://user@a.example',
    'https://a.example#x',
    'javascript:alert(1)',
    `https://a.example/${'x'.repeat(2_048)}`,
  ])('%s is none', (text) => expect(httpUrl.safeParse(text).success).toBe(false));
});
