import { test as property } from '@fast-check/vitest';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { quantityInBillionths } from '../../../operator/runtime/quantity.ts';

test.each([
  ['1000m', '1'],
  ['0.5', '500m'],
  ['1024Mi', '1Gi'],
  ['1.5Gi', '1536Mi'],
  ['1e3', '1k'],
  ['2E', '2e18'],
  ['.5', '0.50'],
  ['+3', '3.'],
  ['-1500m', '-1.5'],
  ['0.1n', '1n'], // no smaller amount exists: the API server rounds up
])('%s is as much as %s', (one, other) => {
  expect(quantityInBillionths(one)).toBeDefined();
  expect(quantityInBillionths(one)).toBe(quantityInBillionths(other));
});

test.each([
  ['1', '1m'],
  ['1M', '1Mi'],
  ['1E', '1Ei'],
])('%s is not as much as %s', (one, other) => {
  expect(quantityInBillionths(one)).not.toBe(quantityInBillionths(other));
});

test.each(['', '.', '-', 'm', '1 Gi', '1gi', '1KiB', '0x1', '1e', '1e999', `${'9'.repeat(31)}`])('"%s" is no quantity', (text) => {
  expect(quantityInBillionths(text)).toBeUndefined();
});

property.prop([fc.integer({ min: 0, max: 10_000_000 })])('whole units and thousandths tell the same', (count) => {
  expect(quantityInBillionths(`${count}000m`)).toBe(quantityInBillionths(`${count}`));
  expect(quantityInBillionths(`${count}Gi`)).toBe(quantityInBillionths(`${count * 1024}Mi`));
});
