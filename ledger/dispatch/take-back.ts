import { longestCall } from '../attempts/longest-call.ts';
import type { Sql } from '../database.ts';
import type { PoolId } from '../policy.ts';

const takingBack = (attempts: string) => `
      with overdue as materialized (
        select id, session_id from ${attempts}
        where pool_id = $1 and released_at is null and state = 'admitted'
          and (send_by < clock_timestamp() or (direction = 'Outbound' and ($2 or class = any($3::text[]))))
        limit 200),
      late as (
        select s.id as session_id, a.id as attempt_id, a.direction
        from overdue o join session s on s.id = o.session_id join attempt a on a.id = o.id
        where s.state = 'open' and a.state = 'admitted' for update of s, a skip locked),
      requeued as (
        update session s set state = 'queued', attempt_id = null, ready = true
        from late where s.id = late.session_id and late.direction = 'Outbound'),
      back as (
        update attempt a set state = 'ended', outcome = 'Unsent', ended_at = clock_timestamp(), released_at = clock_timestamp()
        from late where a.id = late.attempt_id and late.direction = 'Outbound'
        returning a.id),
      lapsed as (
        update attempt a set state = 'bound', refusal = 'NotAnswered', bound_at = clock_timestamp(),
          bound_until = clock_timestamp() + ${longestCall}, last_seen_at = clock_timestamp()
        from late where a.id = late.attempt_id and late.direction = 'Inbound'
        returning a.id),
      changed as (select id from back union all select id from lapsed),
      told as (insert into signal (pool_id, kind, attempt_id) select $1, 'taken-back', id from changed)
      select id from changed`;

/** Goes through every open attempt of the pool. */
const takeBackStatement = takingBack('attempt');

/** Looks at these attempts only, found by id before anything else is asked: the index of open attempts may hold thousands. */
export const takeBackOfStatement = takingBack('(select * from attempt where id = any($4::uuid[]) offset 0) named');

/**
 * Takes back admissions that were not sent in time, or whose class is held now: the session waits again where it stood, and the slot is free. Only from `admitted`, by the same
 * compare-and-set that the owner uses to send, so one of the two wins; what is `sending` is never taken back.
 *
 * An inbound call keeps its line: its attempt goes back to `pending` only if its worker still holds the request, which it does not when it let the
 * admission lapse; so it is left to its end as refused. The changed attempts come back as signals; their ids are returned.
 *
 * `among`: the attempts that it may concern; `all` goes through every open one.
 */
export async function takeBack(
  connection: Sql,
  poolId: PoolId,
  held: { readonly pool: boolean; readonly classes: readonly string[] },
  among: 'all' | readonly string[],
): Promise<readonly string[]> {
  const statement = among === 'all' ? { name: 'take-back', text: takeBackStatement } : { name: 'take-back-of', text: takeBackOfStatement };
  const values = [poolId, held.pool, held.classes, ...(among === 'all' ? [] : [among])];
  const { rows } = await connection.query<{ id: string }>({ ...statement, values });
  return rows.map((row) => row.id);
}
