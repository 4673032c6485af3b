import pg from 'pg';
import type { ProjectName } from '../crds/values.ts';
import type { Sql } from './database.ts';
import type { PoolId } from './policy.ts';

/** Calls whose news the ledger does not take, however often it is told. */

export type FailingCall = { readonly callId: string; readonly error: unknown };

/** How often in a row, and for how long. */
export type Failing = { readonly tries: number; readonly forMs: number };

/** Failures that lie further apart are no row of failures: the call did well between them. */
const apartMs = 600_000;

/** Counts one more failure of each of these calls. */
export async function noteFailing(
  sql: Sql,
  poolId: PoolId,
  project: ProjectName,
  calls: readonly FailingCall[],
): Promise<ReadonlyMap<string, Failing>> {
  const { rows } = await sql.query<{ call_id: string; tries: number; for_ms: number }>({
    name: 'note-failing',
    text: `
      insert into failing_call as f (pool_id, project, call_id, trouble)
      select distinct on (x.call_id) $1, $2, x.call_id, x.trouble from unnest($3::text[], $4::text[]) as x(call_id, trouble) order by x.call_id
      on conflict (pool_id, call_id) do update set
        tries = case when f.last_at < clock_timestamp() - ${apartMs} * interval '1 ms' then 1 else f.tries + 1 end,
        first_at = case when f.last_at < clock_timestamp() - ${apartMs} * interval '1 ms' then clock_timestamp() else f.first_at end,
        last_at = clock_timestamp(), project = excluded.project, trouble = excluded.trouble
      returning call_id, tries, (extract(epoch from last_at - first_at) * 1000)::float8 as for_ms`,
    values: [poolId, project, calls.map(({ callId }) => callId), calls.map(({ error }) => codeOf(error))],
  });
  return new Map(rows.map((row) => [row.call_id, { tries: row.tries, forMs: row.for_ms }]));
}

/** PostgreSQL's code or the error's name; its words may hold what a person said. */
function codeOf(error: unknown): string {
  if (error instanceof pg.DatabaseError) return error.code ?? error.name;
  return error instanceof Error ? error.name : 'Error';
}
