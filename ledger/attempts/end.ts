import type { AttemptOutcome } from '../../capacity/outcomes.ts';
import type { AfterAttempt } from '../../capacity/retry/next.ts';
import type { Sql } from '../database.ts';
import type { PoolId } from '../policy.ts';

export type AttemptEnd = {
  readonly attemptId: string;
  readonly outcome: AttemptOutcome;
  readonly endedReason: string | undefined;
  /** The provider's name of the call; its end may be the first that is heard of it. */
  readonly callId?: string | undefined;
  /** Whether a line was taken at the provider. If so the slot cools; if not (nothing was created) it is free at once. */
  readonly line: 'taken' | 'never-taken';
  /** What follows for the session; undefined for a call that has none. */
  readonly session: AfterAttempt | undefined;
  readonly limits: { readonly limit: number; readonly remaining: number; readonly blocked: boolean } | undefined;
  readonly withResults: boolean;
  /** How long delivery waits for the provider's report, which comes after the end. */
  readonly resultDelayMs: number;
};

/** SQL: the session waits again; not one that was cancelled while it was on the phone. */
const waits = '($6 and s.cancelled_at is null)';

/**
 * Ends an attempt, once: of all who hear of it (webhooks, lists, look-ups), the first wins and the others change nothing. The session's row is locked
 * before the attempt's, as everywhere. Returns whether this call was the one; if so, `channel` is notified with the commit.
 */
export async function endAttempt(sql: Sql, poolId: PoolId, end: AttemptEnd, channel: string | null = null): Promise<boolean> {
  const session = end.session;
  const { rows } = await sql.query<{ ended: number }>({
    name: 'end-attempt',
    text: `
      with target as (select id, session_id from attempt where id = $2 and pool_id = $1),
      locked as (
        select s.id from session s join target t on t.session_id = s.id where s.state = 'open' and s.attempt_id = $2 for update of s),
      ended as (
        update attempt a set state = case when $3 then 'cooling' else 'ended' end, outcome = $4, ended_reason = $5, ended_at = clock_timestamp(), 
          call_id = coalesce(a.call_id, case when not exists (select from attempt o where o.pool_id = $1 and o.call_id = $15) then $15 end),
          released_at = case when $3 then null else clock_timestamp() end,
          sending_at = case when $4 = 'Unsent' then null else a.sending_at end
        from target t
        where a.id = t.id and a.state in ('pending', 'admitted', 'sending', 'bound')
          and (t.session_id is null or exists (select from locked))
        returning a.id),
      changed as (
        update session s set
          state = case when ${waits} then 'queued' else 'ended' end, attempt_id = null,
          ready = ${waits} and $7::float8 <= 0, not_before = case when ${waits} and $7 > 0 then clock_timestamp() + $7 * interval '1 ms' else s.not_before end,
          ready_at = case when ${waits} and $8 then clock_timestamp() else s.ready_at end,
          attempts = s.attempts + case when $8 then 1 else 0 end, refusals = s.refusals + case when $8 or not $6 then 0 else 1 end,
          outcome = case when ${waits} then null when $6 then 'Cancelled' else $9 end,
          outcome_reason = case when ${waits} then s.outcome_reason when $6 then 'Requested' else $10 end,
          ended_at = case when ${waits} then null else clock_timestamp() end
        from locked, ended where s.id = locked.id returning s.id, s.state),
      told as (
        insert into outbox (pool_id, session_id, next_at) select $1, id, clock_timestamp() + $13 * interval '1 ms' from changed
        where state = 'ended' and $12 on conflict do nothing),
      signalled as (
        insert into signal (pool_id, kind, attempt_id, data)
        select $1, 'ended', id, jsonb_build_object('outcome', $4::text, 'reason', $5::text, 'limits', $11::jsonb, 'observedAtMs', extract(epoch from clock_timestamp()) * 1000)
        from ended),
      woken as (select pg_notify($14, '') from ended where $14::text is not null)
      select (select count(*) from ended)::int as ended, (select count(*) from woken) as woken`,
    values: [
      poolId,
      end.attemptId,
      end.line === 'taken',
      end.outcome,
      end.endedReason ?? null,
      session?.next === 'queue',
      session?.next === 'queue' ? session.delayMs : 0,
      session === undefined ? false : session.next === 'end' ? true : session.consumed,
      session?.next === 'end' ? session.outcome : null,
      session?.next === 'end' ? session.reason : null,
      end.limits === undefined ? null : JSON.stringify(end.limits),
      end.withResults,
      end.resultDelayMs,
      channel,
      end.callId ?? null,
    ],
  });
  return rows[0]?.ended === 1;
}

/** What deciding about an ended attempt needs to know. */
export type EndingAttempt = {
  readonly attemptId: string;
  readonly sessionId: string | null;
  readonly class: string | null;
  readonly direction: 'Inbound' | 'Outbound';
  readonly project: string;
  readonly state: string;
  readonly refusal: string | null;
  readonly outcome: string | null;
  readonly attempts: number;
  readonly refusals: number;
  readonly expiresInMs: number | undefined;
};

/** Finds an attempt by the provider's call id or else by the name that we gave the call. */
export async function findAttempt(
  sql: Sql,
  poolId: PoolId,
  by: { readonly callId: string; readonly attemptId: string | undefined },
): Promise<EndingAttempt | undefined> {
  const { rows } = await sql.query<{
    id: string;
    session_id: string | null;
    class: string | null;
    direction: 'Inbound' | 'Outbound';
    project: string;
    state: string;
    refusal: string | null;
    outcome: string | null;
    attempts: number | null;
    refusals: number | null;
    expires_ms: number | null;
  }>({
    name: 'find-attempt',
    text: `
      select a.id, a.session_id, a.class, a.direction, a.project, a.state, a.refusal, a.outcome, s.attempts, s.refusals,
        (extract(epoch from s.expires_at - clock_timestamp()) * 1000)::float8 as expires_ms
      from attempt a left join session s on s.id = a.session_id
      where a.pool_id = $1 and (a.call_id = $2 or a.id = $3::uuid) order by (a.call_id = $2) is true desc limit 1`,
    values: [poolId, by.callId, by.attemptId ?? null],
  });
  const row = rows[0];
  if (row === undefined) return undefined;
  return {
    attemptId: row.id,
    sessionId: row.session_id,
    class: row.class,
    direction: row.direction,
    project: row.project,
    state: row.state,
    refusal: row.refusal,
    outcome: row.outcome,
    attempts: row.attempts ?? 0,
    refusals: row.refusals ?? 0,
    expiresInMs: row.expires_ms ?? undefined,
  };
}

/** Adds what only the provider's report knows, and lets the delivery of the result go. */
export async function noteReport(sql: Sql, poolId: PoolId, report: { attemptId: string; costUsd: number | undefined }): Promise<void> {
  await sql.query({
    name: 'note-report',
    text: `
      with noted as (update attempt set cost_usd = coalesce($3::numeric, cost_usd) where id = $2 and pool_id = $1 returning session_id)
      update outbox o set next_at = clock_timestamp() from noted
      where o.session_id = noted.session_id and o.delivered_at is null and o.tries = 0`,
    values: [poolId, report.attemptId, report.costUsd ?? null],
  });
}
