import type { PoolView } from '../capacity/view.ts';
import type { Sql } from './database.ts';
import type { PoolId } from './policy.ts';

/** The dispatcher's newest view and its age, by the ledger's own clock. Undefined until a dispatcher has published one. */
export type SeenView = { readonly view: PoolView; readonly ageMs: number };

export async function readView(sql: Sql, poolId: PoolId): Promise<SeenView | undefined> {
  const { rows } = await sql.query<{ view: PoolView; age_ms: number }>({
    name: 'read-view',
    text: `select view, (extract(epoch from clock_timestamp() - beat_at) * 1000)::float8 as age_ms from dispatcher
           where pool_id = $1 and view is not null`,
    values: [poolId],
  });
  const row = rows[0];
  return row === undefined ? undefined : { view: row.view, ageMs: Math.max(0, row.age_ms) };
}
