import type { AttemptOutcome } from '../../capacity/outcomes.ts';
import type { AfterAttempt } from '../../capacity/retry/next.ts';
import type { Sql } from '../database.ts';
import { unflushedUnless } from '../flush.ts';
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
const waits = '(i.requeue and s.cancelled_at is null)';

/** SQL: the ends that one statement writes. */
const input = `select * from jsonb_to_recordset($2::jsonb) as x("attemptId" uuid, "lineTaken" boolean, outcome text, "endedReason" text, "callId" text,
    requeue boolean, "delayMs" float8, consumed boolean, "sessionOutcome" text, "sessionReason" text, limits jsonb, "withResults" boolean,
    "resultDelayMs" float8)`;

/**
 * `is true` keeps PostgreSQL from looking through the index of all open sessions instead of the few that are asked for; a test looks at the plan.
 */
export const endAttemptsStatement = `
  with ${unflushedUnless('$4::boolean')},
  input as (${input}),
  target as (select id, session_id from attempt where pool_id = $1 and id = any(array(select "attemptId" from input))),
  locked as (
    select s.id, s.attempt_id from session s
    where s.id = any(array(select session_id from target)) and (s.state = 'open') is true and s.attempt_id = any(array(select id from target))
    order by s.id for update),
  open as (
    select a.id from attempt a
    where a.id = any(array(select id from target where session_id is null or id in (select attempt_id from locked)))
      and a.state in ('pending', 'admitted', 'sending', 'bound')
      -- What is told of another call that carries its name says nothing about its own.
      and not exists (select from input i where i."attemptId" = a.id and i."callId" <> a.call_id)
    order by a.id for update),
  ended as (
    update attempt a set state = case when i."lineTaken" then 'cooling' else 'ended' end, outcome = i.outcome, ended_reason = i."endedReason",
      ended_at = clock_timestamp(),
      call_id = coalesce(a.call_id,
        case when not exists (select from attempt o where o.pool_id = $1 and o.call_id = i."callId") then i."callId" end),
      released_at = case when i."lineTaken" then null else clock_timestamp() end,
      sending_at = case when i.outcome = 'Unsent' then null else a.sending_at end
    from input i
    where a.id = i."attemptId" and a.id = any(array(select id from open))
    returning a.id, i.outcome, i."endedReason" as reason, i.limits),
  changed as (
    update session s set
      state = case when ${waits} then 'queued' else 'ended' end, attempt_id = null,
      ready = ${waits} and i."delayMs" <= 0,
      not_before = case when ${waits} and i."delayMs" > 0 then clock_timestamp() + i."delayMs" * interval '1 ms' else s.not_before end,
      ready_at = case when ${waits} and i.consumed then clock_timestamp() else s.ready_at end,
      attempts = s.attempts + case when i.consumed then 1 else 0 end, refusals = s.refusals + case when i.consumed or not i.requeue then 0 else 1 end,
      outcome = case when ${waits} then null when i.requeue then 'Cancelled' else i."sessionOutcome" end,
      outcome_reason = case when ${waits} then s.outcome_reason when i.requeue then 'Requested' else i."sessionReason" end,
      ended_at = case when ${waits} then null else clock_timestamp() end
    from locked join ended on ended.id = locked.attempt_id join input i on i."attemptId" = ended.id
    where s.id = locked.id returning s.id, s.state, i."withResults", i."resultDelayMs"),
  told as (
    insert into outbox (pool_id, session_id, next_at) select $1, id, clock_timestamp() + "resultDelayMs" * interval '1 ms' from changed
    where state = 'ended' and "withResults" on conflict do nothing),
  signalled as (
    insert into signal (pool_id, kind, attempt_id, data)
    select $1, 'ended', id,
      jsonb_build_object('outcome', outcome, 'reason', reason, 'limits', limits, 'observedAtMs', extract(epoch from clock_timestamp()) * 1000)
    from ended),
  woken as (select pg_notify($3, '') where $3::text is not null and exists (select from ended))
  select array(select id from ended) as ended, (select count(*) from woken) as woken
  from unflushed`;

/**
 * Ends attempts, each once: of all who hear of an end (webhooks, lists, look-ups), the first wins and the others change nothing. Many are written with
 * one commit; no attempt may be told of twice. Sessions are locked before attempts, as everywhere, and each in order of their ids. Returns the attempts that
 * this call ended; if there are any, `channel` is notified with the commit.
 *
 * The end of a call does not wait for the disk: whatever is done because of it is written after it, and one that a crash takes back is heard of again, from
 * the inbox or the provider's lists. That no call was made is heard once, and waits.
 */
export async function endAttempts(
  sql: Sql,
  poolId: PoolId,
  ends: readonly AttemptEnd[],
  channel: string | null = null,
): Promise<ReadonlySet<string>> {
  const { rows } = await sql.query<{ ended: readonly string[] }>({
    name: 'end-attempts',
    text: endAttemptsStatement,
    values: [poolId, JSON.stringify(ends.map(rowOf)), channel, ends.some(({ line }) => line === 'never-taken')],
  });
  return new Set(rows[0]?.ended);
}

function rowOf(end: AttemptEnd) {
  const { attemptId, outcome, endedReason, callId, session, limits, withResults, resultDelayMs } = end;
  return {
    ...{ attemptId, outcome, endedReason, callId, limits, withResults, resultDelayMs },
    lineTaken: end.line === 'taken',
    requeue: session?.next === 'queue',
    delayMs: session?.next === 'queue' ? session.delayMs : 0,
    consumed: session === undefined ? false : session.next === 'end' ? true : session.consumed,
    sessionOutcome: session?.next === 'end' ? session.outcome : null,
    sessionReason: session?.next === 'end' ? session.reason : null,
  };
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
  readonly callId: string | null;
  readonly attempts: number;
  readonly refusals: number;
  readonly expiresInMs: number | undefined;
};

type EndingRow = {
  readonly id: string;
  readonly session_id: string | null;
  readonly class: string | null;
  readonly direction: 'Inbound' | 'Outbound';
  readonly project: string;
  readonly state: string;
  readonly refusal: string | null;
  readonly outcome: string | null;
  readonly call_id: string | null;
  readonly attempts: number | null;
  readonly refusals: number | null;
  readonly expires_ms: number | null;
};

const endingColumns = `a.id, a.session_id, a.class, a.direction, a.project, a.state, a.refusal, a.outcome, a.call_id, s.attempts, s.refusals,
  (extract(epoch from s.expires_at - clock_timestamp()) * 1000)::float8 as expires_ms`;

function endingOf(row: EndingRow): EndingAttempt {
  return {
    attemptId: row.id,
    sessionId: row.session_id,
    class: row.class,
    direction: row.direction,
    project: row.project,
    state: row.state,
    refusal: row.refusal,
    outcome: row.outcome,
    callId: row.call_id,
    attempts: row.attempts ?? 0,
    refusals: row.refusals ?? 0,
    expiresInMs: row.expires_ms ?? undefined,
  };
}

/** Finds attempts by their ids. */
export async function findAttempts(sql: Sql, poolId: PoolId, attemptIds: readonly string[]): Promise<ReadonlyMap<string, EndingAttempt>> {
  const { rows } = await sql.query<EndingRow>({
    name: 'find-attempts',
    text: `
      select ${endingColumns} from attempt a left join session s on s.id = a.session_id
      where a.pool_id = $1 and a.id = any($2::uuid[])`,
    values: [poolId, attemptIds],
  });
  return new Map(rows.map((row) => [row.id, endingOf(row)]));
}

/** What the ledger has of a call: what stands under the provider's id, and the attempt whose name the call carries. May be one and the same. */
export async function findHolders(
  sql: Sql,
  poolId: PoolId,
  call: { readonly callId: string; readonly attemptId: string | undefined },
): Promise<{ readonly entry: EndingAttempt | undefined; readonly named: EndingAttempt | undefined }> {
  const { rows } = await sql.query<EndingRow>({
    name: 'find-holders',
    text: `
      select ${endingColumns} from attempt a left join session s on s.id = a.session_id
      where a.pool_id = $1 and (a.call_id = $2 or a.id = $3::uuid)`,
    values: [poolId, call.callId, call.attemptId ?? null],
  });
  const holders = rows.map(endingOf);
  return {
    entry: holders.find(({ callId }) => callId === call.callId),
    named: holders.find(({ attemptId }) => attemptId === call.attemptId),
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
