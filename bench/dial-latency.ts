import { setTimeout as sleep } from 'node:timers/promises';
import { type Bench, percentile, type Setting } from './figure.ts';
import { quietPool, type RunningPool, runPool, wallClockMs } from './running-pool.ts';
import { benchPool, connect, freshLedger } from './stage.ts';

const scales = { full: 300, large: 300, tiny: 5 } as const;
const warmUp = 10;
/** What was not dialled by then never will be. */
const patienceMs = 30_000;

/** How long a session takes from its acknowledgement to the provider when nothing is in the way. */
export const dialLatency: Bench = async (setting) => {
  const notified = await notifications(setting);
  const latencies = await dials(setting);
  const figure = (percent: 50 | 99, atMost: number) => ({
    name: `dial latency p${percent}`,
    definition:
      'in an idle pool of two workers, one session after the other through `POST /v1/sessions`: from the 202 to the request that creates its call, as the simulated provider wrote it down',
    unit: 'ms',
    value: percentile(latencies, percent),
    goal: { atMost },
    anchor: {
      what: 'one insert with NOTIFY, from its start until another connection has heard of it',
      value: percentile(notified, percent),
    },
  });
  return [figure(50, 5), figure(99, 25)];
};

async function dials(setting: Setting): Promise<readonly number[]> {
  await using resources = new AsyncDisposableStack();
  const { pool, scenario } = await quietPool(setting, benchPool(1_000));
  const running = await runPool(setting, { pool, args: [`--simulate=${scenario}`, '--speed', '20', '--workers', '2'] }, resources);
  // Awaited here: returning the promise would stop the pool at once.
  return await dialsOf(running, { samples: scales[setting.scale], className: 'campaign', everyMs: 30 });
}

/** Hands in one session after the other, and says how long each took from its acknowledgement to the provider. */
export async function dialsOf(
  running: RunningPool,
  { samples, className, everyMs }: { readonly samples: number; readonly className: string; readonly everyMs: number },
): Promise<readonly number[]> {
  const posted = new Map<string, number>();
  for (let index = 0; index < warmUp + samples; index += 1) {
    const number = `+1312556${String(index).padStart(4, '0')}`;
    const acknowledgedAtMs = await post(running, className, number);
    if (index >= warmUp) posted.set(number, acknowledgedAtMs);
    await sleep(everyMs + (index % 20));
  }
  for (const sinceMs = performance.now(); performance.now() - sinceMs < patienceMs; await sleep(100)) {
    const calls = (await running.calls()).filter(({ number }) => number !== undefined && posted.has(number));
    if (calls.length >= posted.size) return calls.map(({ number, atMs }) => atMs - (posted.get(number ?? '') ?? Number.NaN));
  }
  throw new Error('not every session was dialled');
}

async function post({ url, token }: RunningPool, className: string, number: string): Promise<number> {
  const response = await fetch(`${url}/v1/sessions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ class: className, direction: 'Outbound', customer: { number } }),
  });
  const atMs = wallClockMs();
  const text = await response.text();
  if (response.status !== 202) throw new Error(`the intake answered ${response.status}: ${text}`);
  return atMs;
}

async function notifications(setting: Setting): Promise<readonly number[]> {
  await using resources = new AsyncDisposableStack();
  const { url, database } = await freshLedger(setting, resources);
  await database.query('create table plain (id int)');
  const ears = await connect(url, 'bench ears');
  resources.defer(() => ears.end());
  await ears.query('listen plain');
  const latencies: number[] = [];
  for (let index = 0; index < scales[setting.scale]; index += 1) {
    const heard = new Promise<number>((resolve) => ears.once('notification', () => resolve(performance.now())));
    const startedMs = performance.now();
    await database.query(`with made as (insert into plain values (1) returning id) select pg_notify('plain', '') from made`);
    latencies.push((await heard) - startedMs);
  }
  return latencies;
}
