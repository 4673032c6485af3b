import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { type Bench, percentile, type Setting } from './figure.ts';
import { benchPool, connect, enqueue, hearAdmissions, type Stage, setStage, startDispatcher } from './stage.ts';
import { sendAndEnd } from './stand-in.ts';

const scales = { full: { queued: 20_000, lines: 5_000, rounds: 3 }, tiny: { queued: 600, lines: 100, rounds: 1 } } as const;

/** Something else on the machine is slow, or something is wrong: no figure then. */
const patienceMs = 60_000;

/** How fast one dispatcher admits and releases, with the queue always full and a worker that never lets it wait. */
export const admissions: Bench = async (setting) => {
  const plain: number[] = [];
  const perSecond: number[] = [];
  // In turns, so that both see the same machine; the middle one of each counts.
  for (let round = 0; round < scales[setting.scale].rounds; round += 1) {
    plain.push(await plainMoves(setting));
    perSecond.push(await dispatchAll(setting));
  }
  return [
    {
      name: 'admissions',
      definition:
        'sessions of two classes, with a reservation beside them, that the real dispatcher admits in its thread per second, from the first admission to the last release; every one is decided by policy, limits and reservations, gets its attempt row, is sent, ends and has its slot released. Worker and provider are stood in for by batched statements on the same machine',
      unit: '/s',
      value: percentile(perSecond, 50),
      goal: { atLeast: 5_000 },
      anchor: {
        what: 'as many rows claimed 50 at a time with `for update skip locked` and an attempt row inserted for each, no policy, no release, one connection',
        value: percentile(plain, 50),
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
  for (let ended = 0; ended < queued; ) {
    if (performance.now() - startedMs > patienceMs) throw new Error(`only ${ended} of ${queued} sessions ended in time`);
    const ids = admitted.splice(0, 500);
    if (ids.length === 0) await sleep(1);
    else ended += await sendAndEnd(connection, stage, ids);
  }
  await allReleased(stage);
  return queued / ((performance.now() - (firstAtMs ?? Number.NaN)) / 1_000);
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

/** The plainest queue that anyone would write: claim fifty, write an attempt for each, commit. */
async function plainMoves(setting: Setting): Promise<number> {
  const { queued } = scales[setting.scale];
  await using resources = new AsyncDisposableStack();
  const stage = await setStage(setting, benchPool(10), resources);
  await enqueue(stage.database, stage.poolId, 'campaign', queued);
  await stage.database.query('vacuum analyze session');
  const connection = await connect(stage.url, 'bench plain');
  resources.defer(() => connection.end());
  const startedAtMs = performance.now();
  for (let moved = 1; moved > 0; ) moved = await claimFifty(connection, stage);
  return queued / ((performance.now() - startedAtMs) / 1_000);
}

async function claimFifty(connection: pg.Client, { poolId }: Stage): Promise<number> {
  const { rowCount } = await connection.query({
    name: 'bench-plain-claim',
    text: `
      with claimed as (
        update session set state = 'open', attempt_id = gen_random_uuid()
        where id in (
          select id from session where pool_id = $1 and class = 'campaign' and coalesce(project, '') = '' and state = 'queued' and ready
          order by score desc, seq limit 50 for update skip locked)
        returning id, class, direction, number, attempt_id)
      insert into attempt (id, pool_id, session_id, class, direction, project, subscription, number, state, admitted_at)
      select attempt_id, $1, id, class, direction, 'north', 'main', number, 'admitted', clock_timestamp() from claimed`,
    values: [poolId],
  });
  return rowCount ?? 0;
}
