import { expect, test, vi } from 'vitest';
import { beginSending } from '../../../ledger/attempts/begin-sending.ts';
import { bindAttempt } from '../../../ledger/attempts/bind.ts';
import type { Ending } from '../../../workers/events/endings.ts';
import { aDataPath, type DataPath, type Placed, place, seen } from '../data-path.ts';

const owner = 1;

async function sent(on: DataPath, count: number): Promise<readonly Placed[]> {
  const placed: Placed[] = [];
  for (let made = 0; made < count; made += 1) placed.push(await place(on, owner));
  await beginSending(
    on.database,
    on.poolId,
    owner,
    placed.map(({ attemptId }) => attemptId),
  );
  return placed;
}

const hungUp = ({ attemptId }: Placed, more: Partial<Ending> = {}): Ending => ({
  attemptId,
  outcome: 'Normal',
  endedReason: 'customer-ended-call',
  line: 'taken',
  limits: undefined,
  ...more,
});

const over = { session: 'ended', outcome: 'Completed', attempt: 'cooling' };

test('ends that come together are written together, each with what is its own', async () => {
  const on = await aDataPath();
  const [first, busy, unsent] = await sent(on, 3);
  if (first === undefined || busy === undefined || unsent === undefined) throw new Error('nothing was sent');
  const ended = await Promise.all([
    on.endings.end(hungUp(first)),
    on.endings.end(hungUp(busy, { outcome: 'Busy', endedReason: 'customer-busy' })),
    on.endings.end(hungUp(unsent, { outcome: 'Unsent', endedReason: undefined, line: 'never-taken' })),
    on.endings.end(hungUp({ ...first, attemptId: crypto.randomUUID() })),
  ]);
  expect(ended).toEqual([true, true, true, false]);
  expect(await seen(on, first)).toMatchObject(over);
  expect(await seen(on, busy)).toMatchObject({ session: 'ended', outcome: 'Busy', attempt: 'cooling' });
  expect(await seen(on, unsent)).toMatchObject({ session: 'queued', attempt: 'ended', released: true });
  const { rows } = await on.database.query(`select attempt_id, data ->> 'outcome' as outcome from signal where kind = 'ended' order by id`);
  expect(new Map(rows.map((row) => [row.attempt_id, row.outcome]))).toEqual(
    new Map([
      [first.attemptId, 'Normal'],
      [busy.attemptId, 'Busy'],
      [unsent.attemptId, 'Unsent'],
    ]),
  );
});

test('of many who tell of one end at the same time, one was the first, and one counts', async () => {
  const on = await aDataPath();
  const [placed] = await sent(on, 1);
  if (placed === undefined) throw new Error('nothing was sent');
  const verdicts = await Promise.all([
    on.endings.end(hungUp(placed)),
    on.endings.end(hungUp(placed)),
    on.endings.end(hungUp(placed, { outcome: 'Busy', endedReason: 'customer-busy' })),
    on.endings.end(hungUp(placed)),
  ]);
  expect(verdicts.filter(Boolean)).toHaveLength(1);
  expect(await seen(on, placed)).toMatchObject(over);
  const { rows } = await on.database.query('select attempts from session where id = $1', [placed.sessionId]);
  expect(rows).toEqual([{ attempts: 1 }]);
});

test('an end that can never be written does not keep others from it', async () => {
  const on = await aDataPath();
  const [first, wrong, last] = await sent(on, 3);
  if (first === undefined || wrong === undefined || last === undefined) throw new Error('nothing was sent');
  const verdicts = await Promise.allSettled([
    on.endings.end(hungUp(first)),
    on.endings.end(hungUp(wrong, { endedReason: 'a character that PostgreSQL has not: \u0000' })),
    on.endings.end(hungUp(last)),
  ]);
  expect(verdicts.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(await seen(on, last)).toMatchObject(over);
  expect(await seen(on, wrong)).toMatchObject({ session: 'open', attempt: 'sending' });
});

test('one call that two attempts claim is entered for one of them, and both end', async () => {
  const on = await aDataPath();
  const [ahead, one, other] = await sent(on, 3);
  if (ahead === undefined || one === undefined || other === undefined) throw new Error('nothing was sent');
  const claimed = { callId: 'call-1' };
  const verdicts = await Promise.all([
    on.endings.end(hungUp(ahead)),
    on.endings.end(hungUp(one, claimed)),
    on.endings.end(hungUp(other, claimed)),
  ]);
  expect(verdicts).toEqual([true, true, true]);
  const { rows } = await on.database.query(`select count(*)::int as n from attempt where call_id = 'call-1'`);
  expect(rows).toEqual([{ n: 1 }]);
});

test('an end that tells of another call does not stand in the way of the one that tells of this', async () => {
  const on = await aDataPath();
  const [ahead, placed] = await sent(on, 2);
  if (ahead === undefined || placed === undefined) throw new Error('nothing was sent');
  const call = { callId: 'call-1', controlUrl: undefined, boundForMs: 60_000, limits: undefined };
  await bindAttempt(on.database, on.poolId, { by: 'answer', attemptId: placed.attemptId, ...call });
  const verdicts = await Promise.all([
    on.endings.end(hungUp(ahead)),
    on.endings.end(hungUp(placed, { callId: 'call-2' })),
    on.endings.end(hungUp(placed, { callId: 'call-1' })),
  ]);
  expect(verdicts).toEqual([true, false, true]);
  expect(await seen(on, placed)).toMatchObject(over);
});

test('ends that meet others on the same rows are written all the same', async () => {
  const on = await aDataPath();
  const placed = [...(await sent(on, 2))].sort((a, b) => (a.attemptId < b.attemptId ? -1 : 1));
  const [first, second] = placed;
  if (first === undefined || second === undefined) throw new Error('nothing was sent');
  const other = await on.database.connect();
  await other.query('begin');
  await other.query('select from attempt where id = $1 for update', [second.attemptId]);
  const ahead = on.endings.end({ ...hungUp(first), attemptId: crypto.randomUUID() });
  const ends = placed.map((one) => on.endings.end(hungUp(one)));
  await ahead;
  const waits = `select count(*)::int as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '%"lineTaken"%'`;
  await vi.waitFor(async () => expect((await on.database.query(waits)).rows).toEqual([{ n: 1 }]), { timeout: 5_000 });
  // Now each holds what the other wants: one of the two is undone.
  await other.query('select from attempt where id = $1 for update', [first.attemptId]).catch(() => undefined);
  await other.query('rollback');
  other.release();
  expect(await Promise.all(ends)).toEqual([true, true]);
});
