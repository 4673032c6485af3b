import type { Sql } from './database.ts';

/**
 * Session-level advisory locks: who dispatches a pool, and which workers live. A lock goes with its connection, so the server itself tells when its
 * holder is gone. Key: (space, number).
 */
const spaces = { dispatcher: 7_421, worker: 7_422 } as const;
export type LockSpace = keyof typeof spaces;

/** Takes the lock for as long as this connection lives; false when somebody else holds it. */
export async function tryLock(connection: Sql, space: LockSpace, key: number): Promise<boolean> {
  const { rows } = await connection.query<{ taken: boolean }>('select pg_try_advisory_lock($1, $2) as taken', [spaces[space], key]);
  return rows[0]?.taken === true;
}

/** Whether any connection holds the lock. */
export const lockHeld = (space: LockSpace, keyExpression: string) =>
  `exists (select from pg_locks where locktype = 'advisory' and classid = ${spaces[space]} and objid = ${keyExpression}
     and database = (select oid from pg_database where datname = current_database()))`;

/** The keys of a space that are held; for many keys at once, because every look at `pg_locks` stops all of the server's locking for a moment. */
export const heldKeys = (space: LockSpace) =>
  `(select objid::bigint from pg_locks where locktype = 'advisory' and classid = ${spaces[space]}
     and database = (select oid from pg_database where datname = current_database()))`;

/** A transaction pooler stands between us and PostgreSQL; session locks would be worth nothing. */
export class PoolerDetected extends Error {
  override readonly name = 'PoolerDetected';
}

/**
 * Makes sure that this connection is one server session: a transaction pooler would hand our statements to several, and a lock taken on one would
 * guard nothing on the next. Between two transactions the backend and a session-level setting must stay.
 * @throws PoolerDetected
 */
export async function requireSessionConnection(connection: Sql): Promise<void> {
  const mark = `trunkline-${Math.trunc(performance.now() * 1_000)}`;
  await connection.query(`select set_config('trunkline.mark', $1, false)`, [mark]);
  const backends = new Set<string>();
  for (let look = 0; look < 4; look += 1) {
    const { rows } = await connection.query<{ pid: number; mark: string | null }>(
      `select pg_backend_pid() as pid, current_setting('trunkline.mark', true) as mark`,
    );
    backends.add(`${rows[0]?.pid} ${rows[0]?.mark}`);
  }
  if (backends.size === 1 && [...backends][0]?.endsWith(mark)) return;
  throw new PoolerDetected(
    'the ledger URL leads through a transaction pooler, which breaks session locks: give the address of PostgreSQL itself, or a session pool',
  );
}
