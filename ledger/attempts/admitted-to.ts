import type { Sql } from '../database.ts';
import type { PoolId } from '../policy.ts';
import type { WorkerId } from '../workers.ts';

/** Attempts that are admitted for this worker: what a lost NOTIFY would have told it. */
export async function admittedTo(sql: Sql, poolId: PoolId, owner: WorkerId): Promise<readonly string[]> {
  const { rows } = await sql.query<{ id: string }>({
    name: 'admitted-to',
    text: `select id from attempt where pool_id = $1 and released_at is null and state = 'admitted' and owner = $2 order by admitted_at limit 200`,
    values: [poolId, owner],
  });
  return rows.map((row) => row.id);
}

/** The live call of a session, if it has one, with the address that ends it. */
export async function liveCallOf(
  sql: Sql,
  poolId: PoolId,
  sessionId: string,
): Promise<{ readonly project: string; readonly controlUrl: string | undefined } | undefined> {
  const { rows } = await sql.query<{ project: string; control_url: string | null }>(
    `select a.project, a.control_url from session s join attempt a on a.id = s.attempt_id
     where s.pool_id = $1 and s.id = $2 and s.state = 'open' and a.state = 'bound'`,
    [poolId, sessionId],
  );
  return rows[0] === undefined ? undefined : { project: rows[0].project, controlUrl: rows[0].control_url ?? undefined };
}
