import { createHmac } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Database } from '../../../ledger/database.ts';
import { newId } from '../../../ledger/ids.ts';
import { enqueueResult, settleResult, takeDueResults } from '../../../ledger/outbox.ts';
import { nextTryInMs, retryAfterMs } from '../../../workers/results/backoff.ts';
import { followResults } from '../../../workers/results/following.ts';
import { type ResultsDeps, startResults } from '../../../workers/results/results.ts';
import { closedPort, type Reply, serve, type TestServer } from '../../providers/vapi/http-server.ts';
import { freshLedger } from '../../support/ledger.ts';

async function aPool(): Promise<{ database: Database; poolId: number }> {
  const { database } = await freshLedger();
  const { rows } = await database.query<{ id: number }>(`insert into pool (name) values ('sales') returning id`);
  return { database, poolId: rows[0]?.id ?? 0 };
}

/** An ended session with its last attempt, and its result to be delivered. */
async function ended(database: Database, poolId: number, count = 1): Promise<readonly string[]> {
  const ids = Array.from({ length: count }, () => newId());
  for (const id of ids) {
    await database.query(
      `insert into session (id, pool_id, class, direction, state, number, name, labels, context, attempts, outcome, outcome_reason, ended_at)
       values ($1, $2, 'campaign', 'Outbound', 'ended', '+14155550123', 'Ada', '{"tier":"vip"}', '{"offer":7}', 2, 'Completed', 'customer-ended-call', now())`,
      [id, poolId],
    );
    for (const [callId, cost] of [
      ['call-1', 0.1],
      ['call-2', 0.25],
    ] as const) {
      await database.query(
        `insert into attempt (id, pool_id, session_id, class, direction, project, subscription, state, call_id, cost_usd, bound_at, created_at, released_at)
         values (gen_random_uuid(), $1, $2, 'campaign', 'Outbound', 'us-sales', 'us-main', 'ended', $3, $4, '2026-08-20T10:00:00Z', clock_timestamp(), clock_timestamp())`,
        [poolId, id, `${callId}-${id}`, cost],
      );
    }
    await enqueueResult(database, poolId, id);
  }
  return ids;
}

function start(
  database: Database,
  poolId: number,
  url: string,
  more: Partial<ResultsDeps> = {},
): { stop: () => Promise<void>; logged: string[] } {
  const leave = new AbortController();
  const logged: string[] = [];
  const running = startResults({
    database,
    poolId,
    pool: 'sales',
    spec: { url, secretRef: { name: 'crm', key: 'secret' }, maxConcurrent: 4 },
    secrets: { read: async () => 'k1', readAll: async () => ['k1'] },
    log: pino({}, { write: (line: string) => void logged.push(line) }),
    signal: leave.signal,
    everyMs: 20,
    wallClock: () => 1_700_000_000_000,
    random: () => 0.5,
    ...more,
  });
  const stop = async () => {
    leave.abort();
    await running.ended;
  };
  onTestFinished(stop);
  return { stop, logged };
}

type OutboxRow = {
  readonly tries: number;
  readonly delivered: boolean;
  readonly failed: boolean;
  readonly last_error: string | null;
  readonly due_ms: number;
};
async function outbox(database: Database): Promise<readonly OutboxRow[]> {
  const { rows } = await database.query<OutboxRow>(
    `select tries, delivered_at is not null as delivered, failed_at is not null as failed, last_error,
       extract(epoch from next_at - clock_timestamp())::float8 * 1000 as due_ms from outbox order by id`,
  );
  return rows;
}

async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await holds())) await sleep(20);
}

/** Makes every waiting delivery due at once. */
const dueNow = (database: Database) =>
  database.query(`update outbox set next_at = clock_timestamp() where delivered_at is null and failed_at is null`);

describe('an ended session', () => {
  test('is delivered where the policy says now', async () => {
    const { database, poolId } = await aPool();
    const [before, after] = [await serve(() => ({ status: 204 })), await serve(() => ({ status: 204 }))];
    let spec: ResultsDeps['spec'] | undefined;
    const secrets = { read: async () => 'k1', readAll: async () => ['k1'] };
    const results = followResults(() => spec, { database, poolId, pool: 'sales', secrets, log: pino({ level: 'silent' }), everyMs: 20 });
    onTestFinished(() => results.end());
    for (const team of [before, after]) {
      spec = { url: team.url, maxConcurrent: 4 };
      results.follow();
      await ended(database, poolId);
      await until(() => team.requests.length === 1);
    }
    expect(before.requests).toHaveLength(1);
  });

  test('is delivered once, signed, with all that the team knows it by', async () => {
    const { database, poolId } = await aPool();
    const [id] = await ended(database, poolId);
    await enqueueResult(database, poolId, id ?? '');
    const team = await serve(() => ({ status: 204 }));
    const { logged } = start(database, poolId, team.url);
    await until(async () => (await outbox(database))[0]?.delivered === true);
    await sleep(100);

    expect(team.requests).toHaveLength(1);
    const [request] = team.requests;
    expect(JSON.parse(request?.body ?? '')).toEqual({
      id,
      pool: 'sales',
      class: 'campaign',
      direction: 'Outbound',
      outcome: 'Completed',
      reason: 'customer-ended-call',
      attempts: 2,
      customer: { number: '+14155550123', name: 'Ada' },
      labels: { tier: 'vip' },
      context: { offer: 7 },
      startedAt: '2026-08-20T10:00:00.000Z',
      endedAt: expect.stringMatching(/^\d{4}-.*Z$/),
      callId: `call-2-${id}`,
      project: 'us-sales',
      costUsd: 0.35,
    });
    expect(request?.headers).toMatchObject({
      'idempotency-key': id,
      'x-trunkline-signature': `sha256=${createHmac('sha256', 'k1').update(`1700000000.${request?.body}`).digest('hex')}`,
    });
    expect(logged.join('')).not.toContain('4155550123');
  });

  test('waits for its time', async () => {
    const { database, poolId } = await aPool();
    await ended(database, poolId);
    await database.query(`update outbox set next_at = clock_timestamp() + interval '1 hour'`);
    const team = await serve(() => ({ status: 200 }));
    start(database, poolId, team.url);
    await sleep(200);
    expect(team.requests).toHaveLength(0);
  });
});

describe('a delivery that fails', () => {
  test.each([
    { name: 'refused', reply: { status: 500 }, error: 'answered 500' },
    { name: 'not found', reply: { status: 404 }, error: 'answered 404' },
    {
      name: 'redirected, which is not followed',
      reply: { status: 307, headers: { location: 'http://127.0.0.1:1/' } },
      error: 'answered 307',
    },
  ] satisfies { name: string; reply: Reply; error: string }[])('because it is $name comes again later', async ({ reply, error }) => {
    const { database, poolId } = await aPool();
    await ended(database, poolId);
    const team = await serve(() => reply);
    const { logged } = start(database, poolId, team.url);
    await until(async () => (await outbox(database))[0]?.last_error !== null && team.requests.length > 0);
    const [row] = await outbox(database);
    expect(row).toMatchObject({ tries: 1, delivered: false, failed: false, last_error: error });
    expect(row?.due_ms).toBeGreaterThan(10_000);
    expect(row?.due_ms).toBeLessThanOrEqual(15_000);
    expect(logged.join('')).not.toContain('4155550123');
  });

  test('because nobody listens or no secret is there comes again later', async () => {
    const { database, poolId } = await aPool();
    await ended(database, poolId);
    const url = `http://127.0.0.1:${await closedPort()}`;
    const first = start(database, poolId, url);
    await until(async () => (await outbox(database))[0]?.last_error?.includes('ECONNREFUSED') === true);
    await first.stop();
    await dueNow(database);
    start(database, poolId, url, {
      secrets: { read: () => Promise.reject(new Error('secret crm/secret is empty')), readAll: async () => [] },
    });
    await until(async () => (await outbox(database))[0]?.last_error === 'secret crm/secret is empty');
  });

  test('is given up after twelve tries, and is then left alone', async () => {
    const { database, poolId } = await aPool();
    await ended(database, poolId);
    const team = await serve(() => ({ status: 500 }));
    start(database, poolId, team.url);
    for (let tries = 1; tries <= 12; tries += 1) {
      await until(async () => {
        const [row] = await outbox(database);
        return row?.tries === tries && row.last_error !== null;
      });
      await dueNow(database);
    }
    await sleep(200);
    expect(team.requests).toHaveLength(12);
    expect(await outbox(database)).toMatchObject([{ tries: 12, failed: true, delivered: false, last_error: 'answered 500' }]);
  });

  test('comes after growing times, about 20 hours in all, or when the address asks for it', () => {
    const delays = Array.from({ length: 11 }, (_, at) => nextTryInMs(at + 1, 0.5, undefined) ?? Number.NaN);
    expect(delays[0]).toBe(15_000);
    for (const [at, delay] of delays.entries()) expect(delay).toBeGreaterThan(delays[at - 1] ?? 0);
    expect(delays.reduce((sum, delay) => sum + delay) / 3_600_000).toBeCloseTo(20, -1);
    expect(nextTryInMs(12, 0.5, undefined)).toBeUndefined();
    expect(nextTryInMs(1, 0, undefined)).toBe(12_000);
    expect(nextTryInMs(1, 0.5, retryAfterMs('120'))).toBe(120_000);
    expect(nextTryInMs(1, 0.5, retryAfterMs('999999'))).toBe(3_600_000);
    expect(nextTryInMs(1, 0.5, retryAfterMs('Wed, 21 Oct 2026 07:28:00 GMT'))).toBe(15_000);
  });
});

describe('several workers', () => {
  test('deliver each result once, and together no more at a time than declared', async () => {
    const { database, poolId } = await aPool();
    const ids = await ended(database, poolId, 60);
    let atOnce = 0;
    let peak = 0;
    const team: TestServer = await serve(async () => {
      atOnce += 1;
      peak = Math.max(peak, atOnce);
      await sleep(10);
      atOnce -= 1;
      return { status: 200 };
    });
    for (let worker = 0; worker < 3; worker += 1) start(database, poolId, team.url);
    await until(async () => (await outbox(database)).every((row) => row.delivered));
    const delivered = team.requests.map(({ headers }) => headers['idempotency-key']);
    expect(delivered.toSorted()).toEqual(ids.toSorted());
    expect(peak).toBeGreaterThan(1);
    expect(peak).toBeLessThanOrEqual(4);
  });

  test('take over what a dead one had taken, and what that one says later counts no more', async () => {
    const { database, poolId } = await aPool();
    await ended(database, poolId);
    const [dead] = await takeDueResults(database, poolId, { maxConcurrent: 4, leaseMs: 50 });
    expect(await takeDueResults(database, poolId, { maxConcurrent: 4, leaseMs: 50 })).toEqual([]);
    await sleep(60);
    const [taken] = await takeDueResults(database, poolId, { maxConcurrent: 4, leaseMs: 30_000 });
    expect(taken).toMatchObject({ sessionId: dead?.sessionId, tries: 2 });
    await settleResult(database, { outboxId: dead?.outboxId ?? '', tries: dead?.tries ?? 0 }, { kind: 'failed', error: 'too late' });
    expect(await outbox(database)).toMatchObject([{ tries: 2, failed: false, last_error: null }]);
  });

  test('finish what is under way when they stop', async () => {
    const { database, poolId } = await aPool();
    await ended(database, poolId);
    const team = await serve(async () => {
      await sleep(200);
      return { status: 200 };
    });
    const { stop } = start(database, poolId, team.url);
    await until(() => team.requests.length === 1);
    await stop();
    expect(await outbox(database)).toMatchObject([{ delivered: true }]);
  });
});

test('what is due is found by its index among very many that are not', async () => {
  const { database, poolId } = await aPool();
  await database.query(
    `insert into outbox (pool_id, session_id, next_at, delivered_at)
     select $1, gen_random_uuid(), clock_timestamp() - interval '1 day', case when n % 100 > 0 then now() end from generate_series(1, 50000) n`,
    [poolId],
  );
  await database.query(`update outbox set next_at = clock_timestamp() + interval '1 day' where delivered_at is null`);
  await database.query('analyze outbox');
  const { rows } = await database.query<{ 'QUERY PLAN': string }>(
    `explain select id from outbox where pool_id = ${poolId} and delivered_at is null and failed_at is null and next_at <= clock_timestamp()
     order by next_at limit 8 for update skip locked`,
  );
  expect(rows.map((row) => row['QUERY PLAN']).join('\n')).toContain('outbox_due');
});
