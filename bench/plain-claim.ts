import type pg from 'pg';
import type { Setting } from './figure.ts';
import { benchPool, connect, enqueue, type Stage, setStage } from './stage.ts';

/** The plainest queue that anyone would write: claim so many, write an attempt for each, commit. How many it moves per second. */
export async function plainClaims(setting: Setting, queued: number, perBatch: number): Promise<number> {
  await using resources = new AsyncDisposableStack();
  const stage = await setStage(setting, benchPool(10), resources);
  await enqueue(stage.database, stage.poolId, 'campaign', queued);
  await stage.database.query('vacuum analyze session');
  const connection = await connect(stage.url, 'bench plain');
  resources.defer(() => connection.end());
  const startedAtMs = performance.now();
  for (let moved = 1; moved > 0; ) moved = await claim(connection, stage, perBatch);
  return queued / ((performance.now() - startedAtMs) / 1_000);
}

async function claim(connection: pg.Client, { poolId }: Stage, perBatch: number): Promise<number> {
  const { rowCount } = await connection.query({
    name: 'bench-plain-claim',
    text: `
      with claimed as (
        update session set state = 'open', attempt_id = gen_random_uuid()
        where id in (
          select id from session where pool_id = $1 and class = 'campaign' and coalesce(project, '') = '' and state = 'queued' and ready
          order by score desc, seq limit $2 for update skip locked)
        returning id, class, direction, number, attempt_id)
      insert into attempt (id, pool_id, session_id, class, direction, project, subscription, number, state, admitted_at)
      select attempt_id, $1, id, class, direction, 'north', 'main', number, 'admitted', clock_timestamp() from claimed`,
    values: [poolId, perBatch],
  });
  return rowCount ?? 0;
}
