import { describe, expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { type Database, openDatabase } from '../../../ledger/database.ts';
import { type PoolObject, readPool } from '../../../operator/pool/declared.ts';
import { openLedgerLink } from '../../../operator/pool/ledger-link.ts';
import { poolWith } from '../../crds/pools.ts';
import { freshLedger } from '../../support/ledger.ts';

/** A pool as the cluster has it; of two whose names differ the accounts do too. */
function aPool(name: string, generation: number, changes: Readonly<Record<string, unknown>> = {}): PoolObject {
  const manifest: unknown = parse(
    poolWith({
      'metadata.name': name,
      'spec.ledger': { secretRef: { name: 'ledger', key: 'url' } },
      'spec.subscriptions[0].accountId': `${name}-main`,
      'spec.subscriptions[1].accountId': `${name}-second`,
      ...changes,
    }),
  );
  if (typeof manifest !== 'object' || manifest === null) throw new Error('the sound pool is an object');
  return readPool({ ...manifest, metadata: { name, namespace: 'voice', uid: `uid-of-${name}`, generation, resourceVersion: '1' } });
}

async function aLink(fence = 1) {
  const { database: beside, url } = await freshLedger();
  const database = openDatabase(url, { applicationName: 'operator', statementTimeoutMs: 500, maxConnections: 4, onError: () => undefined });
  onTestFinished(() => database.end());
  const distrusts: string[] = [];
  const link = (leadership: number, open: () => Promise<Database> = () => Promise.resolve(database)) =>
    openLedgerLink(
      { open, distrust: () => distrusts.push('') },
      { cluster: 'cluster-1', scope: () => 'all', fence: leadership, nowMs: () => performance.now() },
    );
  const one = link(fence);
  const write = async (pool: PoolObject, by = one) => {
    if (!pool.declared.accepted) throw new Error(pool.declared.problems.join('; '));
    await by.write(pool, pool.declared.spec);
  };
  return { beside, link, one, write, distrusts };
}

describe('a pool whose newest declaration the ledger does not take is read by the one before', () => {
  test('when another pool has the account', async () => {
    const { one, write } = await aLink();
    await write(aPool('first', 1));
    await write(aPool('second', 1));
    const edited = aPool('second', 2, { 'spec.subscriptions[0].accountId': 'first-main' });
    await write(edited);
    await one.read();
    expect(one.refusal(edited)).toMatchObject({ kind: 'refused', refused: 'SubscriptionClaimed' });
    expect(one.outlook(edited)).toMatchObject({ kind: 'read', standing: { newest: { generation: 1 } } });
    expect(one.poolId(edited)).toBeDefined();

    const mended = aPool('second', 3);
    expect(one.refusal(mended), 'a refusal is of the declaration that was tried').toBeUndefined();
    await write(mended);
    expect(one.refusal(edited)).toBeUndefined();
  });

  test('when the database fails', async () => {
    const { beside, one, write } = await aLink();
    await write(aPool('first', 1));
    await beside.query(`
      create function no_room() returns trigger language plpgsql as $$ begin raise exception 'no room for policies'; end $$;
      create trigger no_room before insert on policy for each row execute function no_room()`);
    const edited = aPool('first', 2, { 'spec.classes[0].reserved': 4 });
    await expect(write(edited)).rejects.toThrow('no room for policies');
    await one.read();
    expect(one.refusal(edited)).toMatchObject({ kind: 'failing', message: 'no room for policies' });
    expect(one.outlook(edited).kind).toBe('read');
  });

  test('when its row is locked for too long, which says nothing of other pools', async () => {
    const { beside, one, write } = await aLink();
    await write(aPool('first', 1));
    await write(aPool('second', 1));
    const client = await beside.connect();
    await client.query('begin');
    await client.query(`select from pool where name like '%/first' for update`);
    const edited = aPool('first', 2, { 'spec.classes[0].reserved': 4 });
    await expect(write(edited)).rejects.toThrow('statement timeout');
    expect(one.refusal(edited)?.kind).toBe('failing');
    expect(one.outlook(aPool('second', 1)).kind).not.toBe('away');
    await client.query('rollback');
    client.release();
    await write(edited);
    expect(one.refusal(edited)).toBeUndefined();
  });
});

test('an operator that was overtaken takes what it wrote for nothing', async () => {
  const { link, one, write } = await aLink(1);
  await write(aPool('first', 1));
  await write(aPool('first', 1), link(2));
  const edited = aPool('first', 2, { 'spec.classes[0].reserved': 4 });
  await write(edited);
  await one.read();
  expect(one.refusal(edited)).toMatchObject({ refused: 'Fenced' });
  expect([one.poolId(edited), one.outlook(edited).kind]).toEqual([undefined, 'not-asked']);
});

test('a ledger that cannot be reached is away for every pool, and is heard again with the next reading', async () => {
  const { link, write } = await aLink();
  let reachable = false;
  const { beside } = await aLink();
  const away = link(1, () =>
    reachable ? Promise.resolve(beside) : Promise.reject(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })),
  );
  await expect(write(aPool('first', 1), away)).rejects.toThrow('ECONNREFUSED');
  expect(away.outlook(aPool('second', 1)).kind).toBe('away');
  reachable = true;
  await away.read();
  expect(away.outlook(aPool('second', 1)).kind).toBe('not-asked');
});

test('a declaration is tried without anything being written, and a refusal is told like one that was meant', async () => {
  const { beside, one, write } = await aLink();
  await write(aPool('first', 1));
  await write(aPool('second', 1));
  const tried = async (pool: PoolObject) => {
    if (pool.declared.accepted) await one.try(pool, pool.declared.spec);
    return one.refusal(pool);
  };
  const claiming = aPool('second', 2, { 'spec.subscriptions[0].accountId': 'first-main' });
  expect(await tried(claiming)).toMatchObject({ kind: 'refused', refused: 'SubscriptionClaimed' });
  expect(await tried(aPool('second', 3, { 'spec.classes[0].reserved': 4 }))).toBeUndefined();
  expect((await beside.query('select from policy')).rowCount).toBe(2);
  await one.read();
  expect(one.outlook(claiming)).toMatchObject({ kind: 'read', standing: { newest: { generation: 1 } } });
});

describe('a database that was exchanged for another one', () => {
  test('without tables says nothing of any pool, and is to be made ready again', async () => {
    const { beside, one, write, distrusts } = await aLink();
    await write(aPool('first', 1));
    await one.read();
    await beside.query('alter table worker rename to worker_away');
    await expect(one.read()).rejects.toThrow('does not exist');
    expect(one.outlook(aPool('first', 1))).toMatchObject({ kind: 'away', how: 'Fails' });
    expect(distrusts).toHaveLength(1);
    await beside.query('alter table worker_away rename to worker');
    await one.read();
    expect(one.outlook(aPool('first', 1)).kind).toBe('read');
  });

  test('of another ledger is not read under the numbers of the first one', async () => {
    const { beside, one, write } = await aLink();
    await write(aPool('first', 1));
    await beside.query('update pool set ledger_id = gen_random_uuid()');
    await one.read();
    expect([one.poolId(aPool('first', 1)), one.outlook(aPool('first', 1)).kind]).toEqual([undefined, 'not-asked']);
  });

  test('that has no such pool is written to again', async () => {
    const { beside, one, write } = await aLink();
    await write(aPool('first', 1));
    await beside.query('truncate pool cascade');
    await one.read();
    expect(one.poolId(aPool('first', 1))).toBeUndefined();
    await write(aPool('first', 1));
    expect(one.poolId(aPool('first', 1))).toBeDefined();
  });
});
