import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { bindAttempt } from '../../../ledger/attempts/bind.ts';
import { readGuard } from '../../../ledger/guard.ts';
import { newId } from '../../../ledger/ids.ts';
import { callNameOf } from '../../../providers/vapi/call-name.ts';
import { aDataPath, type DataPath, type Placed, seen } from '../data-path.ts';
import { north, sentAgo, watching } from './watching.ts';

const ended = ({ attemptId }: Placed) => ({
  id: `call-${attemptId}`,
  orgId: 'org-1',
  name: callNameOf(attemptId),
  type: 'outboundPhoneCall',
  status: 'ended',
  endedReason: 'customer-ended-call',
  createdAt: new Date().toISOString(),
  updatedAt: new Date().toISOString(),
});

async function bound(on: DataPath): Promise<Placed> {
  const placed = await sentAgo(on, 10, 'forgotten');
  const call = { callId: `call-${placed.attemptId}`, controlUrl: undefined, boundForMs: 60_000, limits: undefined };
  await bindAttempt(on.database, on.poolId, { by: 'answer', attemptId: placed.attemptId, ...call });
  return placed;
}

/** The ledger takes nothing about this attempt any more. */
const spoil = ({ database }: DataPath, { attemptId }: Placed) =>
  database.query(`
    create function spoiled() returns trigger language plpgsql as $$ begin raise exception 'spoiled'; end $$;
    create trigger spoiled before update on attempt for each row when (old.id = '${attemptId}') execute function spoiled()`);

const readUntil = async ({ database, poolId }: DataPath) =>
  (await database.query('select polled_until from project_watch where pool_id = $1', [poolId])).rows;

test('a call that cannot be applied keeps no other from it, and its list is not noted as read', async () => {
  const on = await aDataPath();
  await on.database.query('insert into project_watch (pool_id, project) values ($1, $2)', [on.poolId, north]);
  const [spoiled, sound] = [await bound(on), await bound(on)];
  await spoil(on, spoiled);
  const look = await watching(on, () => ({ status: 200, body: [ended(sound), ended(spoiled)] }));
  await look();
  expect(await seen(on, spoiled)).toMatchObject({ session: 'open', attempt: 'bound' });
  expect(await seen(on, sound)).toMatchObject({ session: 'ended', outcome: 'Completed', attempt: 'cooling' });
  expect(await readUntil(on)).toEqual([{ polled_until: null }]);
  await on.database.query('drop trigger spoiled on attempt');
  await look({ gained: true });
  expect(await seen(on, spoiled)).toMatchObject({ session: 'ended', outcome: 'Completed' });
  expect(await readUntil(on)).toEqual([{ polled_until: expect.any(Date) }]);
});

test('a list with a call that cannot be applied does not prove that another was never made', async () => {
  const on = await aDataPath();
  const [spoiled, doubtful] = [await bound(on), await sentAgo(on, 60, 'in doubt')];
  await on.database.query('update attempt set look_ups = 4 where id = $1', [doubtful.attemptId]);
  await spoil(on, spoiled);
  const look = await watching(on, () => ({ status: 200, body: [ended(spoiled)] }));
  await look();
  expect(await seen(on, doubtful)).toMatchObject({ session: 'open', attempt: 'sending', released: false });
});

describe('a call that could not be applied ten times in more than five minutes is put aside:', () => {
  /** As if it had failed nine times before, for so long. */
  const failedBefore = ({ database, poolId }: DataPath, callId: string, minutes: number) =>
    database.query(
      `insert into failing_call (pool_id, call_id, project, tries, first_at, trouble)
       values ($1, $2, 'north', 9, clock_timestamp() - $3 * interval '1 min', 'P0001')`,
      [poolId, callId, minutes],
    );

  test('its list is noted as read, its failures are told, and its line is held', async () => {
    const on = await aDataPath();
    await on.database.query('insert into project_watch (pool_id, project) values ($1, $2)', [on.poolId, north]);
    const spoiled = await bound(on);
    await spoil(on, spoiled);
    await failedBefore(on, `call-${spoiled.attemptId}`, 6);
    const look = await watching(on, () => ({ status: 200, body: [ended(spoiled)] }));
    await look();
    expect(await readUntil(on)).toEqual([{ polled_until: expect.any(Date) }]);
    expect(await seen(on, spoiled)).toMatchObject({ session: 'open', attempt: 'bound', released: false });
    expect((await on.database.query('select project, tries, trouble from failing_call')).rows).toEqual([
      { project: 'north', tries: 10, trouble: 'P0001' },
    ]);
  });

  test('not before the time is over, and not for failures that lie far apart', async () => {
    const on = await aDataPath();
    await on.database.query('insert into project_watch (pool_id, project) values ($1, $2)', [on.poolId, north]);
    const [young, apart] = [await bound(on), await bound(on)];
    for (const one of [young, apart]) await failedBefore(on, `call-${one.attemptId}`, one === young ? 4 : 60);
    await on.database.query(`update failing_call set last_at = last_at - interval '11 min' where call_id = $1`, [
      `call-${apart.attemptId}`,
    ]);
    await on.database.query(`
      create function spoiled() returns trigger language plpgsql as $$ begin raise exception 'spoiled'; end $$;
      create trigger spoiled before update on attempt for each row execute function spoiled()`);
    const look = await watching(on, () => ({ status: 200, body: [ended(young), ended(apart)] }));
    await look();
    expect(await readUntil(on)).toEqual([{ polled_until: null }]);
    expect((await on.database.query('select tries from failing_call order by tries')).rows).toEqual([{ tries: 1 }, { tries: 10 }]);
  });

  test('a look-up of it keeps none of the others waiting, and past its bound it is tried to be released', async () => {
    const on = await aDataPath();
    const [spoiled, sound] = [await bound(on), await bound(on)];
    await on.database.query(
      `update attempt set last_seen_at = last_seen_at - interval '1 h', bound_until = bound_until - case when id = $1 then interval '2 h' else interval '1 h' end`,
      [spoiled.attemptId],
    );
    await spoil(on, spoiled);
    const look = await watching(on, ({ url }) => {
      const one = [spoiled, sound].find(({ attemptId }) => url.pathname.endsWith(attemptId));
      return { status: 200, body: one === undefined ? [] : ended(one) };
    });
    await look();
    expect(await seen(on, sound)).toMatchObject({ session: 'ended', attempt: 'cooling' });
    expect(await seen(on, spoiled)).toMatchObject({ session: 'open', attempt: 'bound', released: false });
  });

  test.each([
    { name: 'is released past its bound when it is over', hours: 2, shows: { session: 'ended', outcome: 'Unknown', attempt: 'cooling' } },
    { name: 'holds its line until its bound has passed', hours: 0, shows: { session: 'open', attempt: 'bound' } },
  ])('$name, also when only its cost cannot be written', async ({ hours, shows }) => {
    const on = await aDataPath();
    const dear = await bound(on);
    await on.database.query(
      `update attempt set last_seen_at = last_seen_at - interval '1 h', bound_until = bound_until - $1 * interval '1 h'`,
      [hours],
    );
    await on.database.query(`
      create function spoiled() returns trigger language plpgsql as $$ begin raise exception 'spoiled'; end $$;
      create trigger spoiled before update on attempt for each row when (new.cost_usd is not null) execute function spoiled()`);
    const call = { ...ended(dear), cost: 1 };
    const look = await watching(on, ({ url }) => ({ status: 200, body: url.pathname === '/call' ? [] : call }));
    await look();
    expect(await seen(on, dear)).toMatchObject(shows);
  });

  test('a guard ends although a forgotten call fails, and its session ends: its person is not called again', async () => {
    const on = await aDataPath();
    await on.database.query('insert into project_watch (pool_id, project) values ($1, $2)', [on.poolId, north]);
    await on.database.query(
      `insert into guard (pool_id, reason, raised_at, certain_at)
       values ($1, 'WentBack', clock_timestamp() - interval '10 min', clock_timestamp() - interval '15 min')`,
      [on.poolId],
    );
    const [sessionId, attemptId] = [newId(), randomUUID()];
    await on.database.query(
      `insert into session (id, pool_id, class, direction, state, number) values ($2, $1, 'campaign', 'Outbound', 'queued', '+14155560001')`,
      [on.poolId, sessionId],
    );
    await on.database.query(`
      create function spoiled() returns trigger language plpgsql as $$ begin raise exception 'spoiled'; end $$;
      create trigger spoiled before insert on attempt for each row execute function spoiled()`);
    await failedBefore(on, `call-${attemptId}`, 6);
    const metadata = { trunkline: { pool: 'sales', class: 'campaign', session: sessionId } };
    const call = { ...ended({ attemptId, sessionId, number: '+14155560001' }), assistantOverrides: { metadata } };
    const look = await watching(on, () => ({ status: 200, body: [call] }));
    await look();
    expect((await on.database.query('select state, outcome, outcome_reason from session')).rows).toEqual([
      { state: 'ended', outcome: 'Unknown', outcome_reason: 'CallPutAside' },
    ]);
    const guard = await readGuard(on.database, on.poolId);
    expect(guard?.listed).toEqual(new Set(['north']));
  });
});
