import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { Database } from '../../ledger/database.ts';
import { type PoolId, writePolicy } from '../../ledger/policy.ts';
import { leaseMs } from '../../ledger/watch.ts';
import { type Received, type Reply, serve } from '../providers/vapi/http-server.ts';
import { freshLedger } from '../support/ledger.ts';
import { salesPool } from './intake/serving.ts';

/** The worker process as its supervisor starts it, over a real ledger. */

const program = fileURLToPath(new URL('../../workers/main.ts', import.meta.url));

type Pool = {
  readonly database: Database;
  readonly poolId: PoolId;
  readonly requests: readonly Received[];
  /** Starts a worker, and resolves when it serves. */
  readonly worker: (name: string) => Promise<ChildProcess>;
};

/** The sales pool with a provider that answers like this. */
async function aPool(answer: (request: Received) => Promise<Reply>): Promise<Pool> {
  const { database, url } = await freshLedger();
  const { poolId } = await writePolicy(database, salesPool.metadata.name, salesPool.spec);
  const provider = await serve(answer);
  const secrets = await mkdtemp(join(tmpdir(), 'trunkline-worker-'));
  onTestFinished(() => rm(secrets, { recursive: true }));
  for (const project of ['north', 'south']) {
    await mkdir(join(secrets, `vapi-${project}`));
    await writeFile(join(secrets, `vapi-${project}`, 'apiKey'), `key-${project}`);
  }
  const worker = async (name: string) => {
    const env = {
      ...process.env,
      TRUNKLINE_LEDGER_URL: url,
      TRUNKLINE_POOL: salesPool.metadata.name,
      TRUNKLINE_SECRETS: secrets,
      TRUNKLINE_PORT: '0',
      TRUNKLINE_HOST: '127.0.0.1',
      TRUNKLINE_PROVIDER_URL: provider.url,
      TRUNKLINE_WORKER_NAME: name,
    };
    const child = fork(program, { env, stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
    onTestFinished(async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    });
    await once(child, 'message');
    return child;
  };
  return { database, poolId, requests: provider.requests, worker };
}

async function enqueue({ database, poolId }: Pool, number: string): Promise<void> {
  await database.query(
    `insert into session (id, pool_id, class, direction, state, number) values (gen_random_uuid(), $1, 'campaign', 'Outbound', 'queued', $2)`,
    [poolId, number],
  );
  await database.query(`select pg_notify('trunkline_dispatch_' || $1, '')`, [poolId]);
}

const dials = ({ requests }: Pool) => requests.filter(({ method }) => method === 'POST').length;

async function rowsOf({ database }: Pool, query: string) {
  return (await database.query(query)).rows;
}

test('a worker that is told to leave finishes what it is sending, hands over, and leaves', async () => {
  const pool = await aPool(async ({ method }) => {
    if (method === 'GET') return { status: 200, body: [] };
    await sleep(1_500);
    return { status: 201, body: { id: `call-${dials(pool)}`, orgId: 'org-1' } };
  });
  const first = await pool.worker('w1');
  await enqueue(pool, '+14155560001');
  await vi.waitFor(() => expect(dials(pool)).toBe(1), { timeout: 15_000, interval: 20 });
  await pool.worker('w2');

  first.kill('SIGTERM');
  expect(await once(first, 'exit')).toEqual([0, null]);
  expect(await rowsOf(pool, 'select state, call_id from attempt')).toEqual([{ state: 'bound', call_id: 'call-1' }]);
  expect(await rowsOf(pool, 'select name, state from worker order by name')).toEqual([
    { name: 'w1', state: 'gone' },
    { name: 'w2', state: 'serving' },
  ]);

  await enqueue(pool, '+14155560002');
  await vi.waitFor(() => expect(dials(pool)).toBe(2), { timeout: 5_000, interval: 20 });
  const heldBy = 'select w.name, count(*)::int as projects from project_watch p join worker w on w.id = p.owner group by 1';
  await vi.waitFor(async () => expect(await rowsOf(pool, heldBy)).toEqual([{ name: 'w2', projects: 2 }]), { timeout: 5_000, interval: 50 });
});

test('a look-up that outlasts its lease keeps it, and is not begun a second time', async () => {
  const slow = Promise.withResolvers<Reply>();
  const pool = await aPool(async () => slow.promise);
  await pool.worker('w1');
  await pool.worker('w2');
  const lists = (project: string) => pool.requests.filter(({ headers }) => headers.authorization === `Bearer key-${project}`).length;
  await vi.waitFor(() => expect([lists('north'), lists('south')]).toEqual([1, 1]), { timeout: 15_000, interval: 20 });

  const owners = await rowsOf(pool, 'select project, owner from project_watch order by project');
  await sleep(leaseMs + 1_500);
  const now = await rowsOf(pool, 'select project, owner, lease_until > clock_timestamp() as held from project_watch order by project');
  expect(now).toEqual(owners.map((one) => ({ ...one, held: true })));
  expect([lists('north'), lists('south')]).toEqual([1, 1]);
  slow.resolve({ status: 200, body: [] });
});

test('a project whose org belongs to another pool dials no more once an answer has named the org, and says why', async () => {
  const pool = await aPool(async ({ method }) =>
    method === 'GET' ? { status: 200, body: [] } : { status: 201, body: { id: `call-${dials(pool)}`, orgId: 'org-1' } },
  );
  await pool.database.query(`
    with other as (insert into pool (name) values ('other') returning id),
    alive as (insert into worker (pool_id, name, state) select id, 'its-worker', 'serving' from other)
    insert into org_claim (org_id, pool_id) select 'org-1', id from other`);
  await pool.worker('w1');
  const noted = `select count(*)::int as projects from project_watch where org_id = 'org-1'`;
  for (const project of [1, 2]) {
    await enqueue(pool, `+1415556000${project}`);
    await vi.waitFor(async () => expect(await rowsOf(pool, noted)).toEqual([{ projects: project }]), { timeout: 15_000, interval: 20 });
    await sleep(1_000); // what the ledger says of the claim is asked for at once
  }
  expect(dials(pool)).toBe(2);

  await enqueue(pool, '+14155560003');
  const paused = `select p->>'paused' like 'its org belongs to another pool%' as told from dispatcher, jsonb_array_elements(view->'projects') p`;
  await vi.waitFor(async () => expect(await rowsOf(pool, paused)).toEqual([{ told: true }, { told: true }]), {
    timeout: 15_000,
    interval: 50,
  });
  expect(dials(pool)).toBe(2);
  expect(await rowsOf(pool, 'select state, attempts from session order by seq')).toEqual([
    { state: 'open', attempts: 0 },
    { state: 'open', attempts: 0 },
    { state: 'queued', attempts: 0 },
  ]);
});
