import type pg from 'pg';
import { beginSending } from '../ledger/attempts/begin-sending.ts';
import type { AttemptEnd } from '../ledger/attempts/end.ts';
import type { Sql } from '../ledger/database.ts';
import type { PoolId } from '../ledger/policy.ts';
import { dispatcherChannel } from '../ledger/wake.ts';
import type { Ground, Stage } from './stage.ts';

/**
 * Stands in for the worker and the provider: takes what is admitted, and lets every call end at once. What the worker does for one call is done here
 * for many with one statement, so that the ledger's work is the dispatcher's as far as possible; the rows that change are the same.
 */
export async function sendAndEnd(connection: pg.Client, stage: Stage, ids: readonly string[]): Promise<number> {
  const sent = await beginSending(connection, stage.poolId, stage.owner, ids);
  const { rowCount } = await connection.query({
    name: 'bench-bind-and-end',
    text: bindAndEnd,
    values: [stage.poolId, sent.map(({ attemptId }) => attemptId), dispatcherChannel(stage.poolId)],
  });
  return rowCount ?? 0;
}

/** `bindAttempt` and `endAttempts` of ledger/attempts/ in one, for many: the attempt cools, its session is over, the dispatcher is told. */
const bindAndEnd = `
  with locked as (
    select s.id from session s where s.state = 'open' and s.attempt_id = any($2::uuid[]) and s.id in (select session_id from attempt where id = any($2::uuid[]))
    order by s.id for update),
  ended as (
    update attempt a set state = 'cooling', call_id = 'call-' || a.id, bound_at = clock_timestamp(), bound_until = clock_timestamp() + interval '5 min',
      last_seen_at = clock_timestamp(), outcome = 'Normal', ended_reason = 'customer-ended-call', ended_at = clock_timestamp()
    where a.id = any($2::uuid[]) and a.state = 'sending' and a.session_id in (select id from locked)
    returning a.id, a.session_id),
  changed as (
    update session s set state = 'ended', attempt_id = null, ready = false, attempts = s.attempts + 1, outcome = 'Completed', outcome_reason = 'Normal',
      ended_at = clock_timestamp()
    from ended where s.id = ended.session_id),
  told as (
    insert into signal (pool_id, kind, attempt_id, data)
    select $1, 'ended', id, jsonb_build_object('outcome', 'Normal', 'limits', null, 'observedAtMs', extract(epoch from clock_timestamp()) * 1000) from ended),
  woken as (select pg_notify($3, ''))
  select ended.id from ended, woken`;

/** What has been admitted is over, as if it had been sent and talked through: nobody is told, because the bench itself releases it. */
export async function endAdmitted(sql: Sql, poolId: PoolId, ids: readonly string[]): Promise<void> {
  await sql.query({
    name: 'bench-end-admitted',
    text: `
      with over as (
        update attempt set state = 'cooling', sending_at = clock_timestamp(), call_id = 'call-' || id, bound_at = clock_timestamp(),
          outcome = 'Normal', ended_at = clock_timestamp()
        where pool_id = $1 and id = any($2::uuid[]) and state = 'admitted' returning session_id)
      update session s set state = 'ended', attempt_id = null, ready = false, attempts = 1, outcome = 'Completed', outcome_reason = 'Normal',
        ended_at = clock_timestamp()
      from over where s.id = over.session_id`,
    values: [poolId, ids],
  });
}

/** Nothing is going on any more: every open attempt is over and released, and what was still to be told is forgotten. */
export async function clearLines(sql: Sql, poolId: PoolId): Promise<void> {
  await sql.query(
    `with over as (
       update attempt set state = 'ended', outcome = 'Normal', ended_at = clock_timestamp(), released_at = clock_timestamp()
       where pool_id = $1 and released_at is null returning session_id)
     update session s set state = 'ended', attempt_id = null, ready = false, attempts = 1, outcome = 'Completed', outcome_reason = 'Normal',
       ended_at = clock_timestamp()
     from over where s.id = over.session_id`,
    [poolId],
  );
  await sql.query('delete from signal where pool_id = $1', [poolId]);
}

/** Calls that live at the provider already, in the pool's first subscription, to numbers that no other session has. */
export async function insertLive({ database, poolId }: Ground, count: number): Promise<void> {
  if (count === 0) return;
  await database.query(
    `with place as (
       select row_number() over () - 1 as n, s ->> 'name' as subscription, p ->> 'name' as project
       from (select spec from policy where pool_id = $1 order by version desc limit 1) newest,
         jsonb_array_elements(jsonb_path_query_array(spec, '$.subscriptions[0]')) s, jsonb_array_elements(s -> 'projects') p),
     made as (
       insert into session (id, pool_id, class, direction, state, number, ready, attempt_id)
       select uuidv7(), $1, 'campaign', 'Outbound', 'open', '+1213' || lpad(n::text, 7, '0'), false, gen_random_uuid()
       from generate_series(1, $2::int) n returning id, attempt_id, number, seq)
     insert into attempt (id, pool_id, session_id, class, direction, project, subscription, number, state, epoch, seq, admitted_at, sending_at, bound_at,
       bound_until, last_seen_at, call_id)
     select attempt_id, $1, id, 'campaign', 'Outbound', place.project, place.subscription, number, 'bound', 0, 0, t.now, t.now, t.now,
       t.now + interval '1 h', t.now, 'call-' || attempt_id
     from made join place on place.n = made.seq % (select count(*) from place) cross join (select clock_timestamp() as now) t`,
    [poolId, count],
  );
}

/** A call that went well, as its end is told to `endAttempts`. */
export const over = (attemptId: string): AttemptEnd => ({
  attemptId,
  outcome: 'Normal',
  endedReason: 'customer-ended-call',
  line: 'taken',
  session: { next: 'end', outcome: 'Completed', reason: 'Normal' },
  limits: undefined,
  withResults: false,
  resultDelayMs: 0,
});
