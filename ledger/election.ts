import type { Sql } from './database.ts';
import { lockHeld, tryLock } from './locks.ts';
import type { PoolId } from './policy.ts';
import type { WorkerId } from './workers.ts';

/**
 * Who dispatches. The holder of the pool's lock writes every admission on the connection that holds it, so losing the connection fences the
 * writer. It beats twice a second; whoever sees no beat for {@link staleBeatMs} ends the holder's backend and takes the lock.
 */

export const beatEveryMs = 500;
export const staleBeatMs = 3_000;

export type Leadership = { readonly held: boolean; readonly beatAgeMs: number; readonly backendPid: number | undefined };

/** What a candidate sees. */
export async function observeLeadership(sql: Sql, poolId: PoolId): Promise<Leadership> {
  const { rows } = await sql.query<{ held: boolean; age_ms: number | null; backend_pid: number | null }>(
    `select ${lockHeld('dispatcher', '$1::int')} as held,
       (select (extract(epoch from clock_timestamp() - beat_at) * 1000)::float8 from dispatcher where pool_id = $1) as age_ms,
       (select backend_pid from dispatcher where pool_id = $1) as backend_pid`,
    [poolId],
  );
  const row = rows[0];
  return { held: row?.held ?? false, beatAgeMs: row?.age_ms ?? Number.POSITIVE_INFINITY, backendPid: row?.backend_pid ?? undefined };
}

export type Election = { readonly elected: true; readonly epoch: number; readonly seq: number } | { readonly elected: false };

/**
 * Tries to become the dispatcher on this connection. A holder without a beat for 3 s is deposed first: its backend is ended, and with it its lock
 * and its ability to write.
 */
export async function standForElection(connection: Sql, poolId: PoolId, workerId: WorkerId): Promise<Election> {
  if (!(await tryLock(connection, 'dispatcher', poolId))) {
    const seen = await observeLeadership(connection, poolId);
    if (!seen.held || seen.beatAgeMs < staleBeatMs || seen.backendPid === undefined) return { elected: false };
    await connection.query('select pg_terminate_backend($1, 1000)', [seen.backendPid]);
    if (!(await tryLock(connection, 'dispatcher', poolId))) return { elected: false };
  }
  const { rows } = await connection.query<{ epoch: string; decision_seq: string }>(
    `insert into dispatcher (pool_id, epoch, worker_id, backend_pid) values ($1, 1, $2, pg_backend_pid())
     on conflict (pool_id) do update set epoch = dispatcher.epoch + 1, worker_id = $2, backend_pid = pg_backend_pid(), beat_at = clock_timestamp()
     returning epoch, decision_seq`,
    [poolId, workerId],
  );
  return { elected: true, epoch: Number(rows[0]?.epoch), seq: Number(rows[0]?.decision_seq) };
}

/** Somebody else dispatches this pool now; whatever this one remembers is worth nothing. */
export class Deposed extends Error {
  override readonly name = 'Deposed';
}

/** Beats, and publishes the pool's view with it. @throws Deposed */
export async function beat(connection: Sql, poolId: PoolId, epoch: number, view: unknown): Promise<void> {
  const { rowCount } = await connection.query(
    'update dispatcher set beat_at = clock_timestamp(), view = $3 where pool_id = $1 and epoch = $2',
    [poolId, epoch, JSON.stringify(view)],
  );
  if (rowCount !== 1) throw new Deposed(`epoch ${epoch} is over`);
}
