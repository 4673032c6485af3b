import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { readManifest } from '../../../crds/manifest.ts';
import type { PoolSpec } from '../../../crds/pool.ts';
import { poolKey } from '../../../crds/values.ts';
import type { Database } from '../../../ledger/database.ts';
import { readPolicy, writePolicy } from '../../../ledger/policy.ts';
import { type FencedPolicy, writeFencedPolicy } from '../../../ledger/pools/fenced-policy.ts';
import { freshLedger } from '../../support/ledger.ts';

const sales = poolKey.parse('cluster-1/voice/sales');

async function trial(): Promise<PoolSpec> {
  const read = readManifest(await readFile(new URL('../../../crds/samples/trial.yaml', import.meta.url), 'utf8'), 'trial.yaml');
  if (!read.ok) throw new Error(JSON.stringify(read.problems));
  return read.manifest.spec;
}

async function aPolicy(overrides: Partial<FencedPolicy> = {}): Promise<FencedPolicy> {
  return { pool: sales, uid: 'uid-1', fence: 100, generation: 1, spec: await trial(), ledgerId: undefined, ...overrides };
}

async function write(database: Database, overrides: Partial<FencedPolicy> = {}) {
  const result = await writeFencedPolicy(database, await aPolicy(overrides));
  return result.written ? 'written' : result.refused;
}

describe('a policy that an operator writes', () => {
  test('is what workers read', async () => {
    const { database } = await freshLedger();
    const policy = await aPolicy();
    const result = await writeFencedPolicy(database, policy);
    expect(result).toMatchObject({ written: true });
    const read = await readPolicy(database, sales);
    expect(read?.spec).toEqual(policy.spec);
    expect(result.written && result.version).toBe(read?.version);
  });

  test('that says nothing new is no new version, and counts for the later generation', async () => {
    const { database } = await freshLedger();
    const first = await writeFencedPolicy(database, await aPolicy());
    const again = await writeFencedPolicy(database, await aPolicy({ generation: 2 }));
    expect(again).toEqual(first);
    expect((await database.query('select generation from policy')).rows).toEqual([{ generation: '2' }]);
  });

  test.each([
    { what: 'an earlier generation under the same leader', next: { generation: 1 }, expected: 'Fenced' },
    { what: 'the same generation once more', next: { generation: 2 }, expected: 'written' },
    { what: 'a later generation', next: { generation: 3 }, expected: 'written' },
    { what: 'a leader that was overtaken, whatever it brings', next: { fence: 99, generation: 9 }, expected: 'Fenced' },
    {
      what: 'a later leader, also with an earlier generation (the cluster was restored)',
      next: { fence: 101, generation: 1 },
      expected: 'written',
    },
    { what: 'another object of the name under the same leader', next: { uid: 'uid-2', generation: 1 }, expected: 'written' },
    { what: 'another object of the name by a leader that was overtaken', next: { uid: 'uid-2', fence: 99 }, expected: 'Fenced' },
  ] as const)('after generation 2 under fence 100, $what: $expected', async ({ next, expected }) => {
    const { database } = await freshLedger();
    await write(database, { generation: 2 });
    const before = await readPolicy(database, sales);
    expect(await write(database, { spec: { ...(await trial()), mode: 'Hold' }, ...next })).toBe(expected);
    const after = await readPolicy(database, sales);
    expect(after?.spec.mode).toBe(expected === 'written' ? 'Hold' : 'Active');
    if (expected === 'Fenced') expect(after?.version).toBe(before?.version);
  });

  test('of two leaders that write at the same time, the later one has the last word', async () => {
    const { database } = await freshLedger();
    const held: PoolSpec = { ...(await trial()), mode: 'Hold' };
    await Promise.all([write(database, { fence: 100, generation: 5 }), write(database, { fence: 101, generation: 4, spec: held })]);
    expect((await readPolicy(database, sales))?.spec.mode).toBe('Hold');
  });

  test('is not written over what one machine wrote under another name', async () => {
    const { database } = await freshLedger();
    const { subscriptions, ...rest } = await trial();
    const unclaimed = { ...rest, subscriptions: subscriptions.map(({ accountId: _, ...one }) => one) };
    await writePolicy(database, poolKey.parse('sales'), unclaimed);
    expect(await write(database)).toBe('written');
    expect((await database.query('select count(*)::int as pools from pool')).rows).toEqual([{ pools: 2 }]);
  });
});

describe('another database', () => {
  test('is refused for a pool that was told its ledger, and nothing of the pool is made there', async () => {
    const { database } = await freshLedger();
    expect(await write(database, { ledgerId: '00000000-0000-4000-8000-000000000000' })).toBe('OtherLedger');
    expect((await database.query('select from pool')).rowCount).toBe(0);
  });

  test('is another by its own id, not by its address: the same one is taken', async () => {
    const { database } = await freshLedger();
    const first = await writeFencedPolicy(database, await aPolicy());
    if (!first.written) throw new Error(first.message);
    expect(await write(database, { ledgerId: first.ledgerId, generation: 2 })).toBe('written');
  });
});
