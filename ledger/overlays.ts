import type { ClassName } from '../crds/values.ts';
import type { Sql } from './database.ts';
import type { PoolId } from './policy.ts';

/**
 * What people ask for beside the declared policy: a hold of the pool or of one class, for a while or until it is lifted. The dispatcher hears of it
 * by a signal written in the same statement; `holds.ts` is what it reads then.
 */

/** Holds the pool (`className` undefined) or a class; a hold that is there already gets the new end. */
export async function setHold(sql: Sql, poolId: PoolId, className: ClassName | undefined, until: Date | undefined): Promise<void> {
  await sql.query(
    `with held as (
       insert into overlay (pool_id, class, kind, until) values ($1, $2, 'hold', $3)
       on conflict (pool_id, class, kind) do update set until = excluded.until, created_at = clock_timestamp()
       returning pool_id)
     insert into signal (pool_id, kind) select pool_id, 'overlay' from held`,
    [poolId, className ?? '', until?.toISOString() ?? null],
  );
}

/** Lifts a hold; false when there was none. Lifting the pool's leaves those of classes. */
export async function liftHold(sql: Sql, poolId: PoolId, className: ClassName | undefined): Promise<boolean> {
  const { rowCount } = await sql.query(
    `with lifted as (
       delete from overlay where pool_id = $1 and class = $2 and kind = 'hold'
       returning pool_id, until is null or until > clock_timestamp() as held)
     insert into signal (pool_id, kind) select pool_id, 'overlay' from lifted where held`,
    [poolId, className ?? ''],
  );
  return (rowCount ?? 0) > 0;
}

/**
 * Holds a class while its queue is being cancelled, so that nothing is admitted meanwhile. It ends by itself, should its maker die. Undefined when
 * somebody holds the class already; that hold stays as it is.
 */
export async function beginPassingHold(sql: Sql, poolId: PoolId, className: ClassName, forMs: number): Promise<PassingHold | undefined> {
  const { rows } = await sql.query<{ since: string }>(
    `with held as (
       insert into overlay (pool_id, class, kind, until) values ($1, $2, 'hold', clock_timestamp() + $3 * interval '1 ms')
       on conflict (pool_id, class, kind) do update set until = excluded.until, created_at = clock_timestamp()
         where overlay.until <= clock_timestamp()
       returning created_at),
     told as (insert into signal (pool_id, kind) select $1, 'overlay' from held)
     select created_at::text as since from held`,
    [poolId, className, forMs],
  );
  const since = rows[0]?.since;
  return since === undefined ? undefined : { class: className, since };
}

export type PassingHold = { readonly class: ClassName; readonly since: string };

/** Keeps a passing hold for longer, unless a person has put their own in its place. */
export async function prolongPassingHold(sql: Sql, poolId: PoolId, hold: PassingHold, forMs: number): Promise<void> {
  await sql.query(
    `update overlay set until = clock_timestamp() + $4 * interval '1 ms'
     where pool_id = $1 and class = $2 and kind = 'hold' and created_at = $3::timestamptz`,
    [poolId, hold.class, hold.since, forMs],
  );
}

/** Takes a passing hold off, unless a person has put their own in its place. */
export async function endPassingHold(sql: Sql, poolId: PoolId, hold: PassingHold): Promise<void> {
  await sql.query(
    `with lifted as (
       delete from overlay where pool_id = $1 and class = $2 and kind = 'hold' and created_at = $3::timestamptz returning pool_id)
     insert into signal (pool_id, kind) select pool_id, 'overlay' from lifted`,
    [poolId, hold.class, hold.since],
  );
}
