import pg from 'pg';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { LedgerMark } from '../../capacity/guard/guard.ts';
import { projectName } from '../../crds/values.ts';
import { readCopy } from '../../ledger/copy.ts';
import { connectionConfig, type Database } from '../../ledger/database.ts';
import { beat, observeLeadership, standForElection } from '../../ledger/election.ts';
import { liftGuard, noteListed, readGuard, reportWentBack } from '../../ledger/guard.ts';
import { type PoolId, writePolicy } from '../../ledger/policy.ts';
import { takeWatchLeases } from '../../ledger/watch.ts';
import { freshLedger } from '../support/ledger.ts';
import { salesPool } from '../workers/intake/serving.ts';

const north = projectName.parse('north');

type Elections = { readonly database: Database; readonly poolId: PoolId; elect(remembered?: LedgerMark): Promise<void> };

/** A pool that is dispatched by one after the other. */
async function elections(): Promise<Elections> {
  const { database, url } = await freshLedger();
  const { poolId } = await writePolicy(database, salesPool.metadata.name, salesPool.spec);
  const client = new pg.Client(connectionConfig(url, { applicationName: 'dispatcher' }));
  client.on('error', () => undefined);
  await client.connect();
  onTestFinished(() => client.end());
  return {
    database,
    poolId,
    async elect(remembered) {
      const election = await standForElection(client, poolId, 1, remembered);
      if (!election.elected) throw new Error('not elected');
      await beat(client, poolId, election.epoch, {});
    },
  };
}

const markIn = async ({ database, poolId }: Elections): Promise<LedgerMark> => {
  const { mark } = await observeLeadership(database, poolId);
  if (mark === undefined) throw new Error('never dispatched');
  return mark;
};

describe('a ledger', () => {
  test('says on which data and timeline it is', async () => {
    const { database } = await freshLedger();
    const copy = await readCopy(database);
    expect(copy.systemId).toMatch(/^\d{15,20}$/);
    expect(copy.timeline).toBe(1);
  });

  test('is dispatched without a guard as long as it stays where it is', async () => {
    const on = await elections();
    await on.elect();
    await on.elect(await markIn(on));
    expect(await readGuard(on.database, on.poolId)).toBeUndefined();
  });

  test.each([
    { name: 'on another timeline', change: 'timeline = timeline + 1', reason: 'NewTimeline' },
    { name: 'that is the data of another server', change: `system_id = '1'`, reason: 'OtherCopy' },
  ])('$name is guarded with the election, from before its last beat on', async ({ change, reason }) => {
    const on = await elections();
    await on.elect();
    await on.database.query(`update dispatcher set ${change}, beat_at = '2026-01-01T00:10:00Z'`);
    await on.elect();
    expect(await readGuard(on.database, on.poolId)).toMatchObject({ reason, certainAtMs: Date.parse('2026-01-01T00:05:00Z') });
    const first = await readGuard(on.database, on.poolId);
    await on.elect();
    expect((await readGuard(on.database, on.poolId))?.id).toBe(first?.id);
  });

  test('of which a worker remembers more is guarded with the election', async () => {
    const on = await elections();
    await on.elect();
    const { beats, ...mark } = await markIn(on);
    await on.elect({ ...mark, beats: beats + 1 });
    expect(await readGuard(on.database, on.poolId)).toMatchObject({ reason: 'WentBack' });
  });

  test('of which a worker remembers more is guarded by its word, from before the last election on', async () => {
    const on = await elections();
    await on.elect();
    await on.database.query(`update dispatcher set beat_at = '2026-01-01T00:10:00Z'`);
    await on.elect();
    await reportWentBack(on.database, on.poolId);
    expect(await readGuard(on.database, on.poolId)).toMatchObject({ certainAtMs: Date.parse('2026-01-01T00:05:00Z') });
    expect((await observeLeadership(on.database, on.poolId)).guarded).toBe(true);
    expect((await on.database.query(`select kind from signal`)).rows).toEqual([{ kind: 'overlay' }]);
  });
});

test('a guard that is raised again begins anew, and goes back as far as either', async () => {
  const on = await elections();
  await on.elect();
  await on.database.query(`update dispatcher set beat_at = '2026-01-01T00:10:00Z'`);
  await on.elect();
  await reportWentBack(on.database, on.poolId);
  const first = await readGuard(on.database, on.poolId);
  if (first === undefined) throw new Error('not guarded');
  await takeWatchLeases(on.database, on.poolId, 1, [north], 1);
  await noteListed(on.database, on.poolId, north, first.id);
  expect((await readGuard(on.database, on.poolId))?.listed).toEqual(new Set(['north']));
  await on.elect();
  await reportWentBack(on.database, on.poolId);
  await liftGuard(on.database, on.poolId, first.id);
  expect(await readGuard(on.database, on.poolId)).toMatchObject({ certainAtMs: first.certainAtMs, listed: new Set() });
});
