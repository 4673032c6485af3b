import pg from 'pg';

/**
 * What a failed statement means for who sent it. `away`: the ledger did not answer or refused to work; the statement may or may not have been
 * committed. `contended`: it was rolled back because of others and may be sent again at once. `defect`: sending it again would fail again.
 */
export type LedgerTrouble = 'away' | 'contended' | 'defect';

/** Serialisation failure, deadlock. */
const contended: ReadonlySet<string> = new Set(['40001', '40P01']);

/** Statement timeout; connection exceptions; too many connections and other shortages; the server stops or starts; it does not let us in. */
const awayCode = /^(57014|08...|53...|57P0[1-5]|25006|28...|3D000)$/;
const socketCode = /^(ECONN|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN|ENOENT)/;

/** The driver has no code for its own timeouts and closed sockets. */
const driverWords = /timeout|terminated|not queryable|connection (?:error|closed|ended)|client was closed/i;

/** Whether this statement took too long: it says little about others, as when a row is locked. */
export function isStatementTimeout(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === '57014';
}

/** No such schema, table or column: the database is not the one that was brought up to this release. */
const notOurs: ReadonlySet<string> = new Set(['3F000', '42P01', '42703']);

/** Whether the database lacks what this release puts into every ledger. */
export function lacksSchema(error: unknown): boolean {
  return error instanceof pg.DatabaseError && notOurs.has(error.code ?? '');
}

export function troubleOf(error: unknown): LedgerTrouble {
  if (error instanceof pg.DatabaseError) {
    if (contended.has(error.code ?? '')) return 'contended';
    return awayCode.test(error.code ?? '') ? 'away' : 'defect';
  }
  if (error instanceof AggregateError) return error.errors.some((one) => troubleOf(one) === 'away') ? 'away' : 'defect';
  if (!(error instanceof Error)) return 'defect';
  const code = 'code' in error ? String(error.code) : '';
  return socketCode.test(code) || driverWords.test(error.message) ? 'away' : 'defect';
}
