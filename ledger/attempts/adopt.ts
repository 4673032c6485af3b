import type { ItsSession } from '../../capacity/guard/adoption.ts';
import type { ProjectName, SubscriptionName } from '../../crds/values.ts';
import type { Sql } from '../database.ts';
import { numberBusy } from '../dispatch/number-busy.ts';
import type { PoolId } from '../policy.ts';
import { afterStranger, strangerGivesUp } from './stranger.ts';

/** Calls that carry our name and whose attempts the ledger has forgotten. */

/** What such a call tells of whom it is for; undefined where the provider does not show it. */
export type CallClaim = {
  readonly pool: string | undefined;
  readonly sessionId: string | undefined;
  readonly class: string | undefined;
  readonly number: string | undefined;
};

export type ClaimedSession = ItsSession & { readonly sessionId: string; readonly class: string };

/**
 * The session of a call: the one that it names, or, when the provider does not show the name, the next one of its class that would dial its number.
 * Relies on the primary key and on session_number.
 */
export async function claimedSession(sql: Sql, poolId: PoolId, claim: CallClaim): Promise<ClaimedSession | undefined> {
  const { rows } = await sql.query<{ id: string; class: string; state: ItsSession['state']; busy: boolean }>({
    name: 'claimed-session',
    text: `
      with claimed as (
        (select id, class, state, number from session where pool_id = $1 and id = $2)
        union all
        (select id, class, state, number from session
         where $2::uuid is null and pool_id = $1 and number = $3 and state = 'queued' and class = coalesce($4, class)
         order by ready desc, score desc, seq limit 1))
      select c.id, c.class, c.state, c.number is not null and ${numberBusy('c.number')} as busy from claimed c limit 1`,
    values: [poolId, claim.sessionId ?? null, claim.number ?? null, claim.class ?? null],
  });
  const row = rows[0];
  return row === undefined ? undefined : { sessionId: row.id, class: row.class, state: row.state, numberBusy: row.busy };
}

/**
 * Makes a call its waiting session's attempt, under the name that it carries. It may have been entered as somebody else's call meanwhile: that entry
 * gives it up. False when the session does not wait any more or its number is on the phone. Lock order: session, then attempt.
 */
export async function adoptForgotten(
  sql: Sql,
  poolId: PoolId,
  call: {
    readonly sessionId: string;
    readonly attemptId: string;
    readonly project: ProjectName;
    readonly subscription: SubscriptionName;
    /** The policy that these names are of. */
    readonly policyVersion: number;
    readonly callId: string;
    readonly controlUrl: string | undefined;
    readonly boundForMs: number;
  },
): Promise<boolean> {
  const { rows } = await sql.query<{ adopted: number }>({
    name: 'adopt-forgotten',
    text: `
      with waiting as (
        select s.id from session s where s.pool_id = $1 and s.id = $2 and s.state = 'queued' and not ${numberBusy('s.number')} for update of s),
      ${strangerGivesUp('$6', 'exists (select from waiting)')},
      opened as (
        update session s set state = 'open', attempt_id = $3 from waiting where s.id = waiting.id returning s.id, s.class, s.direction, s.number),
      adopted as (
        insert into attempt (id, pool_id, session_id, class, direction, project, subscription, number, state, call_id, control_url, admitted_at,
          sending_at, bound_at, bound_until, last_seen_at, policy_version)
        select $3, $1, o.id, o.class, o.direction, $4, $5, o.number, 'bound', $6, $7, t.now, t.now, t.now, t.now + $8 * interval '1 ms', t.now, $9
        from opened o cross join (select clock_timestamp() as now) t
        where ${afterStranger}
        returning id),
      told as (
        insert into signal (pool_id, kind, attempt_id)
        select $1, 'given-up', id from stranger union all select $1, 'bound', id from adopted)
      select count(*)::int as adopted from adopted`,
    values: [
      poolId,
      call.sessionId,
      call.attemptId,
      call.project,
      call.subscription,
      call.callId,
      call.controlUrl ?? null,
      call.boundForMs,
      call.policyVersion,
    ],
  });
  return rows[0]?.adopted === 1;
}
