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

/** A session's call on the phone, and what the provider was told of its person. */
export type LiveCall = {
  readonly project: string;
  readonly controlUrl: string | undefined;
  readonly name: string | null;
  readonly context: unknown;
};

/** The live call of a session, if it has one, with the address that ends it. */
export async function liveCallOf(sql: Sql, poolId: PoolId, sessionId: string): Promise<LiveCall | undefined> {
  const { rows } = await sql.query<{ project: string; control_url: string | null; name: string | null; context: unknown }>(
    `select a.project, a.control_url, s.name, s.context from session s join attempt a on a.id = s.attempt_id
     where s.pool_id = $1 and s.id = $2 and s.state = 'open' and a.state = 'bound'`,
    [poolId, sessionId],
  );
  const row = rows[0];
  return row === undefined
    ? undefined
    : { project: row.project, controlUrl: row.control_url ?? undefined, name: row.name, context: row.context };
}
