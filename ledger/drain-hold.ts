import type { Sql } from './database.ts';
import type { PoolId } from './policy.ts';

/**
 * The hold that a supervisor puts on the whole pool while it finishes: nothing new is dialled, what waits stays queued. It lasts seconds and is
 * prolonged, so that a supervisor that dies meanwhile leaves no pool behind that does not start again. A hold that a person has set is left as it is.
 */
export type DrainHold = { readonly since: string };

/** Undefined when somebody holds the pool already. */
export async function beginDrainHold(sql: Sql, poolId: PoolId, forMs: number): Promise<DrainHold | undefined> {
  const { rows } = await sql.query<DrainHold>(
    `with held as (
       insert into overlay (pool_id, class, kind, until) values ($1, '', 'hold', clock_timestamp() + $2 * interval '1 ms')
       on conflict (pool_id, class, kind) do update set until = excluded.until, created_at = clock_timestamp()
         where overlay.until <= clock_timestamp()
       returning created_at),
     told as (insert into signal (pool_id, kind) select $1, 'overlay' from held)
     select created_at::text as since from held`,
    [poolId, forMs],
  );
  return rows[0];
}

/** Keeps the hold for longer, unless a person has put their own in its place. */
export async function prolongDrainHold(sql: Sql, poolId: PoolId, hold: DrainHold, forMs: number): Promise<void> {
  await sql.query(
    `update overlay set until = clock_timestamp() + $3 * interval '1 ms'
     where pool_id = $1 and class = '' and kind = 'hold' and created_at = $2::timestamptz`,
    [poolId, hold.since, forMs],
  );
}

/** Takes that hold off again, unless a person has put their own in its place. */
export async function endDrainHold(sql: Sql, poolId: PoolId, hold: DrainHold): Promise<void> {
  await sql.query(
    `with lifted as (
       delete from overlay where pool_id = $1 and class = '' and kind = 'hold' and created_at = $2::timestamptz returning pool_id)
     insert into signal (pool_id, kind) select pool_id, 'overlay' from lifted`,
    [poolId, hold.since],
  );
}
