import type { PoolSpec } from '../../crds/pool.ts';
import type { PoolKey } from '../../crds/values.ts';
import type { Sql } from '../database.ts';
import type { PoolId } from '../policy.ts';
import { PolicyUnreadable, readStored } from '../stored-policy.ts';

/** The declaration that workers of a pool act on, for an operator that has not written it itself. */
export type InForce = {
  readonly poolId: PoolId;
  readonly ledgerId: string;
  readonly spec: PoolSpec;
  /** metadata.generation of the object that it came from; undefined: an operator did not write it. */
  readonly generation: number | undefined;
};

/** Undefined: this ledger has none for the object, or one that this release cannot read. */
export async function readInForce(sql: Sql, of: { readonly pool: PoolKey; readonly uid: string }): Promise<InForce | undefined> {
  const { rows } = await sql.query<{ id: PoolId; ledger_id: string; spec: unknown; generation: string | null }>({
    name: 'read-in-force',
    text: `
      select p.id, p.ledger_id, o.spec, o.generation from pool p join policy o on o.pool_id = p.id
      where p.name = $1 and p.uid = $2 order by o.version desc limit 1`,
    values: [of.pool, of.uid],
  });
  const [row] = rows;
  if (row === undefined) return undefined;
  const read = readStored(row.spec, `policy of pool ${of.pool}`);
  if (read instanceof PolicyUnreadable) return undefined;
  const generation = row.generation === null ? undefined : Number(row.generation);
  return { poolId: row.id, ledgerId: row.ledger_id, spec: read.spec, generation };
}

/** SQL: of pools `$1` those with a line in a project that the newest policy does not name. */
export const formerCallsStatement = `
  select pools.id from unnest($1::int[]) as pools(id)
  cross join lateral (select spec from policy where pool_id = pools.id order by version desc limit 1) newest
  where exists (
    select from attempt a where a.pool_id = pools.id and a.released_at is null and a.project <> all(array(
      select jsonb_path_query(newest.spec, '$.subscriptions[*].projects[*].name') #>> '{}')))`;

/** Pools of these in which calls of projects live that were removed: their keys are needed to the end of those calls. */
export async function poolsWithFormerCalls(sql: Sql, poolIds: readonly PoolId[]): Promise<ReadonlySet<PoolId>> {
  const { rows } = await sql.query<{ id: PoolId }>({ name: 'former-calls', text: formerCallsStatement, values: [poolIds] });
  return new Set(rows.map(({ id }) => id));
}
