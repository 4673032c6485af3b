import type pg from 'pg';
import { beginSending } from '../ledger/attempts/begin-sending.ts';
import { dispatcherChannel } from '../ledger/wake.ts';
import type { Stage } from './stage.ts';

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

/** `bindAttempt` and `endAttempt` of ledger/attempts/ in one, for many: the attempt cools, its session is over, the dispatcher is told. */
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
