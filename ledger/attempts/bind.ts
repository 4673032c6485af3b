import type { Sql } from '../database.ts';
import { numberBusy } from '../dispatch/number-busy.ts';
import type { PoolId } from '../policy.ts';
import { afterStranger, strangerGivesUp } from './stranger.ts';

/** What the provider says about an attempt's call when we first hear of it. */
export type Binding = {
  /** Who says so: the answer to the creation, or anybody else. The answer teaches about the provider's lines. */
  readonly by: 'answer' | 'news';
  readonly attemptId: string;
  readonly callId: string;
  readonly controlUrl: string | undefined;
  /** Longest that the call can last from now; past it, silence is looked into. */
  readonly boundForMs: number;
  readonly limits: { readonly limit: number; readonly remaining: number; readonly blocked: boolean } | undefined;
};

/**
 * Ties a call to its attempt, whoever hears of it first: the answer to the creation, a webhook, a list. Later ones only fill in what is missing. The
 * dispatcher is told once, with the lines that the provider says are left. A message without the call's name may have come before all of them and have
 * been entered as a call of somebody else: that entry gives the call up.
 */
export async function bindAttempt(sql: Sql, poolId: PoolId, binding: Binding): Promise<void> {
  await sql.query({
    name: 'bind-attempt',
    text: `
      with ${strangerGivesUp(
        '$3',
        `id <> $2 and exists (
          select from attempt where id = $2 and pool_id = $1 and state in ('sending', 'bound', 'cooling') and coalesce(call_id, $3) = $3)`,
      )},
      bound as (
        update attempt set state = case when state = 'sending' then 'bound' else state end, call_id = coalesce(call_id, $3),
          control_url = coalesce(control_url, $4), bound_at = coalesce(bound_at, clock_timestamp()),
          bound_until = coalesce(bound_until, clock_timestamp() + $5 * interval '1 ms'), last_seen_at = clock_timestamp(), ambiguous_at = null
        where id = $2 and pool_id = $1 and state in ('sending', 'bound', 'cooling')
          and ${afterStranger}
        returning id),
      told as (insert into signal (pool_id, kind, attempt_id) select $1, 'given-up', id from stranger)
      insert into signal (pool_id, kind, attempt_id, data)
      select $1, $7, id, jsonb_build_object('limits', $6::jsonb, 'observedAtMs', extract(epoch from clock_timestamp()) * 1000) from bound`,
    values: [
      poolId,
      binding.attemptId,
      binding.callId,
      binding.controlUrl ?? null,
      binding.boundForMs,
      binding.limits === undefined ? null : JSON.stringify(binding.limits),
      binding.by === 'answer' ? 'answered' : 'bound',
    ],
  });
}

/**
 * Takes a call back for its attempt that ended without one, and with it the session, if that still waits and nobody is on the phone with
 * its number. It may have been entered as a stranger's meanwhile: that entry gives it up. False: the call is nobody's any more, and counts as a
 * stranger's. Lock order: session, then attempt.
 */
export async function adoptLate(
  sql: Sql,
  poolId: PoolId,
  late: Pick<Binding, 'attemptId' | 'callId' | 'controlUrl' | 'boundForMs'>,
): Promise<boolean> {
  const { rows } = await sql.query<{ adopted: number }>({
    name: 'adopt-late',
    text: `
      with waiting as (
        select s.id from session s join attempt a on a.session_id = s.id
        where a.id = $2 and a.pool_id = $1 and s.state = 'queued' and a.state = 'ended' and a.call_id is null and not ${numberBusy('s.number')}
        for update of s),
      ${strangerGivesUp('$3', 'id <> $2 and exists (select from waiting)')},
      opened as (update session s set state = 'open', attempt_id = $2 from waiting where s.id = waiting.id returning s.id),
      adopted as (
        update attempt set state = 'bound', outcome = null, ended_reason = null, ended_at = null, released_at = null, ambiguous_at = null, call_id = $3,
          control_url = $4, sending_at = coalesce(sending_at, admitted_at), bound_at = clock_timestamp(),
          bound_until = clock_timestamp() + $5 * interval '1 ms', last_seen_at = clock_timestamp()
        from opened where attempt.id = $2 and ${afterStranger}
        returning attempt.id),
      told as (
        insert into signal (pool_id, kind, attempt_id)
        select $1, 'given-up', id from stranger union all select $1, 'bound', id from adopted)
      select count(*)::int as adopted from adopted`,
    values: [poolId, late.attemptId, late.callId, late.controlUrl ?? null, late.boundForMs],
  });
  return rows[0]?.adopted === 1;
}

/** Notes that the call was seen alive. */
export async function noteAlive(sql: Sql, poolId: PoolId, attemptIds: readonly string[]): Promise<void> {
  await sql.query({
    name: 'note-alive',
    text: `
      with alive as (
        select id from attempt where pool_id = $1 and id = any($2::uuid[]) and state in ('pending', 'admitted', 'bound') order by id for update)
      update attempt set last_seen_at = clock_timestamp() from alive where attempt.id = alive.id`,
    values: [poolId, attemptIds],
  });
}

/** Leaves an attempt to the look-up: whether a call exists is not known. */
export async function markAmbiguous(sql: Sql, poolId: PoolId, attemptId: string): Promise<void> {
  await sql.query({
    name: 'mark-ambiguous',
    text: `
      with open as (
        update attempt set ambiguous_at = clock_timestamp() where id = $2 and pool_id = $1 and state = 'sending' and ambiguous_at is null returning id)
      insert into signal (pool_id, kind, attempt_id) select $1, 'ambiguous', id from open`,
    values: [poolId, attemptId],
  });
}
