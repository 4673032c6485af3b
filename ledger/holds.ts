import type { Holds } from '../capacity/admission/snapshot.ts';
import { className } from '../crds/values.ts';
import type { Sql } from './database.ts';
import type { PoolId } from './policy.ts';

/** Holds in force now: the whole pool, or classes. One whose time is over is none. A pool that is deleted in its cluster is held until it is back. */
export async function readHolds(sql: Sql, poolId: PoolId): Promise<Holds> {
  const { rows } = await sql.query<{ class: string }>({
    name: 'read-holds',
    text: `select class from overlay where pool_id = $1 and kind = 'hold' and (until is null or until > clock_timestamp())
           union all select '' from pool where id = $1 and closed_at is not null`,
    values: [poolId],
  });
  return holdsOf(rows.map((row) => row.class));
}

/** Holds as they are stored: by class, '' for the whole pool. */
export function holdsOf(stored: readonly string[]): Holds {
  const classes = stored.filter((name) => name !== '');
  return { pool: stored.includes(''), classes: new Set(classes.map((name) => className.parse(name))) };
}
