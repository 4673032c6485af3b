import type { LedgerCopy } from '../capacity/guard/guard.ts';
import type { Sql } from './database.ts';

/**
 * Which server's data this is. Asked outside of transactions: a server may refuse either question (managed ones hide their files), and then that fact
 * is unknown. The timeline comes from the name of the log file that is written now; the control file learns of a promotion only with the next checkpoint.
 */
export async function readCopy(connection: Sql): Promise<LedgerCopy> {
  const systemId = await fact(connection, 'select system_identifier::text as fact from pg_control_system()');
  const timeline = await fact(connection, 'select left(pg_walfile_name(pg_current_wal_lsn()), 8) as fact');
  return { systemId, timeline: timeline === null ? null : Number.parseInt(timeline, 16) };
}

/** What servers say that do not tell: not allowed, not supported here, not now, no such function. */
const notTold: ReadonlySet<string> = new Set(['42501', '0A000', '55000', '42883']);

async function fact(connection: Sql, question: string): Promise<string | null> {
  try {
    const { rows } = await connection.query<{ fact: string | null }>(question);
    return rows[0]?.fact ?? null;
  } catch (error) {
    if (error instanceof Error && 'code' in error && notTold.has(String(error.code))) return null;
    throw error;
  }
}
