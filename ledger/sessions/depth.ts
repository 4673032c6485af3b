import type { ClassName } from '../../crds/values.ts';
import type { Sql } from '../database.ts';
import type { PoolId } from '../policy.ts';

/** How many sessions wait per class, and when that was, on the ledger's clock. Classes without any are missing. */
export type QueueDepth = { readonly queued: ReadonlyMap<ClassName, number>; readonly atMs: number };

/** Adds up the deltas that writers appended: the cost follows the writes since the dispatcher last folded them, not the length of the queue. */
export async function queueDepth(sql: Sql, poolId: PoolId): Promise<QueueDepth> {
  const { rows } = await sql.query<{ at_ms: number; class: ClassName | null; queued: string | null }>({
    name: 'queue-depth',
    text: `
      select (extract(epoch from t.now) * 1000)::float8 as at_ms, d.class, d.queued
      from (select clock_timestamp() as now) t
        left join (select class, sum(delta) as queued from queue_depth where pool_id = $1 group by class having sum(delta) > 0) d on true`,
    values: [poolId],
  });
  const queued = rows.flatMap((row) => (row.class === null ? [] : [[row.class, Number(row.queued)] as const]));
  return { queued: new Map(queued), atMs: rows[0]?.at_ms ?? Number.NaN };
}
