import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { poolKeyOf } from '../../crds/values.ts';
import type { Database } from '../../ledger/database.ts';
import { writePolicy } from '../../ledger/policy.ts';
import { openWire } from '../chaos/proxy.ts';
import { serve } from '../providers/vapi/http-server.ts';
import { freshLedger } from '../support/ledger.ts';
import { salesPool } from './intake/serving.ts';
import { aSecretsDirectory, startPod, writeSecret } from './pod.ts';

/** Workers as pods run them, over a real ledger. */

const soon = { timeout: 10_000, interval: 30 };

async function aProvider(delayMs = 0): Promise<{ readonly url: string; readonly dials: () => number }> {
  let dials = 0;
  const { url } = await serve(async ({ method }) => {
    if (method === 'GET') return { status: 200, body: [] };
    dials += 1;
    const id = `call-${dials}`;
    await sleep(delayMs);
    return { status: 201, body: { id, orgId: 'org-1' } };
  });
  return { url, dials: () => dials };
}

async function enqueue(database: Database, number: string): Promise<void> {
  await database.query(
    `insert into session (id, pool_id, class, direction, state, number)
     select gen_random_uuid(), id, 'campaign', 'Outbound', 'queued', $1 from pool`,
    [number],
  );
  await database.query(`select pg_notify('trunkline_dispatch_' || id, '') from pool`);
}

const workersOf = async (database: Database) =>
  (await database.query('select name, state, phase_asked, sessions, started_in_ms, applied_version, troubles from worker order by id'))
    .rows;

const dispatches = async (database: Database, name: string) =>
  expect((await database.query('select w.name from dispatcher d join worker w on w.id = d.worker_id')).rows).toEqual([{ name }]);

describe('a worker in a pod', () => {
  test('lives and is not ready while the file, the schema and the pool are yet to come, and says what it waits for', async () => {
    const { database, url } = await freshLedger();
    await database.query('alter table migration rename to not_yet');
    const secrets = await aSecretsDirectory();
    const key = poolKeyOf('6f1e9a52', 'voice', salesPool.metadata.name);
    const pod = await startPod({ name: 'w1', secrets, providerUrl: (await aProvider()).url, pool: key });
    const waitsFor = (what: RegExp) => vi.waitFor(() => expect(pod.said().join('\n')).toMatch(what), soon);

    await waitsFor(/cannot be read \(ENOENT\)/);
    expect((await fetch(`${pod.url}/livez`)).status).toBe(200);
    expect((await fetch(`${pod.url}/metrics`)).status).toBe(200);
    expect(await pod.ready()).toEqual({ status: 503, text: 'starting' });
    const early = await fetch(`${pod.url}/v1/sessions`, { method: 'POST', body: '{}' });
    expect([early.status, early.headers.get('retry-after')]).toEqual([503, '1']);

    await writeSecret(secrets, 'ledger', 'url', url);
    await waitsFor(/the ledger has schema 0, and this release needs/);
    await database.query('alter table not_yet rename to migration');
    await waitsFor(/pool 6f1e9a52\/voice\/sales is not in this ledger/);
    await writePolicy(database, key, salesPool.spec);
    await pod.serving();
    expect(pod.child.exitCode).toBeNull();
    await vi.waitFor(async () => expect(await workersOf(database)).toMatchObject([{ state: 'serving', troubles: [] }]), soon);
  });

  test('that is told to leave before it had begun does so at once', async () => {
    const pod = await startPod({ name: 'w1', secrets: await aSecretsDirectory(), providerUrl: (await aProvider()).url });
    await vi.waitFor(() => expect(pod.said().join('\n')).toMatch(/waiting for it/), soon);
    expect(await pod.leave()).toMatchObject({ code: 0 });
  });

  test('tells the ledger which keys are missing, never their values, and works on with the other projects', async () => {
    const { database, url } = await freshLedger();
    const { version } = await writePolicy(database, salesPool.metadata.name, salesPool.spec);
    const secrets = await aSecretsDirectory(url);
    await rm(join(secrets, 'vapi-south'), { recursive: true });
    const provider = await aProvider();
    const pod = await startPod({ name: 'w1', secrets, providerUrl: provider.url });
    await pod.serving();
    const missing = {
      kind: 'KeyMissing',
      project: 'south',
      secret: 'vapi-south',
      key: 'apiKey',
      field: expect.stringContaining('projects[south]'),
    };
    await vi.waitFor(
      async () =>
        expect(await workersOf(database)).toMatchObject([
          { applied_version: String(version), sessions: 0, troubles: expect.arrayContaining([missing]) },
        ]),
      soon,
    );
    for (const number of ['+14155560001', '+14155560002', '+14155560003']) await enqueue(database, number);
    const called = async () => (await database.query(`select distinct project from attempt where call_id is not null`)).rows;
    await vi.waitFor(
      async () => {
        expect(provider.dials()).toBe(3);
        expect(await called()).toEqual([{ project: 'north' }]);
      },
      { timeout: 30_000, interval: 100 },
    );

    await writeSecret(secrets, 'vapi-south', 'apiKey', 'key-south');
    const troubles = async () => (await workersOf(database))[0].troubles;
    await vi.waitFor(async () => expect(await troubles()).not.toEqual(expect.arrayContaining([missing])), soon);
  });
});

describe('a worker whose ledger is away', () => {
  test.each([
    { how: 'refuses connections', traffic: { kind: 'cut' } },
    { how: 'is silent', traffic: { kind: 'black-hole' } },
  ] as const)('leaves in order where that $how, and says what it could not tell', { timeout: 90_000 }, async ({ traffic }) => {
    const { database, url } = await freshLedger();
    await writePolicy(database, salesPool.metadata.name, salesPool.spec);
    const wire = await openWire(Number(new URL(url).port));
    onTestFinished(() => wire.close());
    const byWire = Object.assign(new URL(url), { port: String(wire.port) }).href;
    const pod = await startPod({ name: 'w1', secrets: await aSecretsDirectory(byWire), providerUrl: (await aProvider()).url });
    await pod.serving();
    await vi.waitFor(() => dispatches(database, 'w1'), soon);
    wire.set(traffic);
    await vi.waitFor(() => expect(pod.said().join('\n')).toMatch(/the ledger is away: nothing is sent/), soon);

    const { code, ms } = await pod.leave();
    expect(code).toBe(0);
    expect(ms).toBeLessThan(60_000);
    expect(pod.said().join('\n')).toMatch(/telling the ledger that this worker is gone: .*others find out/);
  });
});

describe('a worker that is asked to drain', () => {
  async function twoPods() {
    const { database, url } = await freshLedger();
    await writePolicy(database, salesPool.metadata.name, salesPool.spec);
    const secrets = await aSecretsDirectory(url);
    const provider = await aProvider(1_200);
    const first = await startPod({ name: 'w1', secrets, providerUrl: provider.url });
    await first.serving();
    await vi.waitFor(() => dispatches(database, 'w1'), soon);
    await enqueue(database, '+14155560001');
    await vi.waitFor(() => expect(provider.dials()).toBe(1), soon);
    const second = await startPod({ name: 'w2', secrets, providerUrl: provider.url });
    await second.serving();
    const ask = (asked: 'drain' | null) => database.query(`update worker set phase_asked = $1 where name = 'w1'`, [asked]);
    const stateOf = async (name: string) => (await workersOf(database)).filter((one) => one.name === name).at(-1)?.state;
    return { database, provider, first, second, ask, stateOf };
  }

  test('is not ready within moments, hands over lock and watch, finishes what it sends, and waits', async () => {
    const { database, provider, first, ask, stateOf } = await twoPods();
    await enqueue(database, '+14155560002');
    await vi.waitFor(() => expect(provider.dials()).toBe(2), soon);
    await ask('drain');
    await vi.waitFor(async () => expect((await first.ready()).status).toBe(503), { timeout: 3_000, interval: 30 });
    await vi.waitFor(() => dispatches(database, 'w2'), { timeout: 4_000, interval: 30 });
    await vi.waitFor(async () => expect(await stateOf('w1')).toBe('drained'), soon);
    const states = `select distinct a.state from attempt a join worker w on w.id = a.owner where w.name = 'w1'`;
    expect((await database.query(states)).rows).toEqual([{ state: 'bound' }]);
    const watched = 'select w.name from project_watch p join worker w on w.id = p.owner where lease_until > clock_timestamp() group by 1';
    await vi.waitFor(async () => expect((await database.query(watched)).rows).toEqual([{ name: 'w2' }]), soon);

    // Who has not learnt of it yet is answered, and told to come back on another connection.
    const late = await fetch(`${first.url}/livez`);
    expect([late.status, late.headers.get('connection')]).toEqual([200, 'close']);
    await enqueue(database, '+14155560003');
    await vi.waitFor(() => expect(provider.dials()).toBe(3), soon);
    const owners = `select distinct w.name from attempt a join worker w on w.id = a.owner where a.number = '+14155560003'`;
    expect((await database.query(owners)).rows).toEqual([{ name: 'w2' }]);

    await sleep(4_000);
    const { code, ms } = await first.leave();
    expect(code).toBe(0);
    expect(ms).toBeLessThan(5_000);
    expect(await stateOf('w1')).toBe('gone');
  });

  test('serves again when the ask is withdrawn', async () => {
    const { database, provider, first, second, ask, stateOf } = await twoPods();
    await ask('drain');
    await vi.waitFor(async () => expect(await stateOf('w1')).toBe('drained'), soon);
    await ask(null);
    await first.serving();
    await vi.waitFor(async () => expect(await stateOf('w1')).toBe('serving'), soon);
    expect(await second.leave()).toMatchObject({ code: 0 });
    await vi.waitFor(() => dispatches(database, 'w1'), soon);
    await enqueue(database, '+14155560002');
    await vi.waitFor(() => expect(provider.dials()).toBe(2), soon);
  });

  test('and loses the ledger meanwhile stays drained under its new number', async () => {
    const { database, ask, stateOf } = await twoPods();
    await ask('drain');
    await vi.waitFor(async () => expect(await stateOf('w1')).toBe('drained'), soon);
    await database.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'trunkline w1'`,
    );
    const numbers = async () => (await workersOf(database)).filter(({ name }) => name === 'w1');
    await vi.waitFor(
      async () =>
        expect((await numbers()).map(({ state, phase_asked }) => [state, phase_asked])).toEqual([
          ['gone', 'drain'],
          ['drained', 'drain'],
        ]),
      soon,
    );
  });
});
