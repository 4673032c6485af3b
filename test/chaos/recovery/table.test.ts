import { expect, test } from 'vitest';
import { isReached, type Recovery, tableOf, withTable } from './table.ts';

const killed: Recovery = { name: 'killed', measures: 'kill → admission', atMostMs: 2_000, taken: [680, 601, 1_999] };

test('a figure is reached when every time was taken and none is above what is wanted', () => {
  expect(isReached(killed)).toBe(true);
  expect(isReached({ ...killed, taken: [680, 2_001] })).toBe(false);
  expect(isReached({ ...killed, taken: [680, 'nothing was admitted'] })).toBe(false);
  expect(isReached({ ...killed, taken: [] })).toBe(false);
});

test('the table says what is missed, and stands between its marks', () => {
  const table = tableOf([killed, { ...killed, name: 'late', taken: [2_400, 'nothing was admitted'] }]);
  expect(table).toContain('| killed | kill → admission | 0.68 s, 0.60 s, 2.00 s | ≤ 2.00 s |');
  expect(table).toContain('| late | kill → admission | 2.40 s, nothing was admitted | ≤ 2.00 s, **missed** |');
  const page = 'before\n<!-- recovery: begin -->\nold\n<!-- recovery: end -->\nafter\n';
  expect(withTable(page, table)).toBe(`before\n<!-- recovery: begin -->\n\n${table}\n\n<!-- recovery: end -->\nafter\n`);
  expect(() => withTable('no marks', table)).toThrow('marks');
});
