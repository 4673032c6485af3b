import type { ClassName } from '../../crds/values.ts';
import type { Sql } from '../database.ts';
import type { PoolId } from '../policy.ts';
import { type StoredSession, shownSession } from './columns.ts';
import type { SessionState } from './states.ts';

export type ListFilter = {
  readonly class: ClassName | string | undefined;
  /** `open` stands for every state between `queued` and `ended`. */
  readonly state: SessionState | 'open' | undefined;
  /** Position in the order of the ledger before which to go on; see {@link SessionPage}. */
  readonly before: string | undefined;
  readonly limit: number;
};

export type SessionPage = { readonly sessions: readonly StoredSession[]; readonly next: string | undefined };

/**
 * Sessions, newest first. Every class and state is one backward range of `session_listing`, so a page costs the same however long the queue is; the
 * ranges are merged. Attempt states are read from the open sessions, of which there are no more than slots.
 */
export const listStatement = `
  with recursive name as (
    (select class from session where pool_id = $1 and $2::text is null order by class limit 1)
    union all
    select n.class from name cross join lateral (
      select class from session where pool_id = $1 and class > name.class order by class limit 1) n),
  wanted as (select class from name union all select $2 where $2 is not null)
  select x.seq, x.session
  from wanted w cross join unnest($3::text[]) as st(state) cross join lateral (
    select s.seq, ${shownSession} as session
    from session s left join attempt a on a.id = s.attempt_id
    where s.pool_id = $1 and s.class = w.class and s.state = st.state and s.seq < $5 and ($4::text is null or a.state = $4)
    order by s.seq desc limit $6) x
  order by x.seq desc limit $6`;

export async function listSessions(sql: Sql, poolId: PoolId, filter: ListFilter): Promise<SessionPage> {
  const { states, attemptState } = ledgerStates(filter.state);
  const { rows } = await sql.query<{ seq: string; session: StoredSession }>({
    name: 'list-sessions',
    text: listStatement,
    values: [poolId, filter.class ?? null, states, attemptState, filter.before ?? lastPosition, filter.limit],
  });
  return { sessions: rows.map((row) => row.session), next: rows.length < filter.limit ? undefined : rows.at(-1)?.seq };
}

/** The largest bigint: everything lies before it. */
const lastPosition = '9223372036854775807';

function ledgerStates(state: ListFilter['state']): { readonly states: readonly string[]; readonly attemptState: string | null } {
  if (state === undefined) return { states: ['queued', 'open', 'ended'], attemptState: null };
  if (state === 'queued' || state === 'open' || state === 'ended') return { states: [state], attemptState: null };
  return { states: ['open'], attemptState: state };
}
