import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Bench } from './figure.ts';
import { memoryOfChildren, type RunningPool, runPool } from './running-pool.ts';

const loadMs = { full: 30_000, large: 30_000, tiny: 1_000 } as const;
const pool = fileURLToPath(new URL('../crds/samples/trial.yaml', import.meta.url));

/** What `npm start` costs: time to the first call, and memory under load. */
export const footprint: Bench = async (setting) => {
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
};

async function firstCallAtMs(running: RunningPool): Promise<number> {
  for (let tries = 0; tries < 600; tries += 1) {
    const [first] = await running.calls();
    if (first !== undefined) return first.atMs;
    await sleep(50);
  }
  throw new Error('no call came to the simulated provider within 30 s');
}
