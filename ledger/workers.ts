import type { Sql } from './database.ts';
import { lockHeld, tryLock } from './locks.ts';
import type { PoolId } from './policy.ts';

/** Workers of a pool: who serves, who drains, who is gone. */

export type WorkerId = number;

/** Enters a worker and takes its liveness lock on `connection`; while that connection lives, the worker counts as alive. */
export async function registerWorker(connection: Sql, poolId: PoolId, name: string): Promise<WorkerId> {
  const { rows } = await connection.query<{ id: number }>(
    `insert into worker (pool_id, name, state) values ($1, $2, 'serving') returning id`,
    [poolId, name],
  );
  const id = rows[0]?.id;
  if (id === undefined || !(await tryLock(connection, 'worker', id))) throw new Error(`worker ${name} could not take its liveness lock`);
  return id;
}

/** Says that the worker is alive and in which state. */
export async function beatWorker(sql: Sql, id: WorkerId, state: 'serving' | 'draining'): Promise<void> {
  await sql.query('update worker set beat_at = clock_timestamp(), state = $2 where id = $1', [id, state]);
}

/** Takes a worker out for good; its liveness lock goes with its connection. */
export async function retireWorker(sql: Sql, id: WorkerId): Promise<void> {
  await sql.query(`update worker set state = 'gone' where id = $1`, [id]);
}

/** Workers that may be given sessions: serving, seen within 3 s, and their connection lives. */
export async function servingWorkers(sql: Sql, poolId: PoolId): Promise<readonly WorkerId[]> {
  const { rows } = await sql.query<{ id: number }>(
    `select id from worker where pool_id = $1 and state = 'serving' and beat_at > clock_timestamp() - interval '3 s' and ${lockHeld('worker', 'worker.id')} order by id`,
    [poolId],
  );
  return rows.map((row) => row.id);
}

/** A creation has its answer, or is given up, long before; what is still `sending` then was forgotten because the ledger did not take the news. */
const sendingForgottenAfter = '30 s';

/**
 * Marks workers gone whose connection has been away for 10 s, and hands what they were sending to the look-up: only a complete list of the project's
 * calls may say what became of it (I5). The same for what a living worker sent and could not tell the end of. Returns how many attempts are looked up
 * now.
 */
export async function buryDeadWorkers(sql: Sql, poolId: PoolId): Promise<number> {
  const { rowCount } = await sql.query(
    `with dead as (
       update worker set state = 'gone'
       where pool_id = $1 and state <> 'gone' and beat_at < clock_timestamp() - interval '10 s' and not ${lockHeld('worker', 'worker.id')}
       returning id),
     departed as (select id from dead union select id from worker where pool_id = $1 and state = 'gone')
     update attempt set ambiguous_at = clock_timestamp()
     where pool_id = $1 and released_at is null and state = 'sending' and ambiguous_at is null
       and (owner in (select id from departed) or sending_at < clock_timestamp() - interval '${sendingForgottenAfter}')`,
    [poolId],
  );
  return rowCount ?? 0;
}
