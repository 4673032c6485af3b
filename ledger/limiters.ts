import type { Sql } from './database.ts';
import type { PoolId } from './policy.ts';

/** What a dispatcher learned or paced, by name; it outlives the dispatcher. */

export async function readLimiters(sql: Sql, poolId: PoolId): Promise<ReadonlyMap<string, unknown>> {
  const { rows } = await sql.query<{ name: string; state: unknown }>('select name, state from limiter where pool_id = $1', [poolId]);
  return new Map(rows.map((row) => [row.name, row.state]));
}

export async function writeLimiters(sql: Sql, poolId: PoolId, states: ReadonlyMap<string, unknown>): Promise<void> {
  await sql.query({
    name: 'write-limiters',
    text: `
      insert into limiter (pool_id, name, state) select $1, l.name, l.state from unnest($2::text[], $3::jsonb[]) as l(name, state)
      on conflict (pool_id, name) do update set state = excluded.state`,
    values: [poolId, [...states.keys()], [...states.values()].map((state) => JSON.stringify(state))],
  });
}
