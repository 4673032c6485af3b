import type { ClassName, ProjectName, SubscriptionName } from '../../crds/values.ts';
import type { Sql } from '../database.ts';
import type { PoolId } from '../policy.ts';
import type { WorkerId } from '../workers.ts';
import { longestCall } from './longest-call.ts';

/** An inbound call that the provider asks us about. It holds a line from now on, whatever we answer. */
export type Arrival = {
  readonly sessionId: string;
  readonly attemptId: string;
  readonly class: ClassName;
  readonly project: ProjectName;
  readonly subscription: SubscriptionName;
  /** The policy that these names are of. */
  readonly policyVersion: number;
  readonly callId: string;
  readonly callerNumber: string | undefined;
  readonly controlUrl: string | undefined;
  readonly owner: WorkerId;
  /** Longest that this call can hold its line, for the look-up that follows silence. */
  readonly boundForMs: number;
};

/** `known`: the provider asked twice about the same call; the first request goes on. */
export type Arrived = { readonly kind: 'new'; readonly attemptId: string } | { readonly kind: 'known' };

/**
 * Enters the session and its attempt (`pending`, counted at once) and tells the dispatcher. The session is `open` from the start: it holds a line and
 * is in nobody's queue. A webhook or list may have shown the call before the provider asked about it: then its attempt is taken over.
 */
export async function enterArrival(sql: Sql, poolId: PoolId, arrival: Arrival): Promise<Arrived> {
  const { rows } = await sql.query<{ id: string }>({
    name: 'enter-arrival',
    text: `
      with made as (
        insert into attempt as a (id, pool_id, session_id, class, direction, project, subscription, number, state, owner, call_id, control_url,
          bound_until, last_seen_at, policy_version)
        values ($3, $1, $2, $4, 'Inbound', $5, $6, $7, 'pending', $8, $9, $10, clock_timestamp() + $11 * interval '1 ms', clock_timestamp(), $12)
        on conflict (pool_id, call_id) where call_id is not null
        do update set session_id = excluded.session_id, class = excluded.class, number = excluded.number, state = 'pending', owner = excluded.owner,
          refusal = null, bound_until = excluded.bound_until
          where a.session_id is null and a.refusal = 'Foreign' and a.state = 'bound'
        returning id),
      entered as (
        insert into session (id, pool_id, class, direction, state, ready, project, number, attempt_id)
        select $2, $1, $4, 'Inbound', 'open', false, $5, $7, id from made returning id),
      told as (insert into signal (pool_id, kind, attempt_id) select $1, 'arrived', made.id from made, entered)
      select id from made`,
    values: [
      poolId,
      arrival.sessionId,
      arrival.attemptId,
      arrival.class,
      arrival.project,
      arrival.subscription,
      arrival.callerNumber ?? null,
      arrival.owner,
      arrival.callId,
      arrival.controlUrl ?? null,
      arrival.boundForMs,
      arrival.policyVersion,
    ],
  });
  return rows[0] === undefined ? { kind: 'known' } : { kind: 'new', attemptId: rows[0].id };
}

/** What is known of an inbound call that the provider asked about before. */
export type KnownArrival = {
  readonly attemptId: string;
  readonly sessionId: string;
  readonly state: string;
  readonly refusal: string | null;
};

export async function readArrival(sql: Sql, poolId: PoolId, callId: string): Promise<KnownArrival | undefined> {
  const { rows } = await sql.query<{ id: string; session_id: string; state: string; refusal: string | null }>({
    name: 'read-arrival',
    text: 'select id, session_id, state, refusal from attempt where pool_id = $1 and call_id = $2 and session_id is not null',
    values: [poolId, callId],
  });
  const row = rows[0];
  return row === undefined ? undefined : { attemptId: row.id, sessionId: row.session_id, state: row.state, refusal: row.refusal };
}

/** Says yes to an admitted caller, by compare-and-set; false when the admission lapsed or the caller is gone. */
export async function answerArrival(sql: Sql, poolId: PoolId, attemptId: string): Promise<boolean> {
  const { rowCount } = await sql.query({
    name: 'answer-arrival',
    text: `update attempt set state = 'bound', bound_at = clock_timestamp(), last_seen_at = clock_timestamp()
           where id = $2 and pool_id = $1 and state = 'admitted'`,
    values: [poolId, attemptId],
  });
  return rowCount === 1;
}

/**
 * Refuses a waiting caller, by compare-and-set from `pending`: the call keeps its line until the provider says that it ended, but takes no slot of
 * its class. False when the dispatcher admitted it in this very moment (then answer it) or the caller is gone.
 */
export async function refuseArrival(sql: Sql, poolId: PoolId, attemptId: string, refusal: 'Overflowed' | 'Unavailable'): Promise<boolean> {
  const { rows } = await sql.query<{ n: number }>({
    name: 'refuse-arrival',
    text: `
      with refused as (
        update attempt set state = 'bound', refusal = $3, bound_at = clock_timestamp(), last_seen_at = clock_timestamp(),
          bound_until = clock_timestamp() + ${longestCall}
        where id = $2 and pool_id = $1 and state = 'pending' returning id),
      told as (insert into signal (pool_id, kind, attempt_id) select $1, 'refused', id from refused)
      select count(*)::int as n from refused`,
    values: [poolId, attemptId, refusal],
  });
  return rows[0]?.n === 1;
}

/** A call that the provider took without us and that we first see now: it counts against its subscription from first sight to its end. */
export async function enterForeign(
  sql: Sql,
  poolId: PoolId,
  foreign: {
    readonly attemptId: string;
    readonly direction: 'Inbound' | 'Outbound';
    readonly project: ProjectName;
    readonly subscription: SubscriptionName;
    /** The policy that these names are of. */
    readonly policyVersion: number;
    readonly callId: string;
    /** Of a caller: while this call lives, nobody dials the number (I5). */
    readonly callerNumber: string | undefined;
    readonly controlUrl: string | undefined;
    readonly boundForMs: number;
  },
): Promise<boolean> {
  const { rows } = await sql.query<{ n: number }>({
    name: 'enter-foreign',
    text: `
      with made as (
        insert into attempt (id, pool_id, direction, project, subscription, state, refusal, call_id, control_url, bound_at, bound_until, last_seen_at,
          number, policy_version)
        values ($2, $1, $3, $4, $5, 'bound', 'Foreign', $6, $7, clock_timestamp(), clock_timestamp() + $8 * interval '1 ms', clock_timestamp(), $9, $10)
        on conflict (pool_id, call_id) where call_id is not null do nothing returning id),
      told as (insert into signal (pool_id, kind, attempt_id) select $1, 'foreign', id from made)
      select count(*)::int as n from made`,
    values: [
      poolId,
      foreign.attemptId,
      foreign.direction,
      foreign.project,
      foreign.subscription,
      foreign.callId,
      foreign.controlUrl ?? null,
      foreign.boundForMs,
      foreign.callerNumber ?? null,
      foreign.policyVersion,
    ],
  });
  return rows[0]?.n === 1;
}

/** Somebody else's call is known by now to come from this number: while it lives, nobody dials it (I5). */
export async function noteCaller(sql: Sql, poolId: PoolId, attemptId: string, callerNumber: string): Promise<void> {
  await sql.query({
    name: 'note-caller',
    text: `update attempt set number = $3
           where id = $2 and pool_id = $1 and session_id is null and direction = 'Inbound' and number is null and released_at is null`,
    values: [poolId, attemptId, callerNumber],
  });
}
