import type { Sql } from './database.ts';
import type { PoolId } from './policy.ts';
import { dispatcherChannel } from './wake.ts';

/**
 * The hold that a supervisor puts on the whole pool while it finishes: nothing new is dialled, what waits stays queued. It expires by itself, so that
 * a supervisor that dies meanwhile leaves no pool behind that never starts again. A hold that a person has set is left as it is.
 */
export async function beginDrainHold(sql: Sql, poolId: PoolId, forMs: number): Promise<void> {
  await sql.query(
    `insert into overlay (pool_id, class, kind, until) values ($1, '', 'hold', clock_timestamp() + $2 * interval '1 ms')
     on conflict (pool_id, class, kind) do update set until = excluded.until where overlay.until is not null`,
    [poolId, forMs],
  );
  await sql.query('select pg_notify($1, $2)', [dispatcherChannel(poolId), '']);
}

/** Takes that hold off again; one without an end is a person's and stays. */
export async function endDrainHold(sql: Sql, poolId: PoolId): Promise<void> {
  await sql.query(`delete from overlay where pool_id = $1 and class = '' and kind = 'hold' and until is not null`, [poolId]);
}
