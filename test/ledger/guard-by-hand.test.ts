import { readFile } from 'node:fs/promises';
import pg from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { poolName } from '../../crds/values.ts';
import { connectionConfig } from '../../ledger/database.ts';
import { beat, standForElection } from '../../ledger/election.ts';
import { readGuard } from '../../ledger/guard.ts';
import { writePolicy } from '../../ledger/policy.ts';
import { freshLedger } from '../support/ledger.ts';
import { salesPool } from '../workers/intake/serving.ts';

/** The statements that the page tells people to run. */
async function runbook(): Promise<readonly string[]> {
  const page = await readFile(new URL('../../docs/when-guarded.md', import.meta.url), 'utf8');
  return [...page.matchAll(/^```sql\n([\s\S]*?)^```$/gm)].map(([, statement = '']) => statement);
}

const copiedAtMs = Date.parse('2026-01-01T12:00:00Z');

async function aLedger() {
  const { database, url } = await freshLedger();
  const { subscriptions, ...others } = salesPool.spec;
  const spec = { ...others, subscriptions: subscriptions.map(({ accountId: _, ...one }) => one) };
  const pools = [];
  for (const name of ['sales', 'support']) pools.push((await writePolicy(database, poolName.parse(name), spec)).poolId);
  // As people do it: a plain connection, that knows nothing of our schema.
  const byHand = new pg.Client({ connectionString: url });
  await byHand.connect();
  onTestFinished(() => byHand.end());
  return { database, url, pools, byHand };
}

test('the statement of the runbook guards every pool, five minutes before the copy was made', async () => {
  const { database, pools, byHand } = await aLedger();
  const [statement, ...others] = await runbook();
  expect(others).toEqual([]);
  await byHand.query(statement ?? '');
  for (const poolId of pools) {
    const guard = await readGuard(database, poolId);
    expect(guard).toMatchObject({ reason: 'WentBack', certainAtMs: copiedAtMs - 300_000 });
    expect(guard?.listed).toEqual(new Set());
  }
});

test('a pool that was guarded when the copy was made is guarded anew, as far back as either goes', async () => {
  const { database, pools, byHand } = await aLedger();
  const [sales = 0, support = 0] = pools;
  await database.query(`insert into guard (pool_id, reason, certain_at) values ($1, 'OtherCopy', '2025-12-31T00:00:00Z')`, [sales]);
  const before = await readGuard(database, sales);
  for (const statement of await runbook()) await byHand.query(statement);
  const after = await readGuard(database, sales);
  expect(after).toMatchObject({ reason: 'WentBack', certainAtMs: Date.parse('2025-12-31T00:00:00Z') });
  expect(after?.id).not.toBe(before?.id);
  expect(await readGuard(database, support)).toMatchObject({ certainAtMs: copiedAtMs - 300_000 });
});

test('the guard stands when workers are started and one is elected', async () => {
  const { database, url, pools, byHand } = await aLedger();
  const [sales = 0] = pools;
  for (const statement of await runbook()) await byHand.query(statement);
  const guard = await readGuard(database, sales);
  const client = new pg.Client(connectionConfig(url, { applicationName: 'dispatcher' }));
  await client.connect();
  onTestFinished(() => client.end());
  const election = await standForElection(client, sales, 1, undefined);
  if (!election.elected) throw new Error('not elected');
  await beat(client, sales, election.epoch, {});
  expect(await readGuard(database, sales)).toMatchObject({ id: guard?.id, reason: 'WentBack', certainAtMs: copiedAtMs - 300_000 });
});
