import { readFile } from 'node:fs/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { readManifest } from '../../../crds/manifest.ts';
import type { PoolSpec } from '../../../crds/pool.ts';
import { type PoolKey, poolKey, subscriptionName } from '../../../crds/values.ts';
import type { Database } from '../../../ledger/database.ts';
import { migrate } from '../../../ledger/migrate.ts';
import { readPolicy, writePolicy } from '../../../ledger/policy.ts';
import { closePools, settleClosedPools } from '../../../ledger/pools/closing.ts';
import { writeFencedPolicy } from '../../../ledger/pools/fenced-policy.ts';
import { freshLedger } from '../../support/ledger.ts';

const support = poolKey.parse('cluster-1/secret-team/support');
const sales = poolKey.parse('cluster-1/voice/sales');

/** What a pool declares: an account for each name of a subscription. */
type Accounts = Readonly<Record<string, string | undefined>>;

async function declaring(accounts: Accounts): Promise<PoolSpec> {
  const read = readManifest(await readFile(new URL('../../../crds/samples/trial.yaml', import.meta.url), 'utf8'), 'trial.yaml');
  if (!read.ok) throw new Error(JSON.stringify(read.problems));
  const { spec } = read.manifest;
  const [sample] = spec.subscriptions;
  if (sample === undefined) throw new Error('the sample has no subscription');
  const { accountId: _, ...rest } = sample;
  const subscriptions = Object.entries(accounts).map(([name, accountId]) => ({
    ...rest,
    name: subscriptionName.parse(name),
    ...(accountId === undefined ? {} : { accountId }),
  }));
  return { ...spec, subscriptions };
}

let generation = 0;

/** What becomes of a declaration of a pool. */
async function write(database: Database, pool: PoolKey, accounts: Accounts): Promise<string> {
  generation += 1;
  const spec = await declaring(accounts);
  const written = await writeFencedPolicy(database, { pool, uid: `uid of ${pool}`, fence: 100, generation, spec, ledgerId: undefined });
  return written.written ? 'written' : written.refused;
}

/** The objects of all pools are deleted. */
const close = (database: Database) => closePools(database, { cluster: 'cluster-1', namespaces: 'all' }, () => false, 100);

/** An open call of a pool that has just begun, unless `is` says otherwise. */
async function aCall(database: Database, subscription: string, is = `bound_until = clock_timestamp() + interval '1 hour'`): Promise<void> {
  const { rows } = await database.query<{ id: string }>(
    `insert into attempt (id, pool_id, direction, project, subscription, state)
       select gen_random_uuid(), id, 'Outbound', 'front', $2, 'bound' from pool where name = $1 returning id`,
    [support, subscription],
  );
  await database.query(`update attempt set ${is} where id = $1`, [rows[0]?.id]);
}

const theCallEnds = (database: Database) => database.query(`update attempt set state = 'ended', released_at = clock_timestamp()`);

async function aWorker(database: Database, appliedVersion: number | null): Promise<void> {
  await database.query(
    `insert into worker (pool_id, name, state, applied_version) select id, 'worker-1', 'serving', $2 from pool where name = $1`,
    [support, appliedVersion],
  );
}

/** As if the account had been dropped, or the pool closed, so long ago. */
async function timePasses(database: Database, interval: string): Promise<void> {
  await database.query(`update subscription_claim set undeclared_at = undeclared_at - $1::interval`, [interval]);
  await database.query(`update pool set closed_at = closed_at - $1::interval`, [interval]);
}

async function claims(database: Database): Promise<readonly string[]> {
  await settleClosedPools(database, 'cluster-1');
  const { rows } = await database.query<{ account_id: string }>('select account_id from subscription_claim order by 1');
  return rows.map((row) => row.account_id);
}

describe('an account', () => {
  test('belongs to the pool that came first; the other one is told so without a word about that pool, and leaves no trace', async () => {
    const { database } = await freshLedger();
    await write(database, support, { main: 'x' });
    const spec = await declaring({ main: 'x' });
    const refused = await writeFencedPolicy(database, { pool: sales, uid: 'uid-1', fence: 100, generation: 1, spec, ledgerId: undefined });
    expect(refused).toMatchObject({ written: false, refused: 'SubscriptionClaimed' });
    expect(JSON.stringify(refused)).not.toMatch(/support|secret-team/);
    expect(await readPolicy(database, sales)).toBeUndefined();
  });

  test('is free at once where the pool stops declaring it and has neither calls nor workers', async () => {
    const { database } = await freshLedger();
    await write(database, support, { main: 'x' });
    await write(database, support, { main: undefined });
    expect(await write(database, sales, { main: 'x' })).toBe('written');
  });

  test('of a pool on one machine is free for whoever asks for it once its last call is over', async () => {
    const { database } = await freshLedger();
    await writePolicy(database, support, await declaring({ main: 'x' }));
    await aCall(database, 'main');
    await writePolicy(database, support, await declaring({ main: 'y' }));
    expect(await write(database, sales, { main: 'x' })).toBe('SubscriptionClaimed');
    await theCallEnds(database);
    expect(await write(database, sales, { main: 'x' })).toBe('written');
  });

  test('of a pool on one machine is free in the same way', async () => {
    const { database } = await freshLedger();
    const alone = poolKey.parse('support');
    await writePolicy(database, alone, await declaring({ main: 'x' }));
    await writePolicy(database, alone, await declaring({ main: 'y' }));
    expect(await write(database, sales, { main: 'x' })).toBe('written');
  });

  test('is the pool’s own while a call of it may live, and free by itself then', async () => {
    const { database } = await freshLedger();
    await write(database, support, { main: 'x' });
    await aCall(database, 'main');
    await write(database, support, { main: undefined });
    expect(await write(database, sales, { main: 'x' })).toBe('SubscriptionClaimed');
    expect(await claims(database)).toEqual(['x']);
    await theCallEnds(database);
    expect(await claims(database)).toEqual([]);
    expect(await write(database, sales, { main: 'x' })).toBe('written');
    expect(await claims(database)).toEqual(['x']);
  });

  test('is kept for calls under every name that it had', async () => {
    const { database } = await freshLedger();
    await write(database, support, { main: 'x' });
    await write(database, support, { east: 'x' });
    await aCall(database, 'east');
    await write(database, support, { west: 'y' });
    expect(await claims(database)).toEqual(['x', 'y']);
    await theCallEnds(database);
    await aCall(database, 'main');
    expect(await claims(database)).toEqual(['x', 'y']);
    await theCallEnds(database);
    expect(await claims(database)).toEqual(['y']);
  });

  test('is not kept for calls of the account that has its name now', async () => {
    const { database } = await freshLedger();
    await write(database, support, { main: 'x' });
    await write(database, support, { main: 'y' });
    await write(database, support, { main: 'x' });
    await aCall(database, 'main');
    await write(database, support, { main: 'y' });
    await timePasses(database, '1 hour');
    expect(await claims(database)).toEqual(['y']);
  });

  test('is kept for a call that was begun later under the old declaration', async () => {
    const { database } = await freshLedger();
    await write(database, support, { main: 'x' });
    await aCall(
      database,
      'main',
      `policy_version = (select max(version) from policy), bound_until = clock_timestamp() + interval '1 hour'`,
    );
    await write(database, support, { main: 'y' });
    await timePasses(database, '1 hour');
    expect(await claims(database)).toEqual(['x', 'y']);
  });

  test('that is declared again is kept as one that was never dropped', async () => {
    const { database } = await freshLedger();
    await write(database, support, { main: 'x' });
    await aCall(database, 'main');
    await write(database, support, { main: 'y' });
    await write(database, support, { main: 'x', east: 'y' });
    await theCallEnds(database);
    await timePasses(database, '1 hour');
    expect(await claims(database)).toEqual(['x', 'y']);
  });
});

describe('while workers of the pool run, a dropped account', () => {
  test('is kept for half a minute, in which what they had begun ends', async () => {
    const { database } = await freshLedger();
    await write(database, support, { main: 'x' });
    await aWorker(database, 1_000_000);
    await write(database, support, { main: 'y' });
    expect(await claims(database)).toEqual(['x', 'y']);
    await timePasses(database, '31 s');
    expect(await claims(database)).toEqual(['y']);
  });

  test.each([
    { applied: 'an earlier policy', version: 1 },
    { applied: 'none that we know', version: null },
  ])('is kept while one of them acts on $applied', async ({ version }) => {
    const { database } = await freshLedger();
    await write(database, support, { main: 'x' });
    await aWorker(database, version);
    await write(database, support, { main: 'y' });
    await timePasses(database, '1 hour');
    expect(await claims(database)).toEqual(['x', 'y']);
    await database.query(`update worker set beat_at = clock_timestamp() - interval '2 min'`);
    expect(await claims(database)).toEqual(['y']);
  });
});

describe('an account of a closed pool', () => {
  test('is free', async () => {
    const { database } = await freshLedger();
    await write(database, support, { main: 'x' });
    await close(database);
    expect((await database.query('select from subscription_claim')).rowCount).toBe(0);
  });

  test('is kept for half a minute while its workers run, whatever policy they act on', async () => {
    const { database } = await freshLedger();
    await write(database, support, { main: 'x' });
    await aWorker(database, 1);
    await close(database);
    expect(await claims(database)).toEqual(['x']);
    await timePasses(database, '31 s');
    expect(await claims(database)).toEqual([]);
  });

  test.each([
    { what: 'is kept while a call of it may live', call: `bound_until = clock_timestamp() + interval '5 min'`, kept: true },
    {
      what: 'is kept for the look-ups after the longest time of a call',
      call: `bound_until = clock_timestamp() - interval '1 min'`,
      kept: true,
    },
    { what: 'is free when its last call is over for sure', call: `bound_until = clock_timestamp() - interval '3 min'`, kept: false },
    { what: 'is free when the line of its last call is free', call: `state = 'ended', released_at = clock_timestamp()`, kept: false },
    { what: 'is kept for hours where nobody knows of a call', call: `sending_at = clock_timestamp() - interval '11 h'`, kept: true },
    { what: 'is free after minutes where nothing was sent', call: `created_at = clock_timestamp() - interval '6 min'`, kept: false },
    {
      what: 'is kept for a call that was seen alive beyond its bound',
      call: `bound_until = clock_timestamp() - interval '1 hour', last_seen_at = clock_timestamp() - interval '1 min'`,
      kept: true,
    },
  ])('$what', async ({ call, kept }) => {
    const { database } = await freshLedger();
    await write(database, support, { main: 'x' });
    await aCall(database, 'main', call);
    await close(database);
    expect(await claims(database)).toEqual(kept ? ['x'] : []);
  });

  test('is not freed under a declaration that opens the pool again at the same time', async () => {
    const { database } = await freshLedger();
    await write(database, support, { main: 'x' });
    await aCall(database, 'main');
    await close(database);
    await theCallEnds(database);
    const opening = await database.connect();
    onTestFinished(() => opening.release());
    await opening.query('begin');
    await opening.query('update pool set closed_at = null where name = $1', [support]);
    expect(await claims(database)).toEqual(['x']);
    await opening.query('commit');
    expect(await claims(database)).toEqual(['x']);
  });
});

test('freeing goes on beside transactions of the pool, and they beside it', async () => {
  const { database } = await freshLedger({ maxConnections: 3 });
  await write(database, support, { main: 'x' });
  await aCall(database, 'main');
  await close(database);
  await theCallEnds(database);
  const other = await database.connect();
  onTestFinished(() => other.release());
  await other.query('begin');
  await other.query(`insert into signal (pool_id, kind) select id, 'overlay' from pool`);
  expect(await claims(database)).toEqual([]);
  await other.query('rollback');
});

test('two pools that want each other’s accounts at the same time are both told so, and never wait in a circle', async () => {
  const { database } = await freshLedger();
  await write(database, support, { main: 'x' });
  await write(database, sales, { main: 'y' });
  await aCall(database, 'main');
  await database.query(`insert into attempt (id, pool_id, direction, project, subscription, state, bound_until)
    select gen_random_uuid(), id, 'Outbound', 'front', 'main', 'bound', clock_timestamp() + interval '1 hour' from pool where name = '${sales}'`);
  for (let round = 0; round < 20; round += 1) {
    const swapped = await Promise.all([write(database, support, { main: 'y' }), write(database, sales, { main: 'x' })]);
    expect(swapped).toEqual(['SubscriptionClaimed', 'SubscriptionClaimed']);
  }
});

describe('claims of a ledger that an earlier release made', () => {
  /** Takes back what releases since have added. */
  async function asBefore(database: Database): Promise<void> {
    await database.query('alter table subscription_claim drop column names, drop column undeclared_at, drop column last_version');
    await database.query('alter table attempt drop column entered_version');
    await database.query('drop table call_home');
    await database.query('alter table worker drop column address');
    await database.query('delete from migration where version >= 9');
  }

  test('know every name of their account', async () => {
    const { database } = await freshLedger();
    await write(database, support, { main: 'x' });
    await write(database, support, { east: 'x' });
    await aCall(database, 'east');
    await asBefore(database);
    await migrate(database);
    await close(database);
    expect(await claims(database)).toEqual(['x']);
  });

  test('are free when their pool has stopped declaring the account, whatever it calls so now', async () => {
    const { database } = await freshLedger();
    await write(database, support, { main: 'x' });
    await aCall(database, 'main');
    await write(database, support, { main: 'y' });
    await asBefore(database);
    await migrate(database);
    expect(await claims(database)).toEqual(['x', 'y']);
    await theCallEnds(database);
    await aCall(
      database,
      'main',
      `policy_version = (select max(version) from policy), bound_until = clock_timestamp() + interval '1 hour'`,
    );
    const { rows } = await database.query<{ version: string }>('select max(version) as version from policy');
    await aWorker(database, Number(rows[0]?.version));
    await timePasses(database, '1 hour');
    expect(await claims(database)).toEqual(['y']);
  });
});
