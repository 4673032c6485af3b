import type http from 'node:http';
import { describe, expect, test } from 'vitest';
import { readGuard, reportWentBack } from '../../../ledger/guard.ts';
import { takeWatchLeases } from '../../../ledger/watch.ts';
import { callNameOf } from '../../../providers/vapi/call-name.ts';
import type { Received, Reply } from '../../providers/vapi/http-server.ts';
import { aDataPath, type DataPath, type Placed, seen } from '../data-path.ts';
import { north, sentAgo, watching } from './watching.ts';

/** A provider whose clock is off by so much: it dates its answers, stamps its calls and compares filters by that clock alone. */
function provider(skewMs: number, calls: () => readonly { readonly createdAt: string; readonly updatedAt: string }[]) {
  return ({ url }: Received): Reply => {
    const from = (field: string) => Date.parse(url.searchParams.get(field) ?? '1970-01-01T00:00:00Z');
    const body = calls().filter(
      (call) => Date.parse(call.createdAt) >= from('createdAtGe') && Date.parse(call.updatedAt) >= from('updatedAtGe'),
    );
    return { status: 200, body, headers: { date: new Date(Date.now() + skewMs).toUTCString() } };
  };
}

/** The call of an attempt, made so long ago. */
function callOf({ attemptId }: Placed, secondsAgo: number, skewMs: number) {
  const at = new Date(Date.now() - secondsAgo * 1_000 + skewMs).toISOString();
  const call = { id: `call-${attemptId}`, orgId: 'org-1', name: callNameOf(attemptId), type: 'outboundPhoneCall', status: 'in-progress' };
  return { ...call, createdAt: at, updatedAt: at };
}

const later = (on: DataPath) => on.database.query(`update attempt set ambiguous_at = ambiguous_at - interval '31 s'`);

describe.each([
  { name: 'five minutes behind', skewMs: -300_000 },
  { name: 'as late as the ledger', skewMs: 0 },
  { name: 'five minutes ahead', skewMs: 300_000 },
])('with a provider $name', ({ skewMs }) => {
  test('a call without an answer is found, and nobody is dialled twice', async () => {
    const on = await aDataPath();
    const placed = await sentAgo(on, 61, 'in doubt');
    const look = await watching(
      on,
      provider(skewMs, () => [callOf(placed, 61, skewMs)]),
    );
    await look();
    expect(await seen(on, placed)).toMatchObject({ session: 'open' });
    await later(on);
    await look();
    expect(await seen(on, placed)).toMatchObject({ session: 'open', attempt: 'bound' });
  });

  test('a call that was not made is dialled again', async () => {
    const on = await aDataPath();
    const placed = await sentAgo(on, 61, 'in doubt');
    const look = await watching(
      on,
      provider(skewMs, () => []),
    );
    await look();
    await later(on);
    await look();
    expect(await seen(on, placed)).toMatchObject({ session: 'queued', attempt: 'ended' });
  });
});

test('while no answer tells the time, no list proves that there is no call', async () => {
  const on = await aDataPath();
  const placed = await sentAgo(on, 61, 'in doubt');
  const look = await watching(on, (_: Received, response: http.ServerResponse) => {
    response.sendDate = false;
    return { status: 200, body: [] };
  });
  await look();
  await later(on);
  await look();
  expect(await seen(on, placed)).toMatchObject({ session: 'open', attempt: 'sending', released: false });
});

test('changes are noted as read only when the list began early enough by the clock of the provider', async () => {
  const on = await aDataPath();
  const [lease] = await takeWatchLeases(on.database, on.poolId, 1, [north], 1);
  const readTo = async () => (await on.database.query('select polled_until from project_watch')).rows[0]?.['polled_until'];
  const look = await watching(
    on,
    provider(-300_000, () => []),
  );
  await look(lease);
  expect(await readTo()).toBeNull();
  await look({ ...lease, gained: true });
  expect(await readTo()).not.toBeNull();
});

test('a guard ends only by a list that began early enough by the clock of the provider', async () => {
  const on = await aDataPath();
  await on.database.query('insert into dispatcher (pool_id, epoch) values ($1, 1)', [on.poolId]);
  const [lease] = await takeWatchLeases(on.database, on.poolId, 1, [north], 1);
  await reportWentBack(on.database, on.poolId);
  const age = (seconds: number) => on.database.query(`update guard set raised_at = clock_timestamp() - $1 * interval '1 s'`, [seconds]);
  const listed = async () => [...((await readGuard(on.database, on.poolId))?.listed ?? [])];
  const look = await watching(
    on,
    provider(-3_600_000, () => []),
  );
  await age(46);
  await look(lease);
  expect(await listed()).toEqual([]);
  await age(60);
  await look(lease);
  expect(await listed()).toEqual(['north']);
});

test('what was read up to an instant that the ledger’s clock has not reached again is read up to now, and no further', async () => {
  const on = await aDataPath();
  await takeWatchLeases(on.database, on.poolId, 1, [north], 1);
  await on.database.query(`update project_watch set polled_until = clock_timestamp() + interval '1 hour'`);
  const [lease] = await takeWatchLeases(on.database, on.poolId, 1, [north], 1);
  expect(lease?.readUntilMs).toBeLessThanOrEqual(lease?.nowMs ?? 0);
});
