import type { ClockReading } from '../capacity/watching/clock-skew.ts';
import type { Sql } from './database.ts';

/** Reads the ledger's clock; `now` is this process's monotonic clock. */
export async function readLedgerClock(sql: Sql, now: () => number): Promise<ClockReading> {
  const askedAtMs = now();
  const { rows } = await sql.query<{ now_ms: number }>({
    name: 'read-ledger-clock',
    text: 'select (extract(epoch from clock_timestamp()) * 1000)::float8 as now_ms',
  });
  const row = rows[0];
  if (row === undefined) throw new Error('the ledger told no time');
  return { showedMs: row.now_ms, resolutionMs: 0, askedAtMs, toldAtMs: now() };
}
