import type { Sql } from './database.ts';
import type { PoolId } from './policy.ts';

const bite = 1_000;

/** What is kept for how long. */
export type Retention = { readonly sessionsMs: number; readonly phoneNumbersMs: number };

/**
 * Forgets what need not be kept, in bounded bites: numbers, names and context first, whole sessions later. Dials of the last 24 hours keep their
 * number, because nobody may be dialled too often a day. Returns whether there is more to do.
 */
export async function forgetOld(sql: Sql, poolId: PoolId, retention: Retention): Promise<boolean> {
  const anonymised = await sql.query(
    `with old as (
       select id from session where pool_id = $1 and state = 'ended' and ended_at < clock_timestamp() - greatest($2::float8, 86400000) * interval '1 ms'
         and (number is not null or name is not null or context is not null) order by ended_at limit ${bite} for update skip locked),
     attempts as (update attempt set number = null from old where attempt.session_id = old.id)
     update session s set number = null, name = null, context = null from old where s.id = old.id`,
    [poolId, retention.phoneNumbersMs],
  );
  const removed = await sql.query(
    `with old as (
       select id from session where pool_id = $1 and state = 'ended' and ended_at < clock_timestamp() - greatest($2::float8, 86400000) * interval '1 ms'
       order by ended_at limit ${bite} for update skip locked),
     attempts as (delete from attempt using old where attempt.session_id = old.id),
     results as (delete from outbox using old where outbox.session_id = old.id)
     delete from session s using old where s.id = old.id`,
    [poolId, retention.sessionsMs],
  );
  const events = await sql.query(
    `delete from inbox where id = any(array(
       select id from inbox where pool_id = $1 and processed_at < clock_timestamp() - interval '1 day' order by processed_at limit ${bite}))`,
    [poolId],
  );
  const foreign = await sql.query(
    `delete from attempt where id = any(array(
       select id from attempt where pool_id = $1 and session_id is null and released_at < clock_timestamp() - interval '1 day'
       order by released_at limit ${bite}))`,
    [poolId],
  );
  // An attempt whose worker is not found would not be seen as given up by a dead one; open ones are few, and each is looked at once.
  const workers = await sql.query(
    `delete from worker where id = any(array(
       select w.id from worker w
       where w.pool_id = $1 and w.state = 'gone' and w.beat_at < clock_timestamp() - greatest($2::float8, 86400000) * interval '1 ms'
         and not exists (select from attempt a where a.pool_id = $1 and a.released_at is null and a.owner = w.id)
       order by w.id limit ${bite}))`,
    [poolId, retention.sessionsMs],
  );
  const failing = await sql.query(
    `delete from failing_call where pool_id = $1 and call_id = any(array(
       select call_id from failing_call where pool_id = $1 and last_at < clock_timestamp() - greatest($2::float8, 86400000) * interval '1 ms'
       order by call_id limit ${bite}))`,
    [poolId, retention.sessionsMs],
  );
  // Of workers that ended without a word; the others forget their own. No call lasts as long.
  const homes = await sql.query(
    `delete from call_home where pool_id = $1 and call_id = any(array(
       select call_id from call_home where pool_id = $1 and claimed_at < clock_timestamp() - interval '1 day' limit ${bite}))`,
    [poolId],
  );
  return [anonymised, removed, events, foreign, workers, failing, homes].some((result) => (result.rowCount ?? 0) >= bite);
}
