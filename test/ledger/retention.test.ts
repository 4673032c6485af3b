import { expect, test } from 'vitest';
import type { Database } from '../../ledger/database.ts';
import { type PoolId, writePolicy } from '../../ledger/policy.ts';
import { forgetOld } from '../../ledger/retention.ts';
import { beatWorker, registerWorker, retireWorker } from '../../ledger/workers.ts';
import { freshLedger } from '../support/ledger.ts';
import { aBeat } from '../support/worker.ts';
import { salesPool } from '../workers/intake/serving.ts';

const daysMs = (days: number) => days * 86_400_000;
const monthly = { sessionsMs: daysMs(30), phoneNumbersMs: daysMs(7) };

async function aLedger() {
  const { database } = await freshLedger();
  const { poolId } = await writePolicy(database, salesPool.metadata.name, salesPool.spec);
  return { database, poolId };
}

/** A worker that was last heard of so many days ago. */
async function worker(
  database: Database,
  poolId: PoolId,
  name: string,
  last: { readonly daysAgo: number; readonly as: 'gone' | 'serving' },
) {
  const connection = await database.connect();
  const id = await registerWorker(connection, poolId, name);
  connection.release(true);
  await (last.as === 'gone' ? retireWorker(database, id) : beatWorker(database, id, aBeat()));
  await database.query(`update worker set beat_at = beat_at - $2 * interval '1 day' where id = $1`, [id, last.daysAgo]);
  return id;
}

const attemptOf = (database: Database, poolId: PoolId, owner: number, state: 'sending' | 'cooling' | 'ended') =>
  database.query(
    `insert into attempt (id, pool_id, direction, project, subscription, state, owner, released_at)
     values (gen_random_uuid(), $1, 'Outbound', 'north', 'main', $3, $2, case when $3 = 'ended' then clock_timestamp() end)`,
    [poolId, owner, state],
  );

const names = async (database: Database) =>
  (await database.query<{ name: string }>('select name from worker order by name')).rows.map(({ name }) => name);

test('workers that went longer ago than sessions are kept are forgotten, one that may be at work never', async () => {
  const { database, poolId } = await aLedger();
  await worker(database, poolId, 'gone-long', { daysAgo: 31, as: 'gone' });
  await worker(database, poolId, 'gone-lately', { daysAgo: 29, as: 'gone' });
  await worker(database, poolId, 'silent', { daysAgo: 31, as: 'serving' });
  await forgetOld(database, poolId, monthly);
  expect(await names(database)).toEqual(['gone-lately', 'silent']);
});

test('a worker is remembered for a day, however short sessions are kept', async () => {
  const { database, poolId } = await aLedger();
  await worker(database, poolId, 'gone-today', { daysAgo: 0, as: 'gone' });
  await worker(database, poolId, 'gone-before', { daysAgo: 2, as: 'gone' });
  await forgetOld(database, poolId, { sessionsMs: 0, phoneNumbersMs: 0 });
  expect(await names(database)).toEqual(['gone-today']);
});

test('a worker whose attempt is open is remembered until that is over', async () => {
  const { database, poolId } = await aLedger();
  for (const [name, state] of [
    ['sends', 'sending'],
    ['cools', 'cooling'],
    ['ended', 'ended'],
  ] as const)
    await attemptOf(database, poolId, await worker(database, poolId, name, { daysAgo: 90, as: 'gone' }), state);
  await forgetOld(database, poolId, monthly);
  expect(await names(database)).toEqual(['cools', 'sends']);
});

test('workers of another pool are none of ours', async () => {
  const { database, poolId } = await aLedger();
  const { rows } = await database.query<{ id: number }>(`insert into pool (name) values ('other') returning id`);
  await worker(database, rows[0]?.id ?? 0, 'theirs', { daysAgo: 90, as: 'gone' });
  await forgetOld(database, poolId, monthly);
  expect(await names(database)).toEqual(['theirs']);
});

test('what is left of a bite is said, so that the rest follows', async () => {
  const { database, poolId } = await aLedger();
  await database.query(
    `insert into worker (pool_id, name, state, beat_at) select $1, 'w', 'gone', now() - interval '1 year' from generate_series(1, 1001)`,
    [poolId],
  );
  expect(await forgetOld(database, poolId, monthly)).toBe(true);
  expect(await forgetOld(database, poolId, monthly)).toBe(false);
  expect(await names(database)).toEqual([]);
});

test('calls that were put aside are forgotten with the sessions', async () => {
  const { database, poolId } = await aLedger();
  await database.query(
    `insert into failing_call (pool_id, call_id, project, last_at, trouble)
     select $1, 'call-' || days, 'north', clock_timestamp() - days * interval '1 day', 'P0001' from unnest(array[29, 31]) as days`,
    [poolId],
  );
  await forgetOld(database, poolId, monthly);
  expect((await database.query('select call_id from failing_call')).rows).toEqual([{ call_id: 'call-29' }]);
});
