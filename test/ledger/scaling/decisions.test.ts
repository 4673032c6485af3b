import { expect, test } from 'vitest';
import { readDecision, writeDecisions } from '../../../ledger/scaling/decisions.ts';
import { decide } from '../../capacity/scaling/given.ts';
import { freshLedger } from '../../support/ledger.ts';

test('the newest decision of each pool is kept, with when it last said something else', async () => {
  const { database } = await freshLedger();
  await database.query(`insert into pool (name) values ('sales'), ('support')`);
  expect(await readDecision(database, 1)).toBeUndefined();

  const { decision } = decide(2, { backlog: 500 });
  await writeDecisions(database, [
    { poolId: 1, decision, changed: true },
    { poolId: 2, decision, changed: true },
  ]);
  await database.query(`update scaling set decided_at = decided_at - interval '40 s', changed_at = changed_at - interval '1 h'`);
  await writeDecisions(database, [{ poolId: 1, decision: { ...decision, asked: 30 }, changed: false }]);
  await writeDecisions(database, []);

  const one = await readDecision(database, 1);
  expect(one?.decision).toEqual(JSON.parse(JSON.stringify({ ...decision, asked: 30 })));
  expect(one?.ageMs).toBeLessThan(30_000);
  expect(one?.changedAgeMs).toBeGreaterThanOrEqual(3_600_000);
  expect((await readDecision(database, 2))?.ageMs).toBeGreaterThanOrEqual(40_000);

  await writeDecisions(database, [{ poolId: 2, decision, changed: true }]);
  expect((await readDecision(database, 2))?.changedAgeMs).toBeLessThan(30_000);
});
