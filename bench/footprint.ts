import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Bench, Figure, Setting } from './figure.ts';
import { busyPool, memoryOfChildren, type RunningPool, runPool } from './running-pool.ts';
import { benchPool } from './stage.ts';

const loadMs = { full: 30_000, large: 30_000, tiny: 1_000 } as const;
/** Calls that live: at the first reading, when everything has been loaded that a call needs, and at the second. */
const live = { full: [500, 2_500], large: [500, 2_500], tiny: [5, 20] } as const;
/** What calls leave behind on the way is mostly collected by then. */
const settleMs = { full: 5_000, large: 5_000, tiny: 100 } as const;
const pool = fileURLToPath(new URL('../crds/samples/trial.yaml', import.meta.url));

/** What `npm start` costs: time to the first call, and memory under load. */
export const footprint: Bench = async (setting) => [...(await samplePool(setting)), await perLiveSession(setting)];

async function samplePool(setting: Setting): Promise<readonly Figure[]> {
  await using resources = new AsyncDisposableStack();
  const running = await runPool(setting, { pool, args: ['--simulate', '--speed', '20'] }, resources);
  const firstCallMs = (await firstCallAtMs(running)) - running.startedAtMs;
  await sleep(loadMs[setting.scale]);
  const memory = await memoryOfChildren(running.pid, 'workers/main.ts');
  if (memory.length === 0) throw new Error('no worker was found');
  return [
    {
      name: 'start to first call',
      definition:
        'from the start of `trunkline up` on the sample pool, with an empty state directory, to the first call at the simulated provider',
      unit: 's',
      value: firstCallMs / 1_000,
      goal: { atMost: 8 },
      anchor: undefined,
    },
    {
      name: 'worker memory',
      definition: `resident memory of the largest worker process, dispatcher thread included, after ${loadMs[setting.scale] / 1_000} s of the sample pool at speed 20`,
      unit: 'MB',
      value: Math.max(...memory) / 1_048_576,
      goal: { atMost: 180 },
      anchor: undefined,
    },
  ];
}

async function firstCallAtMs(running: RunningPool): Promise<number> {
  for (let tries = 0; tries < 600; tries += 1) {
    const [first] = await running.calls();
    if (first !== undefined) return first.atMs;
    await sleep(50);
  }
  throw new Error('no call came to the simulated provider within 30 s');
}

/** Calls that go on until they are the longest that they may be, ten minutes: longer than this takes. */
async function perLiveSession(setting: Setting): Promise<Figure> {
  const [few, many] = live[setting.scale];
  await using resources = new AsyncDisposableStack();
  const answer = { noAnswer: 0, busy: 0, voicemail: 0, fault: 0 };
  const length = { mu: 9, sigma: 0.1, minSeconds: 3_600 };
  const traffic = [{ kind: 'outbound', class: 'campaign', leads: many, length, answer, ringSeconds: { min: 0, max: 0 } }];
  const files = await busyPool(setting, benchPool(many * 2), traffic);
  const args = [`--simulate=${files.scenario}`, '--speed', '1', '--workers', '2'];
  const running = await runPool(setting, { pool: files.pool, args }, resources);
  const atFew = await memoryWith(running, few, 0);
  const atMany = await memoryWith(running, many, settleMs[setting.scale]);
  return {
    name: 'memory per 1,000 live sessions',
    definition: `resident memory of two workers together, dispatcher included, for every thousand of calls that live: between ${few} and ${many} of them, all of one campaign`,
    unit: 'MB',
    value: (atMany - atFew) / 1_048_576 / ((many - few) / 1_000),
    goal: undefined,
    anchor: undefined,
  };
}

async function memoryWith(running: RunningPool, calls: number, settledMs: number): Promise<number> {
  while ((await running.calls()).length < calls) await sleep(50);
  await sleep(settledMs);
  return (await memoryOfChildren(running.pid, 'workers/main.ts')).reduce((sum, bytes) => sum + bytes, 0);
}
