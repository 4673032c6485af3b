import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { liftHold, setHold } from '../../../ledger/overlays.ts';
import { admitted, enqueue, leads, nextAdmitted, numbers, type Stage, stage, untilAdmitted, viewOf } from './stage.ts';

/** What the dispatcher runs meanwhile. */
async function askedWhile(on: Stage, happens: () => Promise<unknown>): Promise<readonly string[]> {
  const before = on.asked().length;
  await happens();
  return on.asked().slice(before);
}

const queueOf = async ({ database }: Stage) =>
  (await database.query<{ state: string; ready: boolean }>('select state, ready from session')).rows;

test('a pool with nothing to do asks the ledger a few times a second', async () => {
  const on = await stage(2);
  await sleep(1_000);
  const asked = await askedWhile(on, () => sleep(4_000));
  expect(asked).toContain('glance');
  expect(asked.length).toBeLessThan(4 * 12);
});

test('a pool on hold leaves its queue alone, however often it is rung', async () => {
  const on = await stage(2, { mode: 'Hold' });
  await enqueue(on, leads(50));
  await vi.waitFor(async () => expect((await viewOf(on)).classes[2]).toMatchObject({ queued: 50, blocked: { by: 'mode' } }), {
    timeout: 10_000,
    interval: 50,
  });
  const asked = await askedWhile(on, async () => {
    for (let times = 0; times < 40; times += 1) {
      await on.database.query(`select pg_notify('trunkline_dispatch_' || $1, '')`, [on.poolId]);
      await sleep(50);
    }
  });
  expect(asked.filter((name) => name === 'take-signals').length).toBeGreaterThan(10);
  expect(asked.filter((name) => name === 'fetch-waiting').length).toBeLessThan(5);
});

test('what nobody told is found all the same: sessions, one with a new pin, and holds', async () => {
  const on = await stage(3);
  const [free = '', pinned = ''] = numbers(2);
  await sleep(1_000);
  await on.database.query(
    `insert into session (id, pool_id, class, direction, state, number, project)
     values (gen_random_uuid(), $1, 'campaign', 'Outbound', 'queued', $2, null), (gen_random_uuid(), $1, 'campaign', 'Outbound', 'queued', $3, 'front')`,
    [on.poolId, free, pinned],
  );
  expect((await untilAdmitted(on, 2)).map(({ number }) => number).sort()).toEqual([free, pinned].sort());
  await setHold(on.database, on.poolId, undefined, undefined);
  await vi.waitFor(async () => expect(await admitted(on)).toEqual([]), { timeout: 10_000, interval: 20 });
  await liftHold(on.database, on.poolId, undefined);
  await untilAdmitted(on, 2);
});

test('a session that waits for its time starts then, and not before', async () => {
  const on = await stage(1);
  await on.database.query(
    `insert into session (id, pool_id, class, direction, state, number, ready, not_before)
     values (gen_random_uuid(), $1, 'campaign', 'Outbound', 'queued', $2, false, clock_timestamp() + interval '1500 ms')`,
    [on.poolId, numbers(1)[0]],
  );
  const { id } = await nextAdmitted(on);
  const { rows } = await on.database.query(
    `select extract(epoch from a.admitted_at - s.not_before)::float8 as "lateS", s.ready_at = s.not_before as "sinceThen"
     from attempt a join session s on s.id = a.session_id where a.id = $1`,
    [id],
  );
  expect(rows).toMatchObject([{ sinceThen: true }]);
  expect(rows[0].lateS).toBeGreaterThanOrEqual(0);
  expect(rows[0].lateS).toBeLessThan(1);
});

test('an admission that is overdue is taken back although the dispatcher never heard of it', async () => {
  const on = await stage(1);
  await setHold(on.database, on.poolId, undefined, undefined);
  await vi.waitFor(async () => expect((await viewOf(on))?.holds.pool).toBe(true), { timeout: 10_000, interval: 50 });
  await on.database.query(
    `with entered as (
       insert into session (id, pool_id, class, direction, state, ready, number, attempt_id)
       values ($2, $1, 'campaign', 'Outbound', 'open', false, $4, $3))
     insert into attempt (id, pool_id, session_id, class, direction, project, subscription, number, state, owner, admitted_at, send_by)
     values ($3, $1, $2, 'campaign', 'Outbound', 'front', 'main', $4, 'admitted', $5, clock_timestamp(), clock_timestamp())`,
    [on.poolId, randomUUID(), randomUUID(), numbers(1)[0], on.owner],
  );
  await sleep(1_500);
  expect(await queueOf(on)).toEqual([{ state: 'open', ready: false }]);
  on.skip(30_000);
  await vi.waitFor(async () => expect(await queueOf(on)).toEqual([{ state: 'queued', ready: true }]), { timeout: 10_000, interval: 50 });
});

test('a campaign that falls due at one instant leaves beat and glance their turn', async () => {
  const on = await stage(1);
  await setHold(on.database, on.poolId, undefined, undefined);
  await sleep(1_000);
  const bites = 40;
  const asked = await askedWhile(on, async () => {
    await on.database.query(
      `insert into session (id, pool_id, class, direction, state, number, ready, not_before)
       select uuidv7(), $1, 'campaign', 'Outbound', 'queued', '+1212' || (2000000 + n), false, clock_timestamp() - interval '1 h' from generate_series(1, $2::int) n`,
      [on.poolId, bites * 1_000],
    );
    await vi.waitFor(async () => expect((await on.database.query('select from session where not ready limit 1')).rows).toEqual([]), {
      timeout: 60_000,
      interval: 100,
    });
  });
  const from = asked.indexOf('promote-due');
  const meanwhile = asked.slice(from, asked.lastIndexOf('promote-due'));
  expect(meanwhile.filter((name) => name === 'promote-due').length).toBeGreaterThan(bites / 2);
  expect(meanwhile).toContain('glance');
  expect(meanwhile).toContain('beat');
}, 90_000);
