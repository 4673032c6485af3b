import { beforeEach, describe, expect, test } from 'vitest';
import { claimHome, endHome, sweepHomes } from '../../ledger/call-homes.ts';
import type { Database } from '../../ledger/database.ts';
import { type PoolId, writePolicy } from '../../ledger/policy.ts';
import { registerWorker } from '../../ledger/workers.ts';
import { freshLedger } from '../support/ledger.ts';
import { salesPool } from '../workers/intake/serving.ts';

describe('a call of a stateful handler', () => {
  let database: Database;
  let poolId: PoolId;
  const claim = (worker: string, more: { readonly phase?: 'leaving'; readonly unreachable?: string; readonly callId?: string } = {}) =>
    claimHome(database, poolId, { callId: 'call-1', worker, phase: 'staying', ...more });
  const silence = (worker: string) => database.query(`update worker set beat_at = beat_at - interval '11 s' where name = $1`, [worker]);

  beforeEach(async () => {
    ({ database } = await freshLedger());
    ({ poolId } = await writePolicy(database, salesPool.metadata.name, salesPool.spec));
    for (const [name, port] of [
      ['w1', 1],
      ['w2', 2],
    ] as const) {
      const connection = await database.connect();
      await registerWorker(connection, poolId, name, { state: 'serving', address: `10.0.0.1:${port}` });
      connection.release();
    }
  });

  test('stays with the worker that got its first event', async () => {
    expect(await claim('w1')).toEqual({ worker: 'w1', address: '10.0.0.1:1' });
    expect(await claim('w2')).toEqual({ worker: 'w1', address: '10.0.0.1:1' });
  });

  test('has one worker when two get events at once', async () => {
    const both = await Promise.all([claim('w1'), claim('w2')]);
    expect(new Set(both.map(({ worker }) => worker)).size).toBe(1);
  });

  test('stays with a worker that has lost the ledger and registered anew', async () => {
    await claim('w1');
    const connection = await database.connect();
    await registerWorker(connection, poolId, 'w1', { state: 'serving', address: '10.0.0.1:3' });
    connection.release();
    expect(await claim('w2')).toEqual({ worker: 'w1', address: '10.0.0.1:3' });
  });

  test('stays with a worker that is silent: after an outage of the ledger all are', async () => {
    await claim('w1');
    await silence('w1');
    expect(await claim('w2')).toMatchObject({ worker: 'w1' });
  });

  test.each([
    { how: 'has left', become: () => database.query(`update worker set state = 'gone' where name = 'w1'`), more: {} },
    { how: 'was found not to listen', become: async () => undefined, more: { unreachable: 'w1' } },
  ])('goes on with whoever gets its next event when its worker $how', async ({ become, more }) => {
    await claim('w1');
    await become();
    expect(await claim('w2', more)).toMatchObject({ worker: 'w2' });
    expect(await claim('w2')).toMatchObject({ worker: 'w2' });
  });

  test('is left to a worker that stays by one that leaves, unless it has it already', async () => {
    expect(await claim('w1', { phase: 'leaving' })).toMatchObject({ worker: 'w2' });
    await claim('w1', { callId: 'call-2' });
    expect(await claim('w1', { callId: 'call-2', phase: 'leaving' })).toMatchObject({ worker: 'w1' });
    await database.query(`update worker set state = 'draining'`);
    expect(await claim('w1', { callId: 'call-3', phase: 'leaving' })).toMatchObject({ worker: 'w1' });
  });

  const attempt = (callId: string, released: string) =>
    database.query(
      `insert into attempt (id, pool_id, class, direction, project, subscription, state, call_id, ended_at, released_at)
       values (gen_random_uuid(), $1, 'campaign', 'Outbound', 'north', 'main', case when $3::interval is null then 'bound' else 'ended' end, $2,
         clock_timestamp() - $3::interval, clock_timestamp() - $3::interval)`,
      [poolId, callId, released === 'never' ? null : released],
    );

  test('is over with its last event, and its late news find the same worker', async () => {
    await claim('w1');
    expect(await sweepHomes(database, poolId, 'w1')).toEqual(['call-1']);
    await endHome(database, poolId, 'call-1');
    expect(await sweepHomes(database, poolId, 'w1')).toEqual([]);
    expect(await claim('w2')).toMatchObject({ worker: 'w1' });
  });

  test('is over two minutes after its end when no last event comes', async () => {
    for (const callId of ['live', 'just-over', 'long-over', 'unknown']) await claim('w1', { callId });
    await claim('w1', { callId: 'new' });
    await attempt('live', 'never');
    await attempt('just-over', '1 min');
    await attempt('long-over', '3 min');
    await database.query(`update call_home set claimed_at = claimed_at - interval '3 min' where call_id <> 'new'`);
    expect((await sweepHomes(database, poolId, 'w1')).toSorted()).toEqual(['just-over', 'live', 'new']);
    await database.query(`update call_home set over_at = over_at - interval '11 min'`);
    await sweepHomes(database, poolId, 'w1');
    const { rows } = await database.query('select call_id from call_home order by call_id');
    expect(rows).toEqual([{ call_id: 'just-over' }, { call_id: 'live' }, { call_id: 'new' }]);
  });
});
