import type { Decision } from '../../capacity/scaling/decision.ts';
import type { Sql } from '../database.ts';
import type { PoolId } from '../policy.ts';

/** The newest decision on a pool's number of workers: written by whoever starts them, told by any worker. */

export type WrittenDecision = {
  readonly poolId: PoolId;
  readonly decision: Decision;
  /** Whether it says something else than the one before; otherwise only its figures are newer. */
  readonly changed: boolean;
};

/** Writes the newest decision of each pool. One statement; each pool once. */
export async function writeDecisions(sql: Sql, decisions: readonly WrittenDecision[]): Promise<void> {
  if (decisions.length === 0) return;
  await sql.query({
    name: 'write-decisions',
    text: `insert into scaling (pool_id, decision)
           select "poolId", decision from jsonb_to_recordset($1::jsonb) as x("poolId" int, decision jsonb) order by 1
           on conflict (pool_id) do update set decision = excluded.decision, decided_at = clock_timestamp(),
             changed_at = case when scaling.pool_id = any($2::int[]) then clock_timestamp() else scaling.changed_at end`,
    values: [
      JSON.stringify(decisions.map(({ poolId, decision }) => ({ poolId, decision }))),
      decisions.filter(({ changed }) => changed).map(({ poolId }) => poolId),
    ],
  });
}

export type SeenDecision = { readonly decision: Decision; readonly ageMs: number; readonly changedAgeMs: number };

/** Undefined until somebody has decided. */
export async function readDecision(sql: Sql, poolId: PoolId): Promise<SeenDecision | undefined> {
  const age = (column: string) => `greatest(0, extract(epoch from clock_timestamp() - ${column}) * 1000)::float8`;
  const { rows } = await sql.query<{ decision: Decision; age_ms: number; changed_age_ms: number }>({
    name: 'read-decision',
    text: `select decision, ${age('decided_at')} as age_ms, ${age('changed_at')} as changed_age_ms from scaling where pool_id = $1`,
    values: [poolId],
  });
  const [row] = rows;
  return row === undefined ? undefined : { decision: row.decision, ageMs: row.age_ms, changedAgeMs: row.changed_age_ms };
}
