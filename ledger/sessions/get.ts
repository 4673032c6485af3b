import type { Sql } from '../database.ts';
import type { PoolId } from '../policy.ts';
import { type StoredSession, shownAttempt, shownSession } from './columns.ts';

/** A session with its context and, while it waits, how many of its class are before it. */
export type SessionDetail = StoredSession & {
  readonly context?: Readonly<Record<string, unknown>>;
  /** Ready sessions of the class with a higher score, or the same and queued earlier; not counted beyond {@link countedAhead}. */
  readonly ahead?: number;
};

export const countedAhead = 10_000;

/** Reads one session by its id: by `session_pkey`, `attempt_session` and, for what is ahead, a range of `session_claim`. */
export async function getSession(sql: Sql, poolId: PoolId, id: string): Promise<SessionDetail | undefined> {
  const { rows } = await sql.query<{ session: SessionDetail }>({
    name: 'get-session',
    text: `
      select ${shownSession} || jsonb_strip_nulls(jsonb_build_object('attempt', newest.attempt, 'ahead', line.ahead))
        || case when s.context is null then '{}' else jsonb_build_object('context', s.context) end as session
      from session s
        left join attempt a on a.id = s.attempt_id
        left join lateral (
          select ${shownAttempt} as attempt from attempt t where t.session_id = s.id order by t.created_at desc limit 1) newest on true
        left join lateral (
          select count(*)::int as ahead from (
            select from session o where o.pool_id = s.pool_id and o.class = s.class and o.state = 'queued' and o.ready
              and (o.score > s.score or (o.score = s.score and o.seq < s.seq)) limit ${countedAhead}) before) line
          on s.state = 'queued' and s.ready
      where s.id = $2 and s.pool_id = $1`,
    values: [poolId, id],
  });
  return rows[0]?.session;
}
