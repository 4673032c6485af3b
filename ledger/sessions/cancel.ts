import type { ClassName } from '../../crds/values.ts';
import type { Sql } from '../database.ts';
import type { PoolId } from '../policy.ts';
import { type SessionState, shownState } from './states.ts';

/**
 * Cancelling: what is queued ends at once; what is admitted ends by the same compare-and-set by which its owner would send it, so one of the two
 * wins. A call that is being sent or is live is left alone, and its session ends with it. Lock order: session, then attempt.
 */

export type Cancelled =
  | { readonly kind: 'cancelled'; readonly class: ClassName }
  | { readonly kind: 'live'; readonly state: SessionState; readonly class: ClassName }
  | { readonly kind: 'ended'; readonly outcome: string }
  | { readonly kind: 'absent' };

/** `withResults`: ended sessions are delivered somewhere, so their end is written to the outbox. */
export type CancelOptions = { readonly withResults: boolean };

const ending = `state = 'ended', ready = false, attempt_id = null, outcome = 'Cancelled', outcome_reason = 'Requested', ended_at = clock_timestamp()`;

const endQueued = (which: string) => `
  with due as (select id, seq from session where pool_id = $1 and state = 'queued' and ${which}),
  ended as (update session s set ${ending} where s.id = any(array(select id from due)) returning s.id, s.seq),
  told as (insert into outbox (pool_id, session_id) select $1, id from ended where $2 on conflict do nothing)
  select count(*)::int as cancelled, max(seq) as last from ended`;

const endUnsent = (which: string) => `
  with due as (select id, attempt_id from session where pool_id = $1 and state = 'open' and direction = 'Outbound' and ${which} order by id for update),
  unsent as (
    update attempt a set state = 'ended', outcome = 'Cancelled', ended_at = clock_timestamp(), released_at = clock_timestamp()
    from due where a.id = due.attempt_id and a.state = 'admitted' returning a.id, a.session_id),
  ended as (update session s set ${ending} from unsent u where s.id = u.session_id returning s.id),
  told as (insert into outbox (pool_id, session_id) select $1, id from ended where $2 on conflict do nothing),
  signalled as (insert into signal (pool_id, kind, attempt_id) select $1, 'unsent-cancelled', id from unsent)
  select count(*)::int as cancelled from ended`;

/** How often a session that goes from queued to open and back under our hands is tried again. */
const tries = 5;

/** Cancels one session, unless its call is live. */
export async function cancelSession(sql: Sql, poolId: PoolId, id: string, { withResults }: CancelOptions): Promise<Cancelled> {
  let seen: Cancelled = { kind: 'absent' };
  for (let n = 0; n < tries; n += 1) {
    const found = await sql.query<{ state: SessionState; class: ClassName; outcome: string | null }>({
      name: 'see-session',
      text: `select ${shownState} as state, s.class, s.outcome from session s left join attempt a on a.id = s.attempt_id
             where s.id = $2 and s.pool_id = $1`,
      values: [poolId, id],
    });
    const session = found.rows[0];
    if (session === undefined) return { kind: 'absent' };
    if (session.state === 'ended') return { kind: 'ended', outcome: session.outcome ?? 'Unknown' };
    seen = { kind: 'live', state: session.state, class: session.class };
    if (session.state !== 'queued' && session.state !== 'admitted') return seen;

    const [name, text] =
      session.state === 'queued' ? (['cancel-queued', endOneQueued] as const) : (['cancel-unsent', endOneUnsent] as const);
    const ended = await sql.query<{ cancelled: number }>({ name, text, values: [poolId, withResults, id] });
    if (ended.rows[0]?.cancelled === 1) return { kind: 'cancelled', class: session.class };
  }
  return seen;
}

const endOneQueued = endQueued('id = $3 for update');
const endOneUnsent = endUnsent('id = $3');

/** Newest position of a class in the order of the ledger: what comes later is not meant by a cancellation of now. */
export async function newestOf(sql: Sql, poolId: PoolId, className: ClassName): Promise<string> {
  const { rows } = await sql.query<{ seq: string | null }>(
    `select max(x.seq) as seq from unnest(array['queued', 'open']) as st(state) cross join lateral (
       select seq from session where pool_id = $1 and class = $2 and state = st.state order by seq desc limit 1) x`,
    [poolId, className],
  );
  return rows[0]?.seq ?? '0';
}

/** Rows that one statement ends: short enough to hold no lock for long. */
export const cancelBite = 10_000;

/**
 * Ends a bite of what is queued of a class after position `after`, up to `upTo`; by a forward range of `session_listing`. Rows that somebody changes
 * right now are skipped, and met again on the next round.
 */
export async function cancelQueuedOf(
  sql: Sql,
  poolId: PoolId,
  className: ClassName,
  range: { readonly after: string; readonly upTo: string },
  { withResults }: CancelOptions,
): Promise<{ readonly cancelled: number; readonly last: string | undefined }> {
  const { rows } = await sql.query<{ cancelled: number; last: string | null }>({
    name: 'cancel-queued-of',
    text: endManyQueued,
    values: [poolId, withResults, className, range.after, range.upTo],
  });
  return { cancelled: rows[0]?.cancelled ?? 0, last: rows[0]?.last ?? undefined };
}

export const endManyQueued = endQueued(`class = $3 and seq > $4 and seq <= $5 order by seq limit ${cancelBite} for update skip locked`);

/** Ends what is admitted of a class and not yet sent. Returns how many. */
export async function cancelUnsentOf(
  sql: Sql,
  poolId: PoolId,
  className: ClassName,
  upTo: string,
  { withResults }: CancelOptions,
): Promise<number> {
  const { rows } = await sql.query<{ cancelled: number }>({
    name: 'cancel-unsent-of',
    text: endUnsent('class = $3 and seq <= $4'),
    values: [poolId, withResults, className, upTo],
  });
  return rows[0]?.cancelled ?? 0;
}

/** Sees to it that these sessions end with the call that they are in, whatever becomes of it: nobody is dialled again for them. */
export async function endWithTheirCalls(
  sql: Sql,
  poolId: PoolId,
  which: { readonly id: string } | { readonly class: ClassName; readonly upTo: string },
): Promise<void> {
  const [where, ...values] =
    'id' in which ? (['id = $2', which.id] as const) : (['class = $2 and seq <= $3', which.class, which.upTo] as const);
  await sql.query(
    `with open as (select id from session where pool_id = $1 and state = 'open' and cancelled_at is null and ${where} order by id for update)
     update session s set cancelled_at = clock_timestamp() from open where s.id = open.id`,
    [poolId, ...values],
  );
}

/** What is left of a class up to a position: still to be ended, and live. */
export async function leftOf(
  sql: Sql,
  poolId: PoolId,
  className: ClassName,
  upTo: string,
): Promise<{ readonly waiting: boolean; readonly live: number }> {
  const { rows } = await sql.query<{ waiting: boolean; live: number }>(
    `select exists (select from session where pool_id = $1 and class = $2 and state = 'queued' and seq <= $3)
         or exists (select from session s join attempt a on a.id = s.attempt_id
           where s.pool_id = $1 and s.class = $2 and s.state = 'open' and s.seq <= $3 and s.direction = 'Outbound' and a.state = 'admitted') as waiting,
       (select count(*)::int from session where pool_id = $1 and class = $2 and state = 'open' and seq <= $3) as live`,
    [poolId, className, upTo],
  );
  return { waiting: rows[0]?.waiting ?? false, live: rows[0]?.live ?? 0 };
}
