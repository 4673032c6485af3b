import { describe, expect, test, vi } from 'vitest';
import { projectName } from '../../../crds/values.ts';
import { beginSending } from '../../../ledger/attempts/begin-sending.ts';
import { bindAttempt } from '../../../ledger/attempts/bind.ts';
import { numberBusy } from '../../../ledger/dispatch/number-busy.ts';
import { storeEvents } from '../../../ledger/inbox.ts';
import { callNameOf } from '../../../providers/vapi/call-name.ts';
import type { CallNews } from '../../../workers/events/apply.ts';
import { openInboxWorker } from '../../../workers/events/inbox-worker.ts';
import { aDataPath, type DataPath, type Placed, place, seen, silent } from '../data-path.ts';

const owner = 1;

async function sent(on: DataPath): Promise<Placed> {
  const placed = await place(on, owner);
  expect(await beginSending(on.database, on.poolId, owner, [placed.attemptId])).toHaveLength(1);
  return placed;
}

const answer = (on: DataPath, { attemptId }: Placed, callId = `call-${attemptId}`) =>
  bindAttempt(on.database, on.poolId, { by: 'answer', attemptId, callId, controlUrl: undefined, boundForMs: 60_000, limits: undefined });

const news = ({ attemptId }: Placed, status: CallNews['status'], more: Partial<CallNews> = {}): CallNews => ({
  project: projectName.parse('north'),
  callId: `call-${attemptId}`,
  callName: callNameOf(attemptId),
  direction: 'Outbound',
  status,
  endedReason: status === 'ended' ? 'customer-ended-call' : undefined,
  controlUrl: undefined,
  costUsd: undefined,
  ...more,
});

const ledgerLost = () => new AbortController().signal;

const openAttempts = async ({ database }: DataPath) =>
  (await database.query<{ n: number }>('select count(*)::int as n from attempt where released_at is null')).rows[0]?.n;

describe('news of a call', () => {
  test('may all come before the answer to its creation', async () => {
    const on = await aDataPath();
    const placed = await sent(on);
    for (const status of ['live', 'ended', 'live', 'ended'] as const) await on.applier.apply(news(placed, status));
    await answer(on, placed);
    expect(await seen(on, placed)).toMatchObject({ session: 'ended', outcome: 'Completed', attempt: 'cooling' });
    expect(await openAttempts(on)).toBe(1);
  });

  test('tells its id even when its end is the first that is heard of it', async () => {
    const on = await aDataPath();
    const placed = await sent(on);
    await on.applier.apply(news(placed, 'ended'));
    const { rows } = await on.database.query('select call_id, state from attempt where id = $1', [placed.attemptId]);
    expect(rows).toEqual([{ call_id: `call-${placed.attemptId}`, state: 'cooling' }]);
  });

  test('without the name that we gave it does not make two calls of one', async () => {
    const on = await aDataPath();
    const placed = await sent(on);
    await on.applier.apply(news(placed, 'live', { callName: undefined }));
    expect(await openAttempts(on)).toBe(2);
    await answer(on, placed);
    expect(await openAttempts(on)).toBe(1);
    await on.applier.apply(news(placed, 'ended', { callName: undefined }));
    expect(await seen(on, placed)).toMatchObject({ session: 'ended', outcome: 'Completed', attempt: 'cooling' });
  });

  test.each(['live', 'ended'] as const)(
    'that was first seen without its name is given back by the stranger when a list names it: %s',
    async (status) => {
      const on = await aDataPath();
      const placed = await sent(on);
      await on.database.query('update attempt set ambiguous_at = clock_timestamp()');
      await on.applier.apply(news(placed, 'live', { callName: undefined }));
      expect(await openAttempts(on)).toBe(2);
      const claim = { pool: 'sales', sessionId: placed.sessionId, class: 'campaign', number: placed.number };
      expect(await on.applier.apply(news(placed, status, { claim }))).toBe('changed');
      expect(await openAttempts(on)).toBe(1);
      expect(await seen(on, placed)).toMatchObject({ attempt: status === 'live' ? 'bound' : 'cooling', released: false });
      const { rows } = await on.database.query('select call_id from attempt where id = $1', [placed.attemptId]);
      expect(rows).toEqual([{ call_id: `call-${placed.attemptId}` }]);
    },
  );

  test.each(['live', 'ended'] as const)(
    'that was a stranger’s while its person was on another line gets its session afterwards: %s',
    async (status) => {
      const on = await aDataPath();
      const placed = await sent(on);
      const vain = { outcome: 'Unsent', endedReason: 'NotCreated', line: 'never-taken', limits: undefined } as const;
      await on.endings.end({ attemptId: placed.attemptId, ...vain });
      const caller = `insert into attempt (id, pool_id, direction, project, subscription, number, state)
      values (gen_random_uuid(), $1, 'Inbound', 'north', 'main', $2, 'bound')`;
      await on.database.query(caller, [on.poolId, placed.number]);
      const claim = { pool: 'sales', sessionId: placed.sessionId, class: 'campaign', number: placed.number };
      expect(await on.applier.apply(news(placed, 'live', { claim }))).toBe('later');
      expect(await seen(on, placed)).toMatchObject({ session: 'queued', attempt: 'ended' });
      await on.database.query(
        `update attempt set state = 'ended', released_at = clock_timestamp() where direction = 'Inbound' and number is not null`,
      );
      expect(await on.applier.apply(news(placed, status, { claim }))).toBe('changed');
      expect(await openAttempts(on)).toBe(1);
      expect(await seen(on, placed)).toMatchObject({
        session: status === 'live' ? 'open' : 'ended',
        attempt: status === 'live' ? 'bound' : 'cooling',
      });
    },
  );

  test('that was looked up in vain gives its session back to it', async () => {
    const on = await aDataPath();
    const placed = await sent(on);
    await on.endings.end({
      attemptId: placed.attemptId,
      outcome: 'Unsent',
      endedReason: 'NotCreated',
      line: 'never-taken',
      limits: undefined,
    });
    expect(await seen(on, placed)).toMatchObject({ session: 'queued', attempt: 'ended' });
    expect(await on.applier.apply(news(placed, 'live'))).toBe('changed');
    expect(await seen(on, placed)).toMatchObject({ session: 'open', attempt: 'bound', released: false });
    await on.applier.apply(news(placed, 'ended'));
    expect(await seen(on, placed)).toMatchObject({ session: 'ended', outcome: 'Completed' });
  });

  test('that was looked up in vain takes a line, also when its session has gone on', async () => {
    const on = await aDataPath();
    const placed = await sent(on);
    await on.endings.end({
      attemptId: placed.attemptId,
      outcome: 'Unsent',
      endedReason: 'NotCreated',
      line: 'never-taken',
      limits: undefined,
    });
    await on.database.query(`update session set state = 'ended', outcome = 'Cancelled', ended_at = clock_timestamp()`);
    expect(await on.applier.apply(news(placed, 'live'))).toBe('changed');
    expect(await openAttempts(on)).toBe(1);
    expect(await on.applier.apply(news(placed, 'live'))).toBe('known');
    await on.applier.apply(news(placed, 'ended'));
    expect((await on.database.query(`select state from attempt where refusal = 'Foreign'`)).rows).toEqual([{ state: 'cooling' }]);
  });
});

test('somebody who called us without our being asked is not dialled while that call lives', async () => {
  const on = await aDataPath();
  const placed = await place(on, owner);
  const call = { callName: undefined, claim: { pool: undefined, sessionId: undefined, class: undefined, number: placed.number } };
  const numbers = async () =>
    (await on.database.query<{ number: string | null }>(`select number from attempt where refusal = 'Foreign' order by direction`)).rows;
  await on.applier.apply(news(placed, 'live', { ...call, callId: 'in', direction: 'Inbound' }));
  await on.applier.apply(news(placed, 'live', { ...call, callId: 'out', direction: 'Outbound' }));
  expect(await numbers()).toEqual([{ number: placed.number }, { number: null }]);
  const busy = async () =>
    (await on.database.query(`select from attempt where ${numberBusy('$2')} limit 1`, [on.poolId, placed.number])).rowCount;
  await on.database.query(`update attempt set state = 'ended', released_at = clock_timestamp() where id = $1`, [placed.attemptId]);
  expect(await busy()).toBe(1);
  await on.database.query(`update attempt set state = 'ended', released_at = clock_timestamp() where direction = 'Inbound'`);
  expect(await busy()).toBe(0);
});

test('the number of a caller whom a webhook showed first is known when a list, or another webhook, tells it', async () => {
  const on = await aDataPath();
  const placed = await place(on, owner);
  const number = async () => (await on.database.query(`select number from attempt where refusal = 'Foreign'`)).rows[0]?.['number'];
  const call = { callName: undefined, callId: 'in', direction: 'Inbound' } as const;
  await on.applier.apply(news(placed, 'live', call));
  expect(await number()).toBeNull();
  await on.applier.apply(news(placed, 'live', { ...call, callerNumber: placed.number }));
  expect(await number()).toBe(placed.number);
  const claim = { pool: undefined, sessionId: undefined, class: undefined, number: '+14155550177' };
  await on.applier.apply(news(placed, 'live', { ...call, claim }));
  expect(await number()).toBe(placed.number);
});

test('an event that can never be worked on does not keep those behind it waiting', async () => {
  const on = await aDataPath();
  const placed = await sent(on);
  const stored = (project: string, dedupe: string, event: Readonly<Record<string, unknown>>) => ({
    project,
    dedupe,
    callId: `call-${placed.attemptId}`,
    kind: 'status-update' as const,
    event,
  });
  await storeEvents(on.database, on.poolId, [
    stored('north', 'a', { nothing: 'that we know' }),
    stored('north', 'b', { status: 'ended', callName: callNameOf(placed.attemptId), endedReason: 'customer-ended-call' }),
  ]);
  await on.database.query(`update inbox set received_at = received_at - interval '1 min'`);
  const inbox = openInboxWorker({ database: on.database, poolId: on.poolId, applier: on.applier, ledgerLost, log: silent });
  await inbox.sweep();
  expect(await seen(on, placed)).toMatchObject({ session: 'ended', outcome: 'Completed' });
  await inbox.sweep();
  expect((await on.database.query('select count(*)::int as n from inbox where processed_at is null')).rows).toEqual([{ n: 0 }]);
});

test('an event is worked on again when the ledger was lost before it was noted as done', async () => {
  const on = await aDataPath();
  const placed = await sent(on);
  const event = { status: 'ended', callName: callNameOf(placed.attemptId), endedReason: 'customer-ended-call' };
  const [stored] = await storeEvents(on.database, on.poolId, [
    { project: 'north', dedupe: 'a', callId: `call-${placed.attemptId}`, kind: 'status-update', event },
  ]);
  if (stored === undefined) throw new Error('the event was not stored');
  const unprocessed = async () => (await on.database.query('select id from inbox where processed_at is null')).rows.length;
  let server = new AbortController();
  const inbox = openInboxWorker({ ...on, ledgerLost: () => server.signal, log: silent });
  inbox.begin(stored);
  await vi.waitFor(async () => expect(await seen(on, placed)).toMatchObject({ attempt: 'cooling' }));
  server.abort();
  server = new AbortController();
  await inbox.sweep();
  expect(await unprocessed()).toBe(1);
  await on.database.query(`update inbox set received_at = received_at - interval '1 min'`);
  await inbox.sweep();
  await inbox.sweep();
  expect(await unprocessed()).toBe(0);
});
