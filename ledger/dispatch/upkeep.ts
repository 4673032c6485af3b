import type { Sql } from '../database.ts';
import type { PoolId } from '../policy.ts';

/**
 * Regular work on the queue, in bounded bites. Each returns how many rows it moved. What is due is compared with the statement's instant: an index can be
 * asked for that, while `clock_timestamp()` would be asked of every session that waits.
 */

export const bite = 1_000;

export const promoteDueStatement = `
  with due as (
    select id from session where pool_id = $1 and state = 'queued' and not ready and not_before <= statement_timestamp()
    order by not_before limit ${bite} for update skip locked)
  update session s set ready = true, ready_at = greatest(s.not_before, s.created_at) from due where s.id = due.id`;

/** Makes ready what has waited for its time. */
export async function promoteDue(sql: Sql, poolId: PoolId): Promise<number> {
  const { rowCount } = await sql.query({ name: 'promote-due', text: promoteDueStatement, values: [poolId] });
  return rowCount ?? 0;
}

/** Milliseconds until the next session becomes ready, or undefined when none waits for its time. */
export async function untilNextDue(sql: Sql, poolId: PoolId): Promise<number | undefined> {
  const { rows } = await sql.query<{ ms: number | null }>({
    name: 'until-next-due',
    text: `select (extract(epoch from min(not_before) - clock_timestamp()) * 1000)::float8 as ms from session
           where pool_id = $1 and state = 'queued' and not ready`,
    values: [poolId],
  });
  return rows[0]?.ms ?? undefined;
}

/** Puts sessions aside that cannot be dialled before an instant: their number is busy, or was dialled often enough today. */
export async function parkSessions(
  sql: Sql,
  poolId: PoolId,
  parked: readonly { readonly id: string; readonly forMs: number }[],
): Promise<void> {
  await sql.query(
    `with parked as (select * from jsonb_to_recordset($2::jsonb) as x(id uuid, "forMs" float8)),
     free as (select id from session where pool_id = $1 and id in (select id from parked) and state = 'queued' order by id for update skip locked)
     update session s set ready = false, not_before = clock_timestamp() + p."forMs" * interval '1 ms'
     from parked p where s.id = p.id and s.id in (select id from free)`,
    [poolId, JSON.stringify(parked)],
  );
}

/** Ends what has waited beyond its `expiresAt`. */
export async function expireSessions(sql: Sql, poolId: PoolId, withResults: boolean): Promise<number> {
  return endQueued(sql, poolId, withResults, 'Expired', 'ExpiresAt', 'expires_at <= statement_timestamp()', []);
}

/** Ends queued sessions of classes that the policy no longer has. */
export async function cancelRemovedClasses(sql: Sql, poolId: PoolId, withResults: boolean, classes: readonly string[]): Promise<number> {
  return endQueued(sql, poolId, withResults, 'Cancelled', 'ClassRemoved', 'class <> all($4::text[])', [classes]);
}

async function endQueued(
  sql: Sql,
  poolId: PoolId,
  withResults: boolean,
  outcome: 'Expired' | 'Cancelled',
  reason: string,
  condition: string,
  values: readonly unknown[],
): Promise<number> {
  const { rowCount } = await sql.query(
    `with due as (
       select id from session where pool_id = $1 and state = 'queued' and ${condition} limit ${bite} for update skip locked),
     ended as (
       update session s set state = 'ended', ready = false, outcome = '${outcome}', outcome_reason = $2, ended_at = clock_timestamp()
       from due where s.id = due.id returning s.id)
     , told as (insert into outbox (pool_id, session_id) select $1, id from ended where $3 on conflict do nothing)
     select id from ended`,
    [poolId, reason, withResults, ...values],
  );
  return rowCount ?? 0;
}

/** How many sessions wait, by class; folds the deltas that writers appended into one row each, so there are as many rows then as there are classes here. */
export async function foldQueueDepth(sql: Sql, poolId: PoolId): Promise<ReadonlyMap<string, number>> {
  const { rows } = await sql.query<{ class: string; depth: string }>({
    name: 'fold-queue-depth',
    text: `
      with taken as (
        delete from queue_depth where ctid = any(array(select ctid from queue_depth where pool_id = $1 limit 10000)) returning class, delta),
      folded as (
        insert into queue_depth (pool_id, class, delta) select $1, class, sum(delta) from taken group by class having sum(delta) <> 0
        returning class, delta)
      select class, sum(delta)::bigint as depth from folded group by class`,
    values: [poolId],
  });
  return new Map(rows.map((row) => [row.class, Number(row.depth)]));
}
