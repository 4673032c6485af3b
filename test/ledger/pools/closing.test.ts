import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { readManifest } from '../../../crds/manifest.ts';
import { type PoolKey, poolKey } from '../../../crds/values.ts';
import type { Database } from '../../../ledger/database.ts';
import { readHolds } from '../../../ledger/holds.ts';
import type { PoolId } from '../../../ledger/policy.ts';
import { closePools, type LedgerPool, settleClosedPools } from '../../../ledger/pools/closing.ts';
import { writeFencedPolicy } from '../../../ledger/pools/fenced-policy.ts';
import { freshLedger } from '../../support/ledger.ts';

const sales = poolKey.parse('cluster-1/voice/sales');
/** The cluster has none of them. */
const nothing = () => false;
const everywhere = { cluster: 'cluster-1', namespaces: 'all' } as const;

async function aPool(
  database: Database,
  { pool = sales, uid = 'uid-1', deletionPolicy = 'Retain' }: { pool?: PoolKey; uid?: string; deletionPolicy?: 'Retain' | 'Purge' } = {},
): Promise<PoolId> {
  const read = readManifest(await readFile(new URL('../../../crds/samples/trial.yaml', import.meta.url), 'utf8'), 'trial.yaml');
  if (!read.ok) throw new Error(JSON.stringify(read.problems));
  const { spec } = read.manifest;
  // Accounts are unique in a ledger; these pools are about something else.
  const subscriptions = spec.subscriptions.map((one) => ({
    ...one,
    ...(one.accountId === undefined ? {} : { accountId: `${pool}/${one.name}` }),
  }));
  const written = await writeFencedPolicy(database, {
    pool,
    uid,
    fence: 100,
    generation: 1,
    spec: { ...spec, subscriptions, deletionPolicy },
    ledgerId: undefined,
  });
  if (!written.written) throw new Error(written.message);
  return written.poolId;
}

async function queueSessions(database: Database, poolId: PoolId, many: number): Promise<void> {
  await database.query(
    `insert into session (id, pool_id, class, direction, state) select gen_random_uuid(), $1, 'campaign', 'Outbound', 'queued' from generate_series(1, $2)`,
    [poolId, many],
  );
}

const outcomes = async (database: Database) =>
  (await database.query<{ state: string; outcome: string | null }>('select distinct state, outcome from session')).rows;
const isHeld = async (database: Database, poolId: PoolId) => (await readHolds(database, poolId)).pool;

describe('a pool whose object is gone', () => {
  test('is closed once: nothing is admitted any more, and its dispatcher is told', async () => {
    const { database } = await freshLedger();
    const poolId = await aPool(database);
    expect(await closePools(database, everywhere, nothing, 100)).toEqual([sales]);
    expect(await isHeld(database, poolId)).toBe(true);
    expect((await database.query('select kind from signal where pool_id = $1', [poolId])).rows).toEqual([{ kind: 'overlay' }]);
    expect(await closePools(database, everywhere, nothing, 100)).toEqual([]);
  });

  test('keeps its queue with Retain, and goes on with it when a pool of the name is back', async () => {
    const { database } = await freshLedger();
    const poolId = await aPool(database);
    await queueSessions(database, poolId, 3);
    await closePools(database, everywhere, nothing, 100);
    expect(await settleClosedPools(database, 'cluster-1')).toBe(0);
    expect(await outcomes(database)).toEqual([{ state: 'queued', outcome: null }]);
    expect(await aPool(database, { uid: 'uid-2' })).toBe(poolId);
    expect(await isHeld(database, poolId)).toBe(false);
  });

  test('cancels what waits with Purge, what came later too', async () => {
    const { database } = await freshLedger();
    const poolId = await aPool(database, { deletionPolicy: 'Purge' });
    await queueSessions(database, poolId, 3);
    await closePools(database, everywhere, nothing, 100);
    expect(await settleClosedPools(database, 'cluster-1')).toBe(3);
    await queueSessions(database, poolId, 1);
    expect(await settleClosedPools(database, 'cluster-1')).toBe(1);
    expect(await outcomes(database)).toEqual([{ state: 'ended', outcome: 'Cancelled' }]);
  });

  test('is also one whose name another object has now', async () => {
    const { database } = await freshLedger();
    await aPool(database);
    expect(await closePools(database, everywhere, ({ uid }) => uid === 'uid-2', 100)).toEqual([sales]);
  });
});

describe('left alone is', () => {
  test.each([
    { what: 'a pool that lives', scope: everywhere, living: (one: LedgerPool) => one.pool === sales && one.uid === 'uid-1', fence: 100 },
    { what: 'a pool of another cluster', scope: { cluster: 'cluster-2', namespaces: 'all' } as const, living: nothing, fence: 100 },
    {
      what: 'a pool of a namespace that this operator does not see',
      scope: { cluster: 'cluster-1', namespaces: ['other'] },
      living: nothing,
      fence: 100,
    },
    { what: 'every pool, for a leader that was overtaken', scope: everywhere, living: nothing, fence: 99 },
  ])('$what', async ({ scope, living, fence }) => {
    const { database } = await freshLedger();
    const poolId = await aPool(database);
    expect(await closePools(database, scope, living, fence)).toEqual([]);
    expect(await isHeld(database, poolId)).toBe(false);
  });

  test('a pool of one machine in the same ledger', async () => {
    const { database } = await freshLedger();
    await database.query(`insert into pool (name) values ('sales')`);
    expect(await closePools(database, everywhere, nothing, 100)).toEqual([]);
  });
});
