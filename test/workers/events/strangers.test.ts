import { describe, expect, test } from 'vitest';
import { projectName } from '../../../crds/values.ts';
import { beginSending } from '../../../ledger/attempts/begin-sending.ts';
import { callNameOf } from '../../../providers/vapi/call-name.ts';
import type { CallNews } from '../../../workers/events/apply.ts';
import { aDataPath, type DataPath, type Placed, place } from '../data-path.ts';

const owner = 1;

async function sent(on: DataPath): Promise<Placed> {
  const placed = await place(on, owner);
  expect(await beginSending(on.database, on.poolId, owner, [placed.attemptId])).toHaveLength(1);
  return placed;
}

/** What a webhook tells that does not show the name. */
const nameless = (callId: string, status: CallNews['status']): CallNews => ({
  project: projectName.parse('north'),
  callId,
  callName: undefined,
  direction: 'Outbound',
  status,
  endedReason: status === 'ended' ? 'customer-ended-call' : undefined,
  controlUrl: undefined,
  costUsd: undefined,
});

/** What a list tells. */
const listed = ({ attemptId, sessionId, number }: Placed, callId: string, status: CallNews['status']): CallNews => ({
  ...nameless(callId, status),
  callName: callNameOf(attemptId),
  claim: { pool: 'sales', sessionId, class: 'campaign', number },
});

const attempts = async ({ database }: DataPath) =>
  (await database.query('select session_id is not null as ours, state, call_id from attempt order by created_at')).rows;

describe('a second call under the name of an attempt', () => {
  test('keeps its line while the first lives', async () => {
    const on = await aDataPath();
    const placed = await sent(on);
    await on.applier.apply(listed(placed, 'first', 'live'));
    await on.applier.apply(nameless('second', 'live'));
    expect(await on.applier.apply(listed(placed, 'second', 'live'))).toBe('known');
    expect(await attempts(on)).toEqual([
      { ours: true, state: 'bound', call_id: 'first' },
      { ours: false, state: 'bound', call_id: 'second' },
    ]);
  });

  test('keeps its line when the first is over', async () => {
    const on = await aDataPath();
    const placed = await sent(on);
    await on.applier.apply(listed(placed, 'first', 'live'));
    await on.applier.apply(nameless('second', 'live'));
    await on.applier.apply(listed(placed, 'first', 'ended'));
    await on.applier.apply(listed(placed, 'second', 'live'));
    expect(await attempts(on)).toEqual([
      { ours: true, state: 'cooling', call_id: 'first' },
      { ours: false, state: 'bound', call_id: 'second' },
    ]);
  });

  test('does not end the first with its own end', async () => {
    const on = await aDataPath();
    const placed = await sent(on);
    await on.applier.apply(listed(placed, 'first', 'live'));
    await on.applier.apply(nameless('second', 'live'));
    await on.applier.apply(listed(placed, 'second', 'ended'));
    expect(await attempts(on)).toEqual([
      { ours: true, state: 'bound', call_id: 'first' },
      { ours: false, state: 'cooling', call_id: 'second' },
    ]);
  });
});

describe('a second call under the name of an attempt that no stranger’s entry has', () => {
  const firstIsBound = async () => {
    const on = await aDataPath();
    const placed = await sent(on);
    await on.applier.apply(listed(placed, 'first', 'live'));
    return { on, placed };
  };

  test('does not end the first with its own end, by list or by webhook', async () => {
    const { on, placed } = await firstIsBound();
    expect(await on.applier.apply(listed(placed, 'second', 'ended'))).toBe('known');
    expect(await on.applier.apply({ ...nameless('second', 'ended'), callName: callNameOf(placed.attemptId), costUsd: 3 })).toBe('known');
    expect(await attempts(on)).toEqual([{ ours: true, state: 'bound', call_id: 'first' }]);
    expect((await on.database.query('select state from session')).rows).toEqual([{ state: 'open' }]);
    expect((await on.database.query('select cost_usd from attempt')).rows).toEqual([{ cost_usd: null }]);
  });

  test('holds a line of its own, and ends alone', async () => {
    const { on, placed } = await firstIsBound();
    expect(await on.applier.apply(listed(placed, 'second', 'live'))).toBe('changed');
    expect(await on.applier.apply(listed(placed, 'second', 'live'))).toBe('known');
    expect(await attempts(on)).toEqual([
      { ours: true, state: 'bound', call_id: 'first' },
      { ours: false, state: 'bound', call_id: 'second' },
    ]);
    await on.applier.apply(listed(placed, 'second', 'ended'));
    expect(await on.applier.apply(listed(placed, 'first', 'ended'))).toBe('changed');
    expect(await attempts(on)).toEqual([
      { ours: true, state: 'cooling', call_id: 'first' },
      { ours: false, state: 'cooling', call_id: 'second' },
    ]);
  });

  test('does not end the first by an end that was decided before the first was bound', async () => {
    const { on, placed } = await firstIsBound();
    const second = { outcome: 'Normal', endedReason: undefined, line: 'taken', limits: undefined, callId: 'second' } as const;
    expect(await on.endings.end({ attemptId: placed.attemptId, ...second })).toBe(false);
    expect(await attempts(on)).toEqual([{ ours: true, state: 'bound', call_id: 'first' }]);
    expect(await on.endings.end({ attemptId: placed.attemptId, ...second, callId: 'first' })).toBe(true);
  });
});

describe('a call that stands as a stranger’s and that its session cannot have yet', () => {
  test('is not settled while its attempt is only admitted, as in a ledger that went back', async () => {
    const on = await aDataPath();
    const placed = await place(on, owner);
    await on.applier.apply(nameless('call', 'live'));
    expect(await on.applier.apply(listed(placed, 'call', 'live'))).toBe('later');
    expect(await on.applier.apply(listed(placed, 'call', 'ended'))).toBe('later');
    expect(await attempts(on)).toEqual([
      { ours: true, state: 'admitted', call_id: null },
      { ours: false, state: 'cooling', call_id: 'call' },
    ]);
  });

  test('holds a line when it is heard of before its attempt was sent, and is its attempt’s once that was taken back', async () => {
    const on = await aDataPath();
    const placed = await place(on, owner);
    expect(await on.applier.apply(listed(placed, 'call', 'live'))).toBe('later');
    expect(await attempts(on)).toEqual([
      { ours: true, state: 'admitted', call_id: null },
      { ours: false, state: 'bound', call_id: 'call' },
    ]);
    const back = { outcome: 'Unsent', endedReason: 'SendLapsed', line: 'never-taken', limits: undefined } as const;
    await on.endings.end({ attemptId: placed.attemptId, ...back });
    expect(await on.applier.apply(listed(placed, 'call', 'live'))).toBe('changed');
    expect(await attempts(on)).toEqual([
      { ours: true, state: 'bound', call_id: 'call' },
      { ours: false, state: 'ended', call_id: null },
    ]);
  });

  test('is not settled while somebody else is on the phone with its number, and is noted alive meanwhile', async () => {
    const on = await aDataPath();
    const placed = await sent(on);
    const vain = { outcome: 'Unsent', endedReason: 'NotCreated', line: 'never-taken', limits: undefined } as const;
    await on.endings.end({ attemptId: placed.attemptId, ...vain });
    await on.database.query(
      `insert into attempt (id, pool_id, direction, project, subscription, number, state)
       values (gen_random_uuid(), $1, 'Inbound', 'north', 'main', $2, 'bound')`,
      [on.poolId, placed.number],
    );
    await on.applier.apply(listed(placed, 'call', 'live'));
    await on.database.query(`update attempt set last_seen_at = clock_timestamp() - interval '1 h'`);
    expect(await on.applier.apply(listed(placed, 'call', 'live'))).toBe('later');
    const { rows } = await on.database.query(
      `select last_seen_at > clock_timestamp() - interval '1 min' as alive from attempt where call_id = 'call'`,
    );
    expect(rows).toEqual([{ alive: true }]);
  });
});

describe('a call that is there though its creation was refused', () => {
  const refused = async () => {
    const on = await aDataPath();
    const placed = await sent(on);
    const over = { outcome: 'Capacity', endedReason: undefined, line: 'never-taken', limits: undefined } as const;
    expect(await on.endings.end({ attemptId: placed.attemptId, ...over })).toBe(true);
    return { on, placed };
  };

  test('is its attempt’s again while its session waits, so that nobody is dialled twice', async () => {
    const { on, placed } = await refused();
    expect((await on.database.query('select state from session')).rows).toEqual([{ state: 'queued' }]);
    expect(await on.applier.apply(listed(placed, 'call', 'live'))).toBe('changed');
    expect(await attempts(on)).toEqual([{ ours: true, state: 'bound', call_id: 'call' }]);
    expect((await on.database.query('select state from session')).rows).toEqual([{ state: 'open' }]);
  });

  test('holds a line when its session is over', async () => {
    const { on, placed } = await refused();
    await on.database.query(`update session set state = 'ended', outcome = 'Cancelled', ended_at = clock_timestamp() where id = $1`, [
      placed.sessionId,
    ]);
    expect(await on.applier.apply(listed(placed, 'call', 'live'))).toBe('changed');
    expect(await attempts(on)).toEqual([
      { ours: true, state: 'ended', call_id: null },
      { ours: false, state: 'bound', call_id: 'call' },
    ]);
  });
});
