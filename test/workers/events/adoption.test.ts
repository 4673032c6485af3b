import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { projectName } from '../../../crds/values.ts';
import { newId } from '../../../ledger/ids.ts';
import { callNameOf } from '../../../providers/vapi/call-name.ts';
import type { CallNews } from '../../../workers/events/apply.ts';
import { aDataPath, type DataPath } from '../data-path.ts';

const number = '+14155560001';

/** A session that waits, although its call was made: the ledger lost that. */
async function forgotten(on: DataPath) {
  const sessionId = newId();
  await on.database.query(
    `insert into session (id, pool_id, class, direction, state, number) values ($2, $1, 'campaign', 'Outbound', 'queued', $3)`,
    [on.poolId, sessionId, number],
  );
  return { sessionId, attemptId: randomUUID() };
}

type Forgotten = Awaited<ReturnType<typeof forgotten>>;

const news = ({ attemptId, sessionId }: Forgotten, status: CallNews['status'], more: Partial<CallNews> = {}): CallNews => ({
  project: projectName.parse('north'),
  callId: `call-${attemptId}`,
  callName: callNameOf(attemptId),
  direction: 'Outbound',
  status,
  endedReason: status === 'ended' ? 'customer-ended-call' : undefined,
  controlUrl: undefined,
  costUsd: undefined,
  claim: { pool: 'sales', sessionId, class: 'campaign', number },
  ...more,
});

const sessions = async ({ database }: DataPath) => (await database.query('select state, outcome, attempts from session order by seq')).rows;
const attempts = async ({ database }: DataPath) =>
  (
    await database.query(
      'select id, session_id is not null as ours, state, refusal, call_id, policy_version::int as by from attempt order by created_at',
    )
  ).rows;

describe('a call that the ledger forgot', () => {
  test('is bound to its session, once', async () => {
    const on = await aDataPath();
    const call = await forgotten(on);
    expect(await on.applier.apply(news(call, 'live'))).toBe('changed');
    expect(await on.applier.apply(news(call, 'live'))).toBe('known');
    expect(await sessions(on)).toEqual([{ state: 'open', outcome: null, attempts: 0 }]);
    expect(await attempts(on)).toEqual([
      { id: call.attemptId, ours: true, state: 'bound', refusal: null, call_id: `call-${call.attemptId}`, by: 1 },
    ]);
  });

  test('ends its session as it ended itself, and nobody is dialled again', async () => {
    const on = await aDataPath();
    const call = await forgotten(on);
    expect(await on.applier.apply(news(call, 'ended'))).toBe('changed');
    expect(await sessions(on)).toEqual([{ state: 'ended', outcome: 'Completed', attempts: 1 }]);
    expect(await attempts(on)).toMatchObject([{ id: call.attemptId, ours: true, state: 'cooling' }]);
  });

  test('is found by its number when the provider does not show for whom it was', async () => {
    const on = await aDataPath();
    const call = await forgotten(on);
    const claim = { pool: undefined, sessionId: undefined, class: undefined, number };
    expect(await on.applier.apply(news(call, 'live', { claim }))).toBe('changed');
    expect(await sessions(on)).toEqual([{ state: 'open', outcome: null, attempts: 0 }]);
  });

  test('is taken from the stranger as which a webhook had entered it', async () => {
    const on = await aDataPath();
    const call = await forgotten(on);
    expect(await on.applier.apply(news(call, 'live', { claim: undefined }))).toBe('changed');
    expect(await attempts(on)).toMatchObject([{ ours: false, state: 'bound', refusal: 'Foreign', by: 1 }]);
    expect(await on.applier.apply(news(call, 'live'))).toBe('changed');
    expect(await attempts(on)).toMatchObject([
      { ours: false, state: 'ended', call_id: null },
      { id: call.attemptId, ours: true, state: 'bound' },
    ]);
  });

  test('holds a line and waits while an older attempt of its session is open', async () => {
    const on = await aDataPath();
    const call = await forgotten(on);
    const before = { ...call, attemptId: randomUUID() };
    await on.applier.apply(news(before, 'live'));
    expect(await on.applier.apply(news(call, 'live'))).toBe('later');
    expect(await attempts(on)).toMatchObject([{ ours: true }, { ours: false, refusal: 'Foreign', state: 'bound' }]);
    await on.endings.end({
      attemptId: before.attemptId,
      outcome: 'Capacity',
      endedReason: undefined,
      line: 'never-taken',
      limits: undefined,
    });
    expect(await sessions(on)).toEqual([{ state: 'queued', outcome: null, attempts: 0 }]);
    expect(await on.applier.apply(news(call, 'live'))).toBe('changed');
    expect(await sessions(on)).toEqual([{ state: 'open', outcome: null, attempts: 0 }]);
  });

  test('holds a line as a stranger when its session is lost, and is nothing when it is over', async () => {
    const on = await aDataPath();
    const [live, over] = [await forgotten(on), await forgotten(on)];
    await on.database.query('delete from session');
    expect(await on.applier.apply(news(live, 'live'))).toBe('changed');
    expect(await on.applier.apply(news(over, 'ended'))).toBe('known');
    expect(await attempts(on)).toMatchObject([{ ours: false, refusal: 'Foreign', state: 'bound' }]);
    await on.applier.apply(news(live, 'ended'));
    expect(await attempts(on)).toMatchObject([{ ours: false, state: 'cooling' }]);
  });

  test('of another pool is none of ours', async () => {
    const on = await aDataPath();
    const call = await forgotten(on);
    await on.applier.apply(news(call, 'live', { claim: { pool: 'support', sessionId: call.sessionId, class: 'campaign', number } }));
    expect(await sessions(on)).toEqual([{ state: 'queued', outcome: null, attempts: 0 }]);
  });
});

test('a call that was looked up in vain, and turns up when it is over, ends its session', async () => {
  const on = await aDataPath();
  const call = await forgotten(on);
  await on.applier.apply(news(call, 'live'));
  await on.database.query(`update attempt set state = 'sending', call_id = null`);
  await on.endings.end({ attemptId: call.attemptId, outcome: 'Unsent', endedReason: 'NotCreated', line: 'never-taken', limits: undefined });
  expect(await sessions(on)).toMatchObject([{ state: 'queued' }]);
  await on.applier.apply(news(call, 'ended'));
  expect(await sessions(on)).toMatchObject([{ state: 'ended', outcome: 'Completed' }]);
});
