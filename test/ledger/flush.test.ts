import { expect, test } from 'vitest';
import { beginSending } from '../../ledger/attempts/begin-sending.ts';
import { bindAttempt } from '../../ledger/attempts/bind.ts';
import { endAttempts } from '../../ledger/attempts/end.ts';
import { newId } from '../../ledger/ids.ts';
import { storeEvents } from '../../ledger/inbox.ts';
import { insertSessions } from '../../ledger/sessions/insert.ts';
import { aClass } from '../support/pool.ts';
import { aDataPath, type DataPath, place } from '../workers/data-path.ts';

const owner = 1;

/** A ledger that notes of every commit that changes these tables whether it waits for the disk. */
async function watched(): Promise<DataPath> {
  const on = await aDataPath();
  await on.database.query(`
    create table committed (what text, waits text);
    create function note_commit() returns trigger language plpgsql as $$
      begin insert into committed values (tg_table_name, current_setting('synchronous_commit')); return null; end $$`);
  for (const table of ['session', 'attempt', 'inbox']) {
    await on.database.query(
      `create constraint trigger note_commit after insert or update on ${table} deferrable initially deferred for each row execute function note_commit()`,
    );
  }
  return on;
}

async function commitsOf(on: DataPath, work: () => Promise<unknown>): Promise<readonly string[]> {
  await on.database.query('delete from committed');
  await work();
  const { rows } = await on.database.query<{ line: string }>(`select distinct what || ' ' || waits as line from committed order by 1`);
  return rows.map(({ line }) => line);
}

test('a session is on disk before it is acknowledged', async () => {
  const on = await watched();
  const nothing = { project: undefined, name: undefined, context: undefined, notBefore: undefined, expiresAt: undefined };
  const session = { ...nothing, id: newId(), class: aClass('campaign'), direction: 'Outbound', number: '+14155550100' } as const;
  const rest = { labels: {}, score: 0, idempotencyKey: undefined, requestHash: undefined };
  expect(await commitsOf(on, () => insertSessions(on.database, on.poolId, [{ ...session, ...rest }]))).toEqual(['session on']);
});

test('what is sent is on disk before a byte goes out, and with it the admission before it; then the call that was made', async () => {
  const on = await watched();
  const { attemptId } = await place(on, owner);
  expect(await commitsOf(on, () => beginSending(on.database, on.poolId, owner, [attemptId]))).toEqual(['attempt on']);
  const call = { callId: 'call-1', controlUrl: undefined, boundForMs: 60_000, limits: undefined };
  expect(await commitsOf(on, () => bindAttempt(on.database, on.poolId, { by: 'answer', attemptId, ...call }))).toEqual(['attempt on']);
});

test('a webhook is on disk before it is answered; the end that it tells of is heard of again after a crash, and does not wait; that no call was made does', async () => {
  const on = await watched();
  const { attemptId } = await place(on, owner);
  await beginSending(on.database, on.poolId, owner, [attemptId]);
  const event = { project: 'north', dedupe: 'one', callId: 'call-1', kind: 'status-update', event: {} } as const;
  expect(await commitsOf(on, () => storeEvents(on.database, on.poolId, [event]))).toEqual(['inbox on']);
  const session = { next: 'end', outcome: 'Completed', reason: 'Normal' } as const;
  const end = { attemptId, outcome: 'Normal', endedReason: undefined, line: 'taken', session, limits: undefined } as const;
  const ended = () => endAttempts(on.database, on.poolId, [{ ...end, withResults: false, resultDelayMs: 0 }]);
  expect(await commitsOf(on, ended)).toEqual(['attempt off', 'session off']);
  const unsent = await place(on, owner);
  await beginSending(on.database, on.poolId, owner, [unsent.attemptId]);
  const noCall = {
    ...end,
    attemptId: unsent.attemptId,
    outcome: 'Unsent',
    line: 'never-taken',
    withResults: false,
    resultDelayMs: 0,
  } as const;
  expect(await commitsOf(on, () => endAttempts(on.database, on.poolId, [noCall]))).toEqual(['attempt on', 'session on']);
  const { rows } = await on.database.query('show synchronous_commit');
  expect(rows).toEqual([{ synchronous_commit: 'on' }]);
});
