import type { Sql } from '../database.ts';
import type { PoolId } from '../policy.ts';

/**
 * Frees the slots of attempts whose line the provider has certainly given back. Only from `cooling`: a call that lives cannot be released by
 * mistake. Returns the ids that were freed by this statement.
 */
export async function releaseSlots(connection: Sql, poolId: PoolId, attemptIds: readonly string[]): Promise<readonly string[]> {
  const { rows } = await connection.query<{ id: string }>({
    name: 'release-slots',
    text: `
      with due as (select id from attempt where pool_id = $1 and id = any($2::uuid[]) and state = 'cooling' order by id for update)
      update attempt a set state = 'ended', released_at = clock_timestamp() from due where a.id = due.id returning a.id`,
    values: [poolId, attemptIds],
  });
  return rows.map((row) => row.id);
}
