import { className } from '../../crds/values.ts';
import { setHold } from '../../ledger/overlays.ts';
import { dialsOf } from '../dial-latency.ts';
import { type Bench, median, type Setting } from '../figure.ts';
import { onLedger, quietPool, type RunningPool, runPool } from '../running-pool.ts';
import { ordinary, shapedPool } from '../shapes.ts';
import { enqueue, type Ground, layGround } from '../stage.ts';
import { type Pace, paceFigures, pacesInTurns, takePace } from './pace.ts';
import { growthFigures, short } from './slowdown.ts';

const amount = { repeats: 3, admissions: 4_000, claims: 150, dials: 30, turns: 4 } as const;
const scales = {
  full: { ...amount, slots: 400, lengths: [10_000, 100_000, 1_000_000] },
  large: { ...amount, slots: 400, lengths: [10_000, 100_000, 1_000_000, 10_000_000] },
  tiny: { repeats: 1, admissions: 50, claims: 3, dials: 2, turns: 1, slots: 20, lengths: [1_000, 2_000] },
} as const;

/** Two campaigns that fill the queue, and one without backlog for the sessions that are timed one by one. */
const poolOf = ({ scale }: Setting) => shapedPool({ ...ordinary, classes: 4, slots: scales[scale].slots });
const backlogged = ['campaign', 'campaign-2'] as const;
const prompt = 'campaign-3';
const what = 'with so many sessions in two queues of the pool that have been there for long';

/** Whether a long queue costs more than a short one. Every length has a ledger of its own, and all are there at once. */
export const queueGrowth: Bench = async (setting) => {
  const { lengths, repeats } = scales[setting.scale];
  await using resources = new AsyncDisposableStack();
  const places: { readonly length: number; readonly ground: Ground }[] = [];
  for (const length of lengths) {
    setting.say(`  queueing ${short(length)} sessions`);
    places.push({ length, ground: await longQueue(setting, length, resources) });
  }
  const paces = await pacesInTurns(places, repeats, async ({ ground, length }) => {
    await fillUp(ground, length);
    return takePace(ground, { slots: scales[setting.scale].slots, live: 0 }, scales[setting.scale]);
  });
  const dials = await dialsInTurns(setting, places);
  const labelled = <T>(values: readonly T[]) => values.map((value, index) => ({ at: short(lengths[index] ?? 0), value }));
  // Ten millions are told; what is promised is about one.
  const judgedAt = short(lengths[Math.min(2, lengths.length - 1)] ?? 0);
  return [
    ...paceFigures(
      'queued',
      what,
      labelled<Pace>(paces).map(({ at, value }) => ({ at, pace: value })),
      judgedAt,
    ),
    ...growthFigures({
      name: 'dial latency p50',
      definition: `one session after the other through \`POST /v1/sessions\` to a class that may dial: from the 202 to the request at the simulated provider, ${what} and are held`,
      unit: 'ms',
      axis: 'queued',
      values: labelled(dials),
      judgedAt,
    }),
  ];
};

async function longQueue(setting: Setting, length: number, resources: AsyncDisposableStack): Promise<Ground> {
  const ground = await layGround(setting, poolOf(setting), resources);
  await fillUp(ground, length);
  // As a table that has been there for long: vacuumed, its statistics known, its pages on the disk.
  await ground.database.query('vacuum (freeze, analyze) session');
  await ground.database.query('checkpoint');
  return ground;
}

/** Queues what is missing, behind what is there. */
async function fillUp({ database, poolId }: Ground, length: number): Promise<void> {
  for (const name of backlogged) {
    const { rows } = await database.query<{ queued: number; last: number }>(
      `select count(*) filter (where state = 'queued' and class = $2)::int as queued, coalesce(max(seq), 0)::int as last from session where pool_id = $1`,
      [poolId, name],
    );
    const { queued = 0, last = 0 } = rows[0] ?? {};
    await enqueue(database, poolId, name, length / backlogged.length - queued, last);
  }
}

type Place = { readonly ground: Ground };

/** All pools run at once and are timed in turns: the machine that one meets, the others meet too. */
async function dialsInTurns(setting: Setting, places: readonly Place[]): Promise<readonly number[]> {
  const { dials, turns } = scales[setting.scale];
  await using resources = new AsyncDisposableStack();
  const timed: { readonly running: RunningPool; readonly latencies: number[] }[] = [];
  for (const { ground } of places) {
    for (const name of backlogged) await setHold(ground.database, ground.poolId, className.parse(name), undefined);
    timed.push({ running: await startPool(setting, ground, resources), latencies: [] });
  }
  for (let turn = 0; turn < turns; turn += 1) {
    for (const { running, latencies } of timed)
      latencies.push(...(await dialsOf(running, { samples: dials, className: prompt, everyMs: 30, from: turn * 1_000 })));
  }
  return timed.map(({ latencies }) => median(latencies));
}

async function startPool(setting: Setting, { url }: Ground, resources: AsyncDisposableStack): Promise<RunningPool> {
  const { manifest, secrets } = await onLedger(setting, poolOf(setting), url);
  const { pool, scenario } = await quietPool(setting, manifest);
  const args = [`--simulate=${scenario}`, '--speed', '20', '--workers', '2', '--secrets', secrets];
  return await runPool(setting, { pool, args }, resources);
}
