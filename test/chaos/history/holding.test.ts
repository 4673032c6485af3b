import { expect, test } from 'vitest';
import { aDial, aGoodHistory } from './hand-made.ts';
import { openLedgerOf } from './holding.ts';

test('all that stand in a batch behind a decision that did not come to be may have counted it, and nobody else', () => {
  const dials = [
    aDial(1, 1, 1_000, 9_000),
    aDial(2, 3, 1_000.2, 9_000),
    aDial(3, 4, 1_000.4, 9_000),
    aDial(4, 5, 3_000, 9_000),
    aDial(5, 6, 3_000, 9_000, { epoch: 2 }),
  ];
  const ledger = openLedgerOf({ ...aGoodHistory(), attempts: dials.map(({ attempt }) => attempt) });
  const counts = ledger.admissions.map((at) => ledger.recountLines(at, () => true));
  expect(counts).toEqual([
    { floor: 1, roof: 1 },
    { floor: 2, roof: 3 },
    { floor: 3, roof: 4 },
    { floor: 4, roof: 4 },
    { floor: 5, roof: 5 },
  ]);
});
