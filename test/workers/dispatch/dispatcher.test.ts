import { spawnSync } from 'node:child_process';
import { describe, expect, test, vi } from 'vitest';
import { unexplainedRefusal, unreachable } from '../../../capacity/outcomes.ts';
import { beginSending } from '../../../ledger/attempts/begin-sending.ts';
import { endAttempts } from '../../../ledger/attempts/end.ts';
import {
  admitted,
  arrives,
  declare,
  enqueue,
  leads,
  nextAdmitted,
  numbers,
  over,
  send,
  sendAdmitted,
  stage,
  untilAdmitted,
  viewOf,
} from './stage.ts';

describe('the dispatcher', () => {
  test('admits up to the ceiling and not one more', async () => {
    const on = await stage(3);
    await enqueue(on, leads(10));
    await sendAdmitted(on, 3);
    await new Promise((resolve) => setTimeout(resolve, 600));
    const { rows } = await on.database.query(`select count(*)::int as n from attempt`);
    expect(rows[0].n).toBe(3);
  });

  test('fills a slot again when its call has ended', async () => {
    const on = await stage(1);
    await enqueue(on, leads(2));
    const first = await nextAdmitted(on);
    await send(on, [first.id]);
    expect(await endAttempts(on.database, on.poolId, [over(first.id)])).toEqual(new Set([first.id]));
    const second = await nextAdmitted(on);
    expect(second.session_id).not.toBe(first.session_id);
    const { rows } = await on.database.query(`select state, outcome from session where id = $1`, [first.session_id]);
    expect(rows).toEqual([{ state: 'ended', outcome: 'Completed' }]);
  });

  test('fills a slot again whose call ended by a clock that was set back before that was heard', async () => {
    const on = await stage(1);
    await enqueue(on, leads(2));
    const first = await nextAdmitted(on);
    await send(on, [first.id]);
    const client = await on.database.connect();
    await client.query('begin');
    await endAttempts(client, on.poolId, [over(first.id)]);
    await client.query(`update attempt set ended_at = ended_at + interval '1 h' where id = $1`, [first.id]);
    await client.query('commit');
    client.release();
    expect((await nextAdmitted(on)).session_id).not.toBe(first.session_id);
  });

  test('ends an attempt once, whoever says it again', async () => {
    const on = await stage(1);
    await enqueue(on, leads(1));
    const first = await nextAdmitted(on);
    await send(on, [first.id]);
    const twice = [over(first.id), over(first.id)];
    const verdicts = await Promise.all(Array.from({ length: 4 }, () => endAttempts(on.database, on.poolId, twice)));
    expect(verdicts.filter((ended) => ended.has(first.id))).toHaveLength(1);
  });

  test('withholds what is reserved', async () => {
    const on = await stage(5, { vipReserved: 2 });
    await enqueue(on, leads(10));
    await sendAdmitted(on, 3);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(await admitted(on)).toHaveLength(0);
  });

  test('prefers higher priority, then score, then arrival', async () => {
    const on = await stage(1);
    const [a = '', b = '', c = '', d = ''] = numbers(4);
    await on.database.query(`insert into overlay (pool_id, kind) values ($1, 'hold')`, [on.poolId]);
    await new Promise((resolve) => setTimeout(resolve, 700));
    await enqueue(on, [
      { class: 'campaign', number: a },
      { class: 'campaign', number: b, score: 5 },
      { class: 'callback', number: c },
      { class: 'campaign', number: d },
    ]);
    await on.database.query(`delete from overlay where pool_id = $1`, [on.poolId]);
    const order: string[] = [];
    for (let index = 0; index < 4; index += 1) {
      const next = await nextAdmitted(on);
      order.push(next.number);
      await send(on, [next.id]);
      await endAttempts(on.database, on.poolId, [over(next.id)]);
    }
    expect(order).toEqual([c, b, a, d]);
  });

  test('gives a lower priority nothing that any of the higher could take, however deep they stand', async () => {
    const on = await stage(50);
    const people = numbers(100);
    await on.database.query(`insert into overlay (pool_id, class, kind) values ($1, '', 'hold')`, [on.poolId]);
    await enqueue(on, [
      ...people.slice(0, 40).map((number) => ({ class: 'callback', number })),
      ...people.slice(40).map((number) => ({ class: 'campaign', number })),
    ]);
    await on.database.query('delete from overlay');
    const placed = (await untilAdmitted(on, 50)).map((one) => one.class);
    expect(placed.filter((name) => name === 'callback')).toHaveLength(40);
    expect(placed.lastIndexOf('callback')).toBe(39);
  });

  test('never has two attempts with one number', async () => {
    const on = await stage(5);
    const [same = ''] = numbers(1);
    await enqueue(on, [
      { class: 'campaign', number: same },
      { class: 'campaign', number: same },
      { class: 'callback', number: same },
    ]);
    await sendAdmitted(on, 1);
    await new Promise((resolve) => setTimeout(resolve, 600));
    const { rows } = await on.database.query(`select count(*)::int as n from attempt`);
    expect(rows[0].n).toBe(1);
  });

  test('takes back what is not sent in time, and gives it out again', async () => {
    const on = await stage(1);
    await enqueue(on, leads(1));
    const first = await nextAdmitted(on);
    await vi.waitFor(async () => expect((await admitted(on))[0]?.id).not.toBe(first.id), { timeout: 10_000, interval: 50 });
    const again = await nextAdmitted(on);
    expect(again.session_id).toBe(first.session_id);
    expect(await send(on, [first.id])).toEqual([]);
  });

  test('probes for lines again at once when a probe was taken back unsent', async () => {
    const allForeign = { learned: null, foreign: 1, suspected: null, probe: { atMs: 0, delayMs: 2_000, step: 1 } };
    const on = await stage(1, { learned: { 'learned/ceiling/main': allForeign } });
    await enqueue(on, leads(1));
    const first = await nextAdmitted(on);
    await vi.waitFor(async () => expect((await nextAdmitted(on)).id).not.toBe(first.id), { timeout: 10_000, interval: 50 });
  });

  test('keeps a count of the queue', async () => {
    const on = await stage(1);
    await enqueue(on, leads(50));
    await vi.waitFor(
      async () => {
        const { rows } = await on.database.query(`select view from dispatcher`);
        const campaign = rows[0].view.classes.find((one: { name: string }) => one.name === 'campaign');
        expect(campaign.queued).toBe(49);
        expect(campaign.blocked.by).toBe('subscription');
      },
      { timeout: 10_000, interval: 100 },
    );
  });
});

test('never calls anybody after the time that was allowed, however many expire at once', async () => {
  const on = await stage(2);
  await on.database.query(
    `insert into session (id, pool_id, class, direction, state, number, expires_at)
     select gen_random_uuid(), $1, 'campaign', 'Outbound', 'queued', '+1212557' || lpad(n::text, 4, '0'), clock_timestamp()
     from generate_series(0, 4999) n`,
    [on.poolId],
  );
  await enqueue(on, leads(1));
  await untilAdmitted(on, 1);
  const { rows } = await on.database.query(`select outcome, count(*)::int as n from session group by outcome order by outcome nulls last`);
  expect(rows).toEqual([
    { outcome: 'Expired', n: 5_000 },
    { outcome: null, n: 1 },
  ]);
});

test('ends what comes back to the queue after its class was removed', async () => {
  const on = await stage(1);
  await on.database.query(
    `insert into session (id, pool_id, class, direction, state, number) values (gen_random_uuid(), $1, 'yesterday', 'Outbound', 'queued', '+12125560001')`,
    [on.poolId],
  );
  await vi.waitFor(
    async () => {
      const { rows } = await on.database.query('select state, outcome, outcome_reason from session');
      expect(rows).toEqual([{ state: 'ended', outcome: 'Cancelled', outcome_reason: 'ClassRemoved' }]);
    },
    { timeout: 10_000, interval: 50 },
  );
});

test('wakes as many callers at once as there are', async () => {
  const on = await stage(300);
  await on.database.query(
    `with arrived as (select gen_random_uuid() as session, gen_random_uuid() as attempt, n from generate_series(1, 250) n),
     entered as (
       insert into session (id, pool_id, class, direction, state, ready, attempt_id) select session, $1, 'vip', 'Inbound', 'open', false, attempt from arrived),
     made as (
       insert into attempt (id, pool_id, session_id, class, direction, project, subscription, state, owner, call_id)
       select attempt, $1, session, 'vip', 'Inbound', 'front', 'main', 'pending', $2, 'call-' || n from arrived)
     insert into signal (pool_id, kind, attempt_id) select $1, 'arrived', attempt from arrived`,
    [on.poolId, on.owner],
  );
  await untilAdmitted(on, 250);
});

test.each(['Hold', 'Observe'])('places nothing in mode %s, neither dials nor callers', async (mode) => {
  const on = await stage(2, { mode });
  await enqueue(on, leads(3));
  await arrives(on);
  await vi.waitFor(async () => expect((await viewOf(on)).classes[2]).toMatchObject({ name: 'campaign', blocked: { by: 'mode', mode } }), {
    timeout: 10_000,
    interval: 50,
  });
  expect(await admitted(on)).toEqual([]);
  const wouldBe = async () => {
    const { decisions } = await viewOf(on);
    const placed = decisions.filter((decision: { project: string | null }) => decision.project !== null);
    return placed.map((decision: { class: string; project: string }) => `${decision.class} in ${decision.project}`).sort();
  };
  const expected = mode === 'Observe' ? ['campaign in front', 'vip in front'] : [];
  await vi.waitFor(async () => expect(await wouldBe()).toEqual(expected), { timeout: 10_000, interval: 50 });
});

test('takes back what is admitted and not sent when the mode becomes Observe, long before its time to be sent is over', async () => {
  const on = await stage(3);
  await enqueue(on, leads(5));
  const [sent, ...unsent] = await untilAdmitted(on, 3);
  await send(on, [sent?.id ?? '']);
  // Far away, so that being late is not what takes them back.
  await on.database.query(`update attempt set send_by = send_by + interval '1 min' where state = 'admitted'`);
  await declare(on.database, 3, { mode: 'Observe' });
  await vi.waitFor(async () => expect(await admitted(on)).toEqual([]), { timeout: 10_000, interval: 20 });

  const { rows } = await on.database.query(
    `select a.id, a.state, a.outcome, s.state as session, a.ended_at < a.send_by as early from attempt a join session s on s.id = a.session_id order by a.seq`,
  );
  expect(rows).toEqual([
    { id: sent?.id, state: 'bound', outcome: null, session: 'open', early: null },
    ...unsent.map(({ id }) => ({ id, state: 'ended', outcome: 'Unsent', session: 'queued', early: true })),
  ]);
  expect(
    await beginSending(
      on.database,
      on.poolId,
      on.owner,
      unsent.map(({ id }) => id),
    ),
  ).toEqual([]);
});

test('pauses a project whose provider cannot be reached, and keeps what waits for it', async () => {
  const on = await stage(20);
  await enqueue(on, leads(20));
  const ids = (await untilAdmitted(on, 20)).map(({ id }) => id);
  await beginSending(on.database, on.poolId, on.owner, ids);
  const session = { next: 'queue', delayMs: 250, consumed: false } as const;
  const unsent = { outcome: 'Unsent', endedReason: unreachable, line: 'never-taken', session } as const;
  await endAttempts(
    on.database,
    on.poolId,
    ids.map((id) => ({ ...over(id), ...unsent })),
  );
  await vi.waitFor(async () => expect((await viewOf(on)).projects[0].paused).toMatch(/calls fail/), { timeout: 10_000, interval: 50 });
  const { rows } = await on.database.query(`select count(*)::int as n from session where state = 'queued'`);
  expect(rows).toEqual([{ n: 20 }]);
});

test('pauses a project that refuses one session after another in unknown words, and keeps the rest of the campaign', async () => {
  const on = await stage(6);
  await enqueue(on, leads(20));
  const ids = (await untilAdmitted(on, 6)).map(({ id }) => id);
  await beginSending(on.database, on.poolId, on.owner, ids);
  const session = { next: 'end', outcome: 'Rejected', reason: 'refused' } as const;
  const refused = { outcome: 'Permanent', endedReason: `${unexplainedRefusal}: 400 Nope`, line: 'never-taken', session } as const;
  await endAttempts(
    on.database,
    on.poolId,
    ids.map((id) => ({ ...over(id), ...refused })),
  );
  await vi.waitFor(async () => expect((await viewOf(on)).projects[0].paused).toMatch(/assistant/), { timeout: 10_000, interval: 50 });
  const { rows } = await on.database.query(`select count(*)::int as n from session where state <> 'ended'`);
  expect(rows).toEqual([{ n: 14 }]);
});

test('a dispatcher that stood still looks at the policy before it admits by an old one', async () => {
  const on = await stage(10);
  await new Promise((resolve) => setTimeout(resolve, 700));
  // What happens in the ledger while this process, and the dispatcher in it, does nothing.
  const meanwhile = `
    import pg from 'pg';
    const client = new pg.Client({ connectionString: process.env.LEDGER, options: '-c search_path=trunkline' });
    await client.connect();
    await client.query("insert into policy (pool_id, spec) select pool_id, jsonb_set(spec, '{subscriptions,0,concurrencyLimit}', '1') from policy");
    await client.query("insert into session (id, pool_id, class, direction, state, number) select gen_random_uuid(), pool_id, 'campaign', 'Outbound', 'queued', '+1212557000' || n from dispatcher, generate_series(1, 9) n");
    await client.query("select pg_notify('trunkline_dispatch_' || pool_id, '') from dispatcher");
    await client.end();
    await new Promise((resolve) => setTimeout(resolve, 3_000));`;
  const env = { ...process.env, LEDGER: on.url };
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', meanwhile], { env, encoding: 'utf8' });
  expect(stderr).toBe('');
  expect(status).toBe(0);
  await untilAdmitted(on, 1);
  expect((await on.database.query('select from attempt')).rowCount).toBe(1);
});
