import type { Sql } from '../database.ts';
import type { PoolId } from '../policy.ts';

/** Workers that an operator wants to give up. They see it with their next beat: they hand over what they have, and wait to be taken away. */

export type DrainAsk = { readonly poolId: PoolId; readonly names: readonly string[] };

/**
 * Makes exactly these workers of each pool the ones that are asked to drain; others of the same pools that were asked before serve again. Rows that are
 * as wanted are not written. Each pool once.
 */
export async function askToDrain(sql: Sql, asks: readonly DrainAsk[]): Promise<void> {
  if (asks.length === 0) return;
  await sql.query({
    name: 'ask-to-drain',
    text: `
      update worker w set phase_asked = case when a.names ? w.name then 'drain' end
      from jsonb_to_recordset($1::jsonb) as a("poolId" int, names jsonb)
      where w.pool_id = a."poolId" and w.state <> 'gone' and (a.names ? w.name) <> (w.phase_asked is not null)`,
    values: [JSON.stringify(asks)],
  });
}
