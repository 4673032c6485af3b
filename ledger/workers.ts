import { z } from 'zod';
import type { LatencyCounts } from '../capacity/scaling/latency.ts';
import type { Sql } from './database.ts';
import { heldKeys, lockHeld, tryLock } from './locks.ts';
import type { PoolId } from './policy.ts';

/** Workers of a pool: who serves, who drains, who is gone. */

export type WorkerId = number;

/** `drained`: it has handed everything on, and waits to be taken away or wanted again. */
export type WorkerState = 'serving' | 'draining' | 'drained';

/** What keeps a worker from doing all of its work, told in the ledger for those who can mend it. No value of a secret is ever in it. */
export const workerTrouble = z.discriminatedUnion('kind', [
  /** A secret's file is not there; without a project it is one of the whole pool. */
  z.object({
    kind: z.literal('KeyMissing'),
    field: z.string().max(300),
    project: z.string().max(40).optional(),
    secret: z.string().max(253),
    key: z.string().max(253),
  }),
  /** The newest policy is one that this release cannot read: an older one stays in force. */
  z.object({ kind: z.literal('PolicyRejected'), version: z.int(), detail: z.string().max(1_000) }),
]);
export type WorkerTrouble = z.infer<typeof workerTrouble>;

/** What a worker tells of itself, every second. */
export type WorkerBeat = {
  readonly state: WorkerState;
  /** Dials and callers that it has in flight. */
  readonly sessions: number;
  /** From the start of its process until it served. */
  readonly startedInMs: number;
  /** The policy that it acts on. */
  readonly appliedVersion: number;
  /** Requests of the last minute by what this worker itself took for them. */
  readonly latencyMs: LatencyCounts;
  readonly troubles: readonly WorkerTrouble[];
};

/** What is wanted of a worker. */
export type Asked = 'serve' | 'drain';

/**
 * Enters a worker and takes its liveness lock on `connection`; while that connection lives, the worker counts as alive. `before`: its number until now, if
 * it had lost the ledger; what was asked of that one is asked of this one. `address`: where other workers reach it.
 */
export async function registerWorker(
  connection: Sql,
  poolId: PoolId,
  name: string,
  as: { readonly state: WorkerState; readonly before?: WorkerId | undefined; readonly address?: string | undefined } = { state: 'serving' },
): Promise<WorkerId> {
  const { rows } = await connection.query<{ id: number }>(
    `insert into worker (pool_id, name, state, phase_asked, address)
     values ($1, $2, $3, (select phase_asked from worker where id = $4), $5) returning id`,
    [poolId, name, as.state, as.before, as.address],
  );
  const id = rows[0]?.id;
  if (id === undefined || !(await tryLock(connection, 'worker', id))) throw new Error(`worker ${name} could not take its liveness lock`);
  return id;
}

/**
 * Says that the worker is alive, and how it is. Returns what is wanted of it; `gone`: it has been buried, or the ledger has forgotten it, and a beat does not
 * raise it. Its connection is lost then, and with the next one it gets a number of its own.
 */
export async function beatWorker(sql: Sql, id: WorkerId, told: WorkerBeat): Promise<Asked | 'gone'> {
  const { rows } = await sql.query<{ phase_asked: string | null }>({
    name: 'beat-worker',
    text: `update worker set beat_at = clock_timestamp(), state = $2, sessions = $3, started_in_ms = $4, applied_version = $5,
             latency_ms = $6, troubles = $7
           where id = $1 and state <> 'gone' returning phase_asked`,
    values: [
      id,
      told.state,
      told.sessions,
      told.startedInMs,
      told.appliedVersion,
      JSON.stringify(told.latencyMs),
      JSON.stringify(told.troubles),
    ],
  });
  const [row] = rows;
  if (row === undefined) return 'gone';
  return row.phase_asked === 'drain' ? 'drain' : 'serve';
}

/** Forgets that the worker was asked to drain: it was not taken away, and serves again. */
export async function dropDrainAsk(sql: Sql, id: WorkerId): Promise<void> {
  await sql.query('update worker set phase_asked = null where id = $1', [id]);
}

/** Takes a worker out for good; its liveness lock goes with its connection. */
export async function retireWorker(sql: Sql, id: WorkerId): Promise<void> {
  await sql.query(`update worker set state = 'gone' where id = $1`, [id]);
}

/** SQL: ids of the workers of pool `$1` that may be given sessions: serving, seen within 3 s, and their connection lives. */
export const servingIds = `select id from worker
    where pool_id = $1 and state = 'serving' and beat_at > statement_timestamp() - interval '3 s' and id in ${heldKeys('worker')} order by id`;

/** SQL: a worker whose connection has to be looked for, because it has not beaten for so long. */
export const isSilent = `state <> 'gone' and beat_at < statement_timestamp() - interval '10 s'`;

/** Workers that may be given sessions. */
export async function servingWorkers(sql: Sql, poolId: PoolId): Promise<readonly WorkerId[]> {
  const { rows } = await sql.query<{ id: number }>(servingIds, [poolId]);
  return rows.map((row) => row.id);
}

/** A creation has its answer, or is given up, long before; what is still `sending` then was forgotten because the ledger did not take the news. */
export const sendingForgottenAfterMs = 30_000;

const burying = (concerned: string) => `
  with dead as (
    update worker set state = 'gone' where pool_id = $1 and ${isSilent} and not ${lockHeld('worker', 'worker.id')} returning id),
  forgotten as (
    select id from attempt
    where ${concerned} and state = 'sending' and ambiguous_at is null
      and (owner in (select id from dead) or exists (select from worker w where w.id = attempt.owner and w.state = 'gone')
        or sending_at < clock_timestamp() - interval '${sendingForgottenAfterMs} ms')
    order by id for update)
  update attempt set ambiguous_at = clock_timestamp() from forgotten where attempt.id = forgotten.id`;

/** Goes through every open attempt of the pool. */
const buryDeadWorkersStatement = burying('pool_id = $1 and released_at is null');

/** Looks at these attempts only. Nothing in the condition leads into the index of open attempts: it may hold thousands. */
export const buryDeadWorkersOfStatement = burying('id = any($2::uuid[])');

/**
 * Marks workers gone whose connection has been away for 10 s, and hands what they were sending to the look-up: only a complete list of the project's
 * calls may say what became of it (I5). The same for what a living worker sent and could not tell the end of. `among`: the attempts that it may concern;
 * `all` goes through every open one. Returns how many attempts are looked up now.
 */
export async function buryDeadWorkers(sql: Sql, poolId: PoolId, among: 'all' | readonly string[]): Promise<number> {
  const statement =
    among === 'all'
      ? { name: 'bury-dead-workers', text: buryDeadWorkersStatement, values: [poolId] }
      : { name: 'bury-dead-workers-of', text: buryDeadWorkersOfStatement, values: [poolId, among] };
  const { rowCount } = await sql.query(statement);
  return rowCount ?? 0;
}
