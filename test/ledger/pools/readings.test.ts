import { describe, expect, test } from 'vitest';
import type { Database } from '../../../ledger/database.ts';
import type { PoolId } from '../../../ledger/policy.ts';
import { askToDrain } from '../../../ledger/pools/draining.ts';
import { readLedgerRoom, readStandings } from '../../../ledger/pools/readings.ts';
import { freshLedger } from '../../support/ledger.ts';

async function aPool(database: Database, name: string, workers: readonly string[]): Promise<PoolId> {
  const { rows } = await database.query<{ id: number }>('insert into pool (name) values ($1) returning id', [name]);
  const id = rows[0]?.id;
  if (id === undefined) throw new Error('no pool was made');
  for (const worker of workers) await database.query(`insert into worker (pool_id, name, state) values ($1, $2, 'serving')`, [id, worker]);
  return id;
}

const asked = async (database: Database) =>
  (await database.query<{ name: string }>('select name from worker where phase_asked is not null order by name')).rows.map(
    ({ name }) => name,
  );

describe('what the ledger says of pools', () => {
  test('comes for all of them at once, each by itself', async () => {
    const { database } = await freshLedger();
    const one = await aPool(database, 'one', ['a', 'b']);
    const other = await aPool(database, 'other', []);
    const standings = await readStandings(database, [one, other]);
    expect(standings.get(one)?.workers.map(({ name }) => name)).toEqual(['a', 'b']);
    expect(standings.get(other)?.workers).toEqual([]);
    expect(standings.get(one)?.ledgerId).not.toBe(standings.get(other)?.ledgerId);
  });

  test('tells the generation that a worker acts on, and nothing where it has not said', async () => {
    const { database } = await freshLedger();
    const pool = await aPool(database, 'one', ['a', 'b']);
    await database.query(`insert into policy (pool_id, spec, generation) values ($1, '{}', 7)`, [pool]);
    await database.query(`update worker set applied_version = (select max(version) from policy) where name = 'a'`);
    const standing = (await readStandings(database, [pool])).get(pool);
    expect(standing?.newest?.generation).toBe(7);
    expect(standing?.workers.map(({ appliedGeneration }) => appliedGeneration)).toEqual([7, undefined]);
  });

  test('has the troubles that this release knows, whatever else a newer worker tells', async () => {
    const { database } = await freshLedger();
    const pool = await aPool(database, 'one', ['a', 'b']);
    const missing = { kind: 'KeyMissing', field: 'spec.results.secretRef', secret: 'crm', key: 'token' };
    await database.query(`update worker set troubles = $1 where name = 'a'`, [JSON.stringify([missing, { kind: 'Invented' }])]);
    const standing = (await readStandings(database, [pool])).get(pool);
    expect(standing?.workers.map(({ troubles }) => troubles)).toEqual([[missing], undefined]);
  });

  test('leaves out workers that nobody has heard of for a minute, and holds whose time is over', async () => {
    const { database } = await freshLedger();
    const pool = await aPool(database, 'one', ['a']);
    await database.query(`update worker set beat_at = now() - interval '2 min'`);
    await database.query(
      `insert into overlay (pool_id, class, kind, until) values ($1, '', 'hold', now() - interval '1 s'), ($1, 'campaign', 'hold', null)`,
      [pool],
    );
    const standing = (await readStandings(database, [pool])).get(pool);
    expect(standing?.workers).toEqual([]);
    expect(standing?.holds).toEqual([{ class: 'campaign', untilMs: undefined }]);
  });

  test('of no pool costs no statement', async () => {
    expect((await readStandings({ query: () => Promise.reject(new Error('asked')) }, [])).size).toBe(0);
  });

  test('tells how many connections are left', async () => {
    const { database } = await freshLedger();
    const room = await readLedgerRoom(database);
    expect(room.inUse).toBeGreaterThan(0);
    expect(room.maxConnections).toBeGreaterThan(room.inUse);
  });
});

describe('asking workers to drain', () => {
  test('asks exactly those, and lets the others of the pool serve again', async () => {
    const { database } = await freshLedger();
    const pool = await aPool(database, 'one', ['a', 'b', 'c']);
    const other = await aPool(database, 'other', ['d']);
    await askToDrain(database, [
      { poolId: pool, names: ['a', 'b'] },
      { poolId: other, names: ['d'] },
    ]);
    expect(await asked(database)).toEqual(['a', 'b', 'd']);
    await askToDrain(database, [{ poolId: pool, names: ['b', 'c'] }]);
    expect(await asked(database)).toEqual(['b', 'c', 'd']);
  });

  test('asks nobody who is gone', async () => {
    const { database } = await freshLedger();
    const pool = await aPool(database, 'one', ['a']);
    await database.query(`update worker set state = 'gone'`);
    await askToDrain(database, [{ poolId: pool, names: ['a'] }]);
    expect(await asked(database)).toEqual([]);
  });
});
