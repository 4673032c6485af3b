import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import type { Database } from '../../../ledger/database.ts';
import { admitArrivals } from '../../../ledger/dispatch/admit-arrivals.ts';
import { type AdmissionBatch, commitAdmissions } from '../../../ledger/dispatch/commit-admissions.ts';
import { Deposed } from '../../../ledger/election.ts';
import { readLimiters } from '../../../ledger/limiters.ts';
import { freshLedger } from '../../support/ledger.ts';
import { aClass, aProject, aSubscription } from '../../support/pool.ts';

/** A ledger whose dispatcher is in its second epoch, and one session that waits. */
async function waiting(number = '+14155550100') {
  const { database } = await freshLedger();
  await database.query(`insert into pool (name) values ('sales')`);
  await database.query(`insert into dispatcher (pool_id, epoch) values (1, 2)`);
  const sessionId = randomUUID();
  await database.query(
    `insert into session (id, pool_id, class, direction, state, number) values ($1, 1, 'campaign', 'Outbound', 'queued', $2)`,
    [sessionId, number],
  );
  return { database, sessionId };
}

function batch(sessionId: string, change: Partial<AdmissionBatch> = {}): AdmissionBatch {
  return {
    poolId: 1,
    epoch: 2,
    policyVersion: 1,
    decidedAtMs: Date.now(),
    records: [
      {
        sessionId,
        attemptId: randomUUID(),
        class: aClass('campaign'),
        project: aProject('front'),
        subscription: aSubscription('main'),
        owner: 1,
        seq: 7,
        ceiling: 10,
        inUse: 1,
        fromNumberId: 'n1',
        probe: false,
        sendWithinMs: 1_000,
      },
    ],
    rates: new Map(),
    released: [],
    ...change,
  };
}

/** An attempt with that number, on the phone or on its way. */
async function onThePhone(database: Database, direction: 'Inbound' | 'Outbound', number: string): Promise<void> {
  await database.query(
    `insert into attempt (id, pool_id, direction, project, subscription, number, state) values (gen_random_uuid(), 1, $1, 'front', 'main', $2, 'bound')`,
    [direction, number],
  );
}

test('an admission says on what it was decided', async () => {
  const { database, sessionId } = await waiting();
  expect(await commitAdmissions(database, batch(sessionId))).toHaveLength(1);
  const { rows } = await database.query('select epoch::int, seq::int, policy_version::int, ceiling, in_use, probe from attempt');
  expect(rows).toEqual([{ epoch: 2, seq: 7, policy_version: 1, ceiling: 10, in_use: 1, probe: false }]);
  expect((await database.query('select decision_seq::int from dispatcher')).rows).toEqual([{ decision_seq: 7 }]);
});

test('a dispatcher that was deposed admits nobody', async () => {
  const { database, sessionId } = await waiting();
  await expect(commitAdmissions(database, batch(sessionId, { epoch: 1 }))).rejects.toThrow(Deposed);
  await expect(admitArrivals(database, { poolId: 1, epoch: 1, policyVersion: 1, records: [] })).rejects.toThrow(Deposed);
  expect((await database.query('select state from session')).rows).toEqual([{ state: 'queued' }]);
  expect((await database.query('select id from attempt')).rows).toEqual([]);
});

test('nobody is admitted whose session has expired since it was looked at', async () => {
  const { database, sessionId } = await waiting();
  await database.query('update session set expires_at = clock_timestamp()');
  expect(await commitAdmissions(database, batch(sessionId))).toEqual([]);
  await database.query(`update session set expires_at = clock_timestamp() + interval '1 min'`);
  expect(await commitAdmissions(database, batch(sessionId))).toHaveLength(1);
});

test.each(['Inbound', 'Outbound'] as const)('nobody is dialled whose number is on the phone: %s', async (direction) => {
  const { database, sessionId } = await waiting('+14155550100');
  await onThePhone(database, direction, '+14155550100');
  expect(await commitAdmissions(database, batch(sessionId))).toEqual([]);
  expect((await database.query('select state from session')).rows).toEqual([{ state: 'queued' }]);
});

test('what a rate has let through is kept with the admission, so that a successor paces on', async () => {
  const { database, sessionId } = await waiting();
  const cells = (sinceMs: number) => [{ sinceMs, untilMs: sinceMs, count: 1 }];
  await commitAdmissions(database, batch(sessionId, { records: [], rates: new Map([['subscription/main', cells(1)]]) }));
  await commitAdmissions(database, batch(sessionId, { rates: new Map([['subscription/main', cells(2)]]) }));
  expect((await readLimiters(database, 1)).get('subscription/main')).toEqual(cells(2));
});
