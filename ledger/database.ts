import pg from 'pg';
import type { LedgerUrl } from './address.ts';

/**
 * Connections to the ledger. Every connection has the same bounds: it notices a dead peer within seconds, and no statement or idle transaction can
 * hold locks for long.
 */

/** Anything that runs SQL: a pool, or one connection inside a transaction. */
export type Sql = Pick<pg.ClientBase, 'query'>;

/** A pool of connections, for work that any connection can do. */
export type Database = pg.Pool;

type ConnectionOptions = {
  readonly applicationName: string;
  /** Longest that one statement may run. */
  readonly statementTimeoutMs?: number;
};

/** Longest that opening a connection may take. */
const connectWithinMs = 5_000;

/** An answer may be on its way for so long beyond the longest time that its statement may take. */
const unheardMs = 2_000;

/** Settings of one connection; also for connections of their own (dispatcher, liveness). */
export function connectionConfig(url: string, options: ConnectionOptions): pg.ClientConfig {
  const statementTimeoutMs = options.statementTimeoutMs ?? 10_000;
  return {
    connectionString: url,
    application_name: options.applicationName,
    keepAlive: true,
    keepAliveInitialDelayMillis: 2_000,
    connectionTimeoutMillis: connectWithinMs,
    statement_timeout: statementTimeoutMs,
    // A server that cannot be heard any more does not say that a statement took too long.
    query_timeout: statementTimeoutMs + unheardMs,
    idle_in_transaction_session_timeout: 10_000,
    options:
      '-c search_path=trunkline -c tcp_user_timeout=5000 -c tcp_keepalives_idle=2 -c tcp_keepalives_interval=1 -c tcp_keepalives_count=3',
  };
}

/**
 * Opens a pool. `onError` hears of idle connections that broke; the next query opens a new one. Where the URL may change, every new connection asks for
 * it again.
 */
export function openDatabase(
  url: string | LedgerUrl,
  options: ConnectionOptions & { readonly maxConnections: number; readonly onError: (error: Error) => void },
): Database {
  const newest = typeof url === 'string' ? () => url : url;
  class Client extends pg.Client {
    constructor() {
      super(connectionConfig(newest(), options));
      // The pool listens while a connection is idle, and nobody while it is lent for a transaction: one that broke between two statements would end the
      // process. Whoever has it hears of it with its next statement.
      this.on('error', () => undefined);
    }
  }
  const pool = new pg.Pool({ Client, connectionTimeoutMillis: connectWithinMs, max: options.maxConnections, idleTimeoutMillis: 60_000 });
  pool.on('error', options.onError);
  return pool;
}

/** Runs `work` in one transaction on one connection: committed when it returns, rolled back when it throws. No provider call belongs in it. */
export async function inTransaction<T>(database: Database, work: (sql: Sql) => Promise<T>): Promise<T> {
  const connection = await database.connect();
  let broken: Error | undefined;
  try {
    await connection.query('begin');
    const result = await work(connection);
    await connection.query('commit');
    return result;
  } catch (error) {
    await connection.query('rollback').catch((failure: Error) => {
      broken = failure;
    });
    throw error;
  } finally {
    connection.release(broken);
  }
}
