import { expect, test } from 'vitest';
import { className } from '../../../crds/values.ts';
import { beginSending } from '../../../ledger/attempts/begin-sending.ts';
import { endAttempts } from '../../../ledger/attempts/end.ts';
import { newId } from '../../../ledger/ids.ts';
import { cancelSession, cancelUnsentOf, endWithTheirCalls } from '../../../ledger/sessions/cancel.ts';
import { freshLedger } from '../../support/ledger.ts';

const owner = 1;

test('of two, the one who cancels and the one who sends, exactly one wins', async () => {
  const { database } = await freshLedger({ maxConnections: 8 });
  await database.query(`insert into pool (name) values ('sales')`);
  const pairs = Array.from({ length: 120 }, () => ({ session: newId(), attempt: newId() }));
  await database.query(
    `with pair as (select * from json_to_recordset($1::json) as x(session uuid, attempt uuid)),
     opened as (
       insert into session (id, pool_id, class, direction, state, ready, number, attempt_id)
       select session, 1, 'campaign', 'Outbound', 'open', true, '+1415555' || lpad((row_number() over ())::text, 4, '0'), attempt from pair
       returning id, number, attempt_id)
     insert into attempt (id, pool_id, session_id, class, direction, project, subscription, number, state, owner, admitted_at, send_by)
     select attempt_id, 1, id, 'campaign', 'Outbound', 'north', 'main', number, 'admitted', $2, clock_timestamp(), clock_timestamp() + interval '1 min'
     from opened`,
    [JSON.stringify(pairs), owner],
  );

  const sent = new Set<string>();
  const send = async (ids: readonly string[]) => {
    for (const dial of await beginSending(database, 1, owner, ids)) sent.add(dial.attemptId);
  };
  const work = pairs.flatMap(({ session, attempt }, index): (() => Promise<unknown>)[] => {
    const cancelling = () => cancelSession(database, 1, session, { withResults: true });
    const sending = () => send([attempt]);
    return index % 2 === 0 ? [cancelling, sending] : [sending, cancelling];
  });
  work.splice(100, 0, () => cancelUnsentOf(database, 1, className.parse('campaign'), '9223372036854775807', { withResults: true }));
  await Promise.all(work.map((one) => one()));

  const { rows } = await database.query<{ id: string; state: string; session: string }>(
    `select a.id, a.state, s.state as session from attempt a join session s on s.id = a.session_id`,
  );
  for (const { id, state, session } of rows) {
    expect([state, session]).toEqual(sent.has(id) ? ['sending', 'open'] : ['ended', 'ended']);
  }
  const { rows: told } = await database.query('select count(*)::int as ended, (select count(*)::int from outbox) as results from signal');
  expect(told).toEqual([{ ended: 120 - sent.size, results: 120 - sent.size }]);
});

test('a session that was cancelled while on the phone ends with its call, and nobody is dialled again for it', async () => {
  const { database } = await freshLedger();
  await database.query(`insert into pool (name) values ('sales')`);
  const calls = [newId(), newId()].map((session, index) => ({ session, attempt: newId(), class: index === 0 ? 'campaign' : 'callback' }));
  for (const call of calls) {
    await database.query(
      `with opened as (
         insert into session (id, pool_id, class, direction, state, ready, attempt_id) values ($1, 1, $3, 'Outbound', 'open', true, $2))
       insert into attempt (id, pool_id, session_id, class, direction, project, subscription, state)
       values ($2, 1, $1, $3, 'Outbound', 'north', 'main', 'bound')`,
      [call.session, call.attempt, call.class],
    );
  }
  await endWithTheirCalls(database, 1, { class: className.parse('campaign'), upTo: '9223372036854775807' });
  for (const { attempt } of calls) {
    const session = { next: 'queue', delayMs: 900_000, consumed: true } as const;
    const busy = { attemptId: attempt, outcome: 'Busy', endedReason: 'customer-busy', line: 'taken', session } as const;
    const ended = await endAttempts(database, 1, [{ ...busy, limits: undefined, withResults: true, resultDelayMs: 0 }]);
    expect(ended).toEqual(new Set([attempt]));
  }
  const { rows } = await database.query('select class, state, outcome from session order by class');
  expect(rows).toEqual([
    { class: 'callback', state: 'queued', outcome: null },
    { class: 'campaign', state: 'ended', outcome: 'Cancelled' },
  ]);
  expect((await database.query('select session_id from outbox')).rows).toEqual([{ session_id: calls[0]?.session }]);
});
