import { setTimeout as sleep } from 'node:timers/promises';
import { type Bench, median, type Setting } from './figure.ts';
import { plainClaims } from './plain-claim.ts';
import { benchPool, connect, enqueue, hearAdmissions, type Stage, setStage, startDispatcher } from './stage.ts';
import { sendAndEnd } from './stand-in.ts';

const full = { queued: 20_000, lines: 5_000, rounds: 3 } as const;
const scales = { full, large: full, tiny: { queued: 600, lines: 100, rounds: 1 } } as const;

/** Something else on the machine is slow, or something is wrong: no figure then. */
const patienceMs = 60_000;

/** How fast one dispatcher admits and releases, with the queue always full and a worker that never lets it wait. */
export const admissions: Bench = async (setting) => {
  const plain: number[] = [];
  const perSecond: number[] = [];
  // In turns, so that both see the same machine; the middle one of each counts.
  for (let round = 0; round < scales[setting.scale].rounds; round += 1) {
    plain.push(await plainClaims(setting, scales[setting.scale].queued, 50));
    perSecond.push(await dispatchAll(setting));
  }
  return [
    {
      name: 'admissions',
      definition:
        'sessions of two classes, with a reservation beside them, that the real dispatcher admits in its thread per second, from the first admission to the last release; every one is decided by policy, limits and reservations, gets its attempt row, is sent, ends and has its slot released. Worker and provider are stood in for by batched statements on the same machine',
      unit: '/s',
      value: median(perSecond),
      goal: { atLeast: 5_000 },
      anchor: {
        what: 'as many rows claimed 50 at a time with `for update skip locked` and an attempt row inserted for each, no policy, no release, one connection',
        value: median(plain),
      },
    },
  ];
};

async function dispatchAll(setting: Setting): Promise<number> {
  const { queued, lines } = scales[setting.scale];
  await using resources = new AsyncDisposableStack();
  const stage = await setStage(setting, benchPool(lines), resources);
  await enqueue(stage.database, stage.poolId, 'callback', queued / 4);
  await enqueue(stage.database, stage.poolId, 'campaign', (queued * 3) / 4, queued);
  await stage.database.query('vacuum analyze session');

  const { firstAtMs } = await admitFor(stage, queued, resources);
  await allReleased(stage);
  return queued / ((performance.now() - firstAtMs) / 1_000);
}

/** Starts a dispatcher and lets every call end at once, until so many have ended. */
export async function admitFor(
  stage: Stage,
  count: number,
  resources: AsyncDisposableStack,
): Promise<{ readonly firstAtMs: number; readonly lastAtMs: number }> {
  const admitted: string[] = [];
  let firstAtMs: number | undefined;
  await hearAdmissions(stage, resources, (ids) => {
    firstAtMs ??= performance.now();
    admitted.push(...ids);
  });
  const connection = await connect(stage.url, 'bench stand-in');
  resources.defer(() => connection.end());
  await startDispatcher(stage, resources);
  const startedMs = performance.now();
  for (let ended = 0; ended < count; ) {
    if (performance.now() - startedMs > patienceMs) throw new Error(`only ${ended} of ${count} sessions ended in time`);
    const ids = admitted.splice(0, 500);
    if (ids.length === 0) await sleep(1);
    else ended += await sendAndEnd(connection, stage, ids);
  }
  return { firstAtMs: firstAtMs ?? startedMs, lastAtMs: performance.now() };
}

async function allReleased({ database, poolId }: Stage): Promise<void> {
  for (;;) {
    const { rows } = await database.query<{ open: boolean }>(
      `select exists (select from attempt where pool_id = $1 and released_at is null) as open`,
      [poolId],
    );
    if (rows[0]?.open === false) return;
    await sleep(5);
  }
}
