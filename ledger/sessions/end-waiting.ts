import type { Sql } from '../database.ts';
import type { PoolId } from '../policy.ts';

/** Ends a session in the queue that must not be dialled, because what became of its call cannot be told. False when it does not wait any more. */
export async function endWaiting(
  sql: Sql,
  poolId: PoolId,
  end: { readonly sessionId: string; readonly reason: string; readonly withResults: boolean },
): Promise<boolean> {
  const { rows } = await sql.query<{ ended: number }>({
    name: 'end-waiting',
    text: `
      with ended as (
        update session set state = 'ended', ready = false, outcome = 'Unknown', outcome_reason = $3, ended_at = clock_timestamp()
        where pool_id = $1 and id = $2 and state = 'queued' returning id),
      told as (insert into outbox (pool_id, session_id) select $1, id from ended where $4 on conflict do nothing)
      select count(*)::int as ended from ended`,
    values: [poolId, end.sessionId, end.reason, end.withResults],
  });
  return rows[0]?.ended === 1;
}
