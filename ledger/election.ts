import { guardReason, type LedgerMark } from '../capacity/guard/guard.ts';
import { readCopy } from './copy.ts';
import type { Sql } from './database.ts';
import { guarding } from './guard.ts';
import { lockHeld, tryLock } from './locks.ts';
import type { PoolId } from './policy.ts';
import type { WorkerId } from './workers.ts';

/**
 * Who dispatches. The holder of the pool's lock writes every admission on the connection that holds it, so losing the connection fences the
 * writer. It beats twice a second; whoever sees no beat for {@link staleBeatMs} ends the holder's backend and takes the lock.
 */

export const beatEveryMs = 500;
export const staleBeatMs = 3_000;

export type Leadership = {
  readonly held: boolean;
  readonly beatAgeMs: number;
  readonly backendPid: number | undefined;
  /** Undefined until somebody has dispatched. */
  readonly mark: LedgerMark | undefined;
  /** Nothing is admitted, because the ledger lost its newest part. */
  readonly guarded: boolean;
};

/** What a candidate sees. */
export async function observeLeadership(sql: Sql, poolId: PoolId): Promise<Leadership> {
  const { rows } = await sql.query<MarkRow & { held: boolean; age_ms: number | null; backend_pid: number | null; guarded: boolean }>(
    `select ${lockHeld('dispatcher', '$1::int')} as held, (extract(epoch from clock_timestamp() - d.beat_at) * 1000)::float8 as age_ms,
       d.backend_pid, d.epoch, d.beats, exists (select from guard where pool_id = $1) as guarded
     from (select) one left join dispatcher d on d.pool_id = $1`,
    [poolId],
  );
  const row = rows[0];
  return {
    held: row?.held ?? false,
    // A beat from the future is one from before the clock was set back: as old as it is far away.
    beatAgeMs: Math.abs(row?.age_ms ?? Number.POSITIVE_INFINITY),
    backendPid: row?.backend_pid ?? undefined,
    mark: row === undefined ? undefined : markOf(row),
    guarded: row?.guarded ?? false,
  };
}

type MarkRow = { readonly epoch: string | null; readonly beats: string | null };

function markOf({ epoch, beats }: MarkRow): LedgerMark | undefined {
  return epoch === null ? undefined : { epoch: Number(epoch), beats: Number(beats) };
}

export type Election = { readonly elected: true; readonly epoch: number; readonly seq: number } | { readonly elected: false };

/**
 * Tries to become the dispatcher on this connection. A holder without a beat for 3 s is deposed first: its backend is ended, and with it its lock
 * and its ability to write.
 *
 * Whether the ledger lost its newest part since the pool was last dispatched is found out before anything can be admitted, and the guard is raised with
 * the election itself. `remembered`: the highest mark that this worker has seen.
 */
export async function standForElection(connection: Sql, poolId: PoolId, workerId: WorkerId, remembered?: LedgerMark): Promise<Election> {
  if (!(await tryLock(connection, 'dispatcher', poolId))) {
    const seen = await observeLeadership(connection, poolId);
    if (!seen.held || seen.beatAgeMs < staleBeatMs || seen.backendPid === undefined) return { elected: false };
    await connection.query('select pg_terminate_backend($1, 1000)', [seen.backendPid]);
    if (!(await tryLock(connection, 'dispatcher', poolId))) return { elected: false };
  }
  const copy = await readCopy(connection);
  const { rows: former } = await connection.query<MarkRow & { system_id: string | null; timeline: string | null }>(
    'select epoch, beats, system_id, timeline from dispatcher where pool_id = $1',
    [poolId],
  );
  const mark = former[0] === undefined ? undefined : markOf(former[0]);
  const before = { systemId: former[0]?.system_id ?? null, timeline: former[0]?.timeline == null ? null : Number(former[0].timeline) };
  const reason = mark === undefined ? undefined : guardReason({ ...before, ...mark }, copy, remembered);
  const { rows } = await connection.query<{ epoch: string; decision_seq: string }>(
    `with before as (select beat_at as known_at from dispatcher where pool_id = $1),
     guarded as (${guarding('$5::text', 'known_at')})
     insert into dispatcher (pool_id, epoch, worker_id, backend_pid, system_id, timeline) values ($1, 1, $2, pg_backend_pid(), $3, $4)
     on conflict (pool_id) do update set epoch = dispatcher.epoch + 1, worker_id = $2, backend_pid = pg_backend_pid(), beat_at = clock_timestamp(),
       former_beat_at = dispatcher.beat_at, system_id = coalesce($3, dispatcher.system_id), timeline = coalesce($4, dispatcher.timeline)
     returning epoch, decision_seq`,
    [poolId, workerId, copy.systemId, copy.timeline, reason ?? null],
  );
  return { elected: true, epoch: Number(rows[0]?.epoch), seq: Number(rows[0]?.decision_seq) };
}

/** Somebody else dispatches this pool now; whatever this one remembers is worth nothing. */
export class Deposed extends Error {
  override readonly name = 'Deposed';
}

/** Beats, and publishes the pool's view with it. @throws Deposed */
export async function beat(connection: Sql, poolId: PoolId, epoch: number, view: unknown): Promise<void> {
  const { rowCount } = await connection.query({
    name: 'beat',
    text: 'update dispatcher set beat_at = clock_timestamp(), beats = beats + 1, view = $3 where pool_id = $1 and epoch = $2',
    values: [poolId, epoch, JSON.stringify(view)],
  });
  if (rowCount !== 1) throw new Deposed(`epoch ${epoch} is over`);
}
