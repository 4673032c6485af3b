import { setTimeout as sleep } from 'node:timers/promises';
import { type Bench, type Figure, percentile, type Setting } from './figure.ts';
import { busyPool, handIn, quietPool, type RunningPool, runPool } from './running-pool.ts';
import { benchPool, connect, freshLedger } from './stage.ts';

const full = { samples: 300, loaded: 80, leads: 1_500 } as const;
const scales = { full, large: full, tiny: { samples: 5, loaded: 3, leads: 10 } } as const;

const warmUp = 10;
/** What was not dialled by then never will be. */
const patienceMs = 30_000;

/** How long a session takes from its acknowledgement to the provider when nothing is in the way. */
export const dialLatency: Bench = async (setting) => {
  const notified = await notifications(setting);
  const latencies = await dials(setting);
  const loaded = await loadedDials(setting);
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
  const loadedFigure = (percent: 50 | 90): Figure => ({
    name: `dial latency p${percent}, lines at 80 %`,
    definition: `the same while a campaign with a backlog keeps ${campaignLines} of ${lines} lines taken and its calls come and go, some ${callsPerSecond} a second; with the sessions that are timed, of a class of higher priority, four fifths of the lines are taken`,
    unit: 'ms',
    value: percentile(loaded, percent),
    goal: undefined,
    anchor: { what: 'in the idle pool, in the same run', value: percentile(latencies, percent) },
  });
  return [figure(50, 5), figure(99, 25), loadedFigure(50), loadedFigure(90)];
};

/** Calls last 95 s on the average if they are answered, at 20 times the speed; a session every 0.2 s has 20 of the lines. */
const lines = 200;
const campaignLines = 140;
const callsPerSecond = 35;
const speed = 20;

async function loadedDials(setting: Setting): Promise<readonly number[]> {
  await using resources = new AsyncDisposableStack();
  const manifest = benchPool(lines);
  const classes = manifest.spec.classes.map((one) => (one.name === 'campaign' ? { ...one, limit: campaignLines } : one));
  const traffic = [{ kind: 'outbound', class: 'campaign', leads: scales[setting.scale].leads, length: { mu: 4.34, sigma: 0.944 } }];
  const { pool, scenario } = await busyPool(setting, { ...manifest, spec: { ...manifest.spec, classes } }, traffic);
  const args = [`--simulate=${scenario}`, '--speed', String(speed), '--workers', '2'];
  const running = await runPool(setting, { pool, args }, resources);
  const enough = Math.min(campaignLines, scales[setting.scale].leads);
  while ((await running.calls()).length < enough) await sleep(100);
  return await dialsOf(running, { samples: scales[setting.scale].loaded, className: 'callback', everyMs: 200 });
}

async function dials(setting: Setting): Promise<readonly number[]> {
  await using resources = new AsyncDisposableStack();
  const { pool, scenario } = await quietPool(setting, benchPool(1_000));
  const running = await runPool(setting, { pool, args: [`--simulate=${scenario}`, '--speed', '20', '--workers', '2'] }, resources);
  // Awaited here: returning the promise would stop the pool at once.
  return await dialsOf(running, { samples: scales[setting.scale].samples, className: 'campaign', everyMs: 30 });
}

type DialPlan = {
  readonly samples: number;
  readonly className: string;
  readonly everyMs: number;
  /** Where the numbers that are dialled begin: nobody is dialled too often. */
  readonly from?: number;
};

/** Hands in one session after the other, and says how long each took from its acknowledgement to the provider. */
export async function dialsOf(running: RunningPool, { samples, className, everyMs, from = 0 }: DialPlan): Promise<readonly number[]> {
  const posted = new Map<string, number>();
  for (let index = 0; index < warmUp + samples; index += 1) {
    const number = `+1312${5_560_000 + from + index}`;
    const acknowledgedAtMs = await handIn(running, className, number);
    if (index >= warmUp) posted.set(number, acknowledgedAtMs);
    await sleep(everyMs + (index % 20));
  }
  for (const sinceMs = performance.now(); performance.now() - sinceMs < patienceMs; await sleep(100)) {
    const calls = (await running.calls()).filter(({ number }) => number !== undefined && posted.has(number));
    if (calls.length >= posted.size) return calls.map(({ number, atMs }) => atMs - (posted.get(number ?? '') ?? Number.NaN));
  }
  throw new Error('not every session was dialled');
}

async function notifications(setting: Setting): Promise<readonly number[]> {
  await using resources = new AsyncDisposableStack();
  const { url, database } = await freshLedger(setting, resources);
  await database.query('create table plain (id int)');
  const ears = await connect(url, 'bench ears');
  resources.defer(() => ears.end());
  await ears.query('listen plain');
  const latencies: number[] = [];
  for (let index = 0; index < scales[setting.scale].samples; index += 1) {
    const heard = new Promise<number>((resolve) => ears.once('notification', () => resolve(performance.now())));
    const startedMs = performance.now();
    await database.query(`with made as (insert into plain values (1) returning id) select pg_notify('plain', '') from made`);
    latencies.push((await heard) - startedMs);
  }
  return latencies;
}
