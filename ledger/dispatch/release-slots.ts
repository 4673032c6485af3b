import type { Sql } from '../database.ts';
import { unflushed } from '../flush.ts';
import type { PoolId } from '../policy.ts';

/**
 * SQL: releases those of the attempts that cool. At the instant at which the statement came in: what the same statement admits to these slots comes
 * after it.
 */
export const releasing = (ids: string) => `
  due as (select id from attempt where pool_id = $1 and id = any(${ids}::uuid[]) and state = 'cooling' order by id for update),
  released as (update attempt a set state = 'ended', released_at = statement_timestamp() from due where a.id = due.id returning a.id)`;

/**
 * Frees the slots of attempts whose line the provider has certainly given back. Only from `cooling`: a call that lives cannot be released by
 * mistake. Returns the ids that were freed by this statement. It does not wait for the disk: slots that a crash takes back are released again by the
 * dispatcher that follows.
 */
export async function releaseSlots(connection: Sql, poolId: PoolId, attemptIds: readonly string[]): Promise<readonly string[]> {
  const { rows } = await connection.query<{ id: string }>({
    name: 'release-slots',
    text: `with ${unflushed}, ${releasing('$2')} select id from released cross join unflushed`,
    values: [poolId, attemptIds],
  });
  return rows.map((row) => row.id);
}
