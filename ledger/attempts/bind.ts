import type { Sql } from '../database.ts';
import type { PoolId } from '../policy.ts';

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
 * dispatcher is told once, with the lines that the provider says are left.
 */
export async function bindAttempt(sql: Sql, poolId: PoolId, binding: Binding): Promise<void> {
  await sql.query({
    name: 'bind-attempt',
    text: `
      with bound as (
        update attempt set state = case when state = 'sending' then 'bound' else state end, call_id = coalesce(call_id, $3),
          control_url = coalesce(control_url, $4), bound_at = coalesce(bound_at, clock_timestamp()),
          bound_until = coalesce(bound_until, clock_timestamp() + $5 * interval '1 ms'), last_seen_at = clock_timestamp(), ambiguous_at = null
        where id = $2 and pool_id = $1 and state in ('sending', 'bound', 'cooling')
        returning id)
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

/** Notes that the call was seen alive. */
export async function noteAlive(sql: Sql, poolId: PoolId, attemptIds: readonly string[]): Promise<void> {
  await sql.query({
    name: 'note-alive',
    text: `update attempt set last_seen_at = clock_timestamp() where pool_id = $1 and id = any($2::uuid[]) and state in ('pending', 'admitted', 'bound')`,
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
