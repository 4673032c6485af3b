import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { className } from '../crds/values.ts';
import { openDatabase } from '../ledger/database.ts';
import { setHold } from '../ledger/overlays.ts';
import { callNameOf } from '../providers/vapi/call-name.ts';
import { secretFile } from '../standalone/secrets.ts';
import { type Bench, type Figure, percentile, type Setting } from './figure.ts';
import { handIn, onLedger, quietPool, type RunningPool, runPool } from './running-pool.ts';
import { benchPool, type Ground, layGround } from './stage.ts';
import { insertLive } from './stand-in.ts';

const full = { posts: 300, postsAtOnce: 4_000, calls: 1_500, steady: 400 } as const;
const scales = { full, large: full, tiny: { posts: 5, postsAtOnce: 20, calls: 20, steady: 10 } } as const;
const inFlight = 32;
const steadyPerSecond = 100;
const connections = 8;

/** What two workers take in: sessions one by one, and the provider's webhooks. */
export const intake: Bench = async (setting) => {
  await using resources = new AsyncDisposableStack();
  const scale = scales[setting.scale];
  const ground = await layGround(setting, benchPool(10_000), resources);
  await insertLive(ground, scale.calls + scale.steady);
  // Nobody is dialled, so that nothing but taking in is measured.
  await setHold(ground.database, ground.poolId, className.parse('campaign'), undefined);
  const plain = await plainInserts(setting, ground, resources);
  const { manifest, secrets } = await onLedger(setting, benchPool(10_000), ground.url);
  const { pool, scenario } = await quietPool(setting, manifest);
  const args = [`--simulate=${scenario}`, '--speed', '20', '--workers', '2', '--secrets', secrets];
  const running = await runPool(setting, { pool, args }, resources);
  return [...(await enqueueFigures(setting, running, plain)), ...(await webhookFigures(setting, running, ground, secrets))];
};

type Plain = { readonly latenciesMs: readonly number[]; readonly perSecond: number };

async function enqueueFigures(setting: Setting, running: RunningPool, plain: Plain): Promise<readonly Figure[]> {
  const { posts, postsAtOnce } = scales[setting.scale];
  const post = (index: number) => handIn(running, 'campaign', `+1312${2_200_000 + index}`);
  const latencies = await oneByOne(posts, post);
  const perSecond = await manyAtOnce(postsAtOnce, inFlight, (index) => post(posts + index));
  return [
    ...([50, 99] as const).map((percent) => ({
      name: `enqueue p${percent}`,
      definition:
        'one `POST /v1/sessions` after the other to two workers, from its first byte to the 202; the session is checked and durable then',
      unit: 'ms',
      value: percentile(latencies, percent),
      goal: undefined,
      anchor: { what: 'one row inserted and committed', value: percentile(plain.latenciesMs, percent) },
    })),
    {
      name: 'enqueue rate',
      definition: `\`POST /v1/sessions\` answered with 202 per second by two workers, ${inFlight} requests under way, sent by a process on the same cores`,
      unit: '/s',
      value: perSecond,
      goal: undefined,
      anchor: { what: `single rows inserted and committed on ${connections} connections`, value: plain.perSecond },
    },
  ];
}

async function webhookFigures(setting: Setting, { url }: RunningPool, ground: Ground, secrets: string): Promise<readonly Figure[]> {
  const { calls, steady } = scales[setting.scale];
  const deliver = await provider(url, secrets, ground);
  const { rows } = await ground.database.query<LiveCall>(`select id, project from attempt where released_at is null order by id`);
  const latencies = await atRate(rows.slice(0, steady), steadyPerSecond, (call) => deliver(call, 'in-progress'));
  const ending = rows.slice(steady, steady + calls);
  const startedMs = performance.now();
  await manyAtOnce(ending.length, inFlight, (index) => deliver(ending[index], 'in-progress'));
  await manyAtOnce(ending.length, inFlight, (index) => deliver(ending[index], 'ended'));
  await allEnded(ground, ending);
  const seconds = (performance.now() - startedMs) / 1_000;
  return [
    ...([50, 99] as const).map((percent) => ({
      name: `webhook p${percent}`,
      definition: `signed status updates of live calls, ${steadyPerSecond} a second to two workers: from the first byte of each to its 200; it is verified and durable then`,
      unit: 'ms',
      value: percentile(latencies, percent),
      goal: undefined,
      anchor: undefined,
    })),
    {
      name: 'webhook rate',
      definition: `signed status updates per second, two for each of ${calls} live calls, ${inFlight} under way, from the first until the last call has ended in the ledger with all that follows`,
      unit: '/s',
      value: (2 * calls) / seconds,
      goal: undefined,
      anchor: undefined,
    },
  ];
}

type LiveCall = { readonly id: string; readonly project: string };

/** Sends what the provider sends, with each project's own secret; a message is as long as one with a short transcript. */
async function provider(url: string, secrets: string, { database }: Ground) {
  const { rows } = await database.query<{ project: string }>('select distinct project from attempt');
  const read = async ({ project }: { readonly project: string }) =>
    [project, (await readFile(secretFile(secrets, { name: `vapi-${project}`, key: 'webhookSecret' }), 'utf8')).trim()] as const;
  const proof = new Map(await Promise.all(rows.map(read)));
  return async (call: LiveCall | undefined, status: 'in-progress' | 'ended'): Promise<void> => {
    if (call === undefined) throw new Error('there is no further call');
    const message = {
      type: 'status-update',
      status,
      ...(status === 'ended' ? { endedReason: 'customer-ended-call' } : {}),
      timestamp: Date.now(),
      call: { id: `call-${call.id}`, orgId: 'bench', name: callNameOf(call.id), type: 'outboundPhoneCall' },
      artifact: { messages: Array.from({ length: 20 }, (_, index) => ({ role: 'user', message: `sentence ${index} `.repeat(10) })) },
    };
    const response = await fetch(`${url}/v1/vapi/${call.project}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-vapi-secret': proof.get(call.project) ?? '' },
      body: JSON.stringify({ message }),
    });
    const answer = await response.text();
    if (response.status !== 200) throw new Error(`a webhook was answered ${response.status}: ${answer}`);
  };
}

async function allEnded({ database }: Ground, calls: readonly LiveCall[]): Promise<void> {
  const ids = calls.map(({ id }) => id);
  for (const sinceMs = performance.now(); performance.now() - sinceMs < 60_000; await sleep(10)) {
    const { rows } = await database.query<{ open: boolean }>(
      `select exists (select from attempt where id = any($1::uuid[]) and ended_at is null) as open`,
      [ids],
    );
    if (rows[0]?.open === false) return;
  }
  throw new Error('not every call ended');
}

async function oneByOne(count: number, send: (index: number) => Promise<unknown>): Promise<readonly number[]> {
  const latencies: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const startedMs = performance.now();
    await send(index);
    latencies.push(performance.now() - startedMs);
    await sleep(5);
  }
  return latencies;
}

/** Sends each at its time, whether or not the ones before were answered. */
async function atRate<T>(what: readonly T[], perSecond: number, send: (one: T) => Promise<unknown>): Promise<readonly number[]> {
  const startedMs = performance.now();
  return Promise.all(
    what.map(async (one, index) => {
      const dueMs = startedMs + (index * 1_000) / perSecond;
      await sleep(Math.max(0, dueMs - performance.now()));
      const sentMs = performance.now();
      await send(one);
      return performance.now() - sentMs;
    }),
  );
}

/** How many per second, with so many under way. */
async function manyAtOnce(count: number, atOnce: number, send: (index: number) => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  let next = 0;
  const sendOn = async () => {
    for (let index = next++; index < count; index = next++) await send(index);
  };
  await Promise.all(Array.from({ length: atOnce }, sendOn));
  return count / ((performance.now() - startedMs) / 1_000);
}

async function plainInserts(setting: Setting, { url, database }: Ground, resources: AsyncDisposableStack): Promise<Plain> {
  const { posts, postsAtOnce } = scales[setting.scale];
  await database.query(
    'create table plain (id bigint primary key, number text not null, created_at timestamptz not null default clock_timestamp())',
  );
  const pool = openDatabase(url, { applicationName: 'bench plain', maxConnections: connections, onError: () => undefined });
  resources.defer(() => pool.end());
  const insert = (index: number) =>
    pool.query({
      name: 'bench-plain-row',
      text: 'insert into plain (id, number) values ($1, $2)',
      values: [index, `+1312${2_200_000 + index}`],
    });
  const latenciesMs = await oneByOne(posts, insert);
  const perSecond = await manyAtOnce(postsAtOnce, connections, (index) => insert(posts + index));
  return { latenciesMs, perSecond };
}
