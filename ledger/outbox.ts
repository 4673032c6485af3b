import { type Database, inTransaction, type Sql } from './database.ts';
import type { PoolId } from './policy.ts';

/**
 * The results of ended sessions that are still to be delivered. A row is written in the statement that ends its session, and one worker at a time
 * takes it: taking is counting the try and moving `next_at` beyond the time that a delivery may take, so a worker that dies gives the row back by
 * itself. While a row is taken, `last_error` is null; while it waits for its next try, it is not.
 */

/** What the team's address is told about a session. Number and name are the team's own and go nowhere else. */
export type DueResult = {
  readonly outboxId: string;
  /** This delivery's number, from 1; also what fences it against a later one. */
  readonly tries: number;
  readonly sessionId: string;
  readonly class: string;
  readonly direction: 'Inbound' | 'Outbound';
  readonly outcome: string;
  readonly reason: string | null;
  readonly attempts: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly context: Readonly<Record<string, unknown>> | null;
  readonly number: string | null;
  readonly name: string | null;
  /** When the conversation of the last attempt began; null when nothing was ever connected. */
  readonly startedAt: Date | null;
  readonly endedAt: Date;
  readonly callId: string | null;
  readonly project: string | null;
  readonly costUsd: number | null;
};

/** Beside the spaces of locks.ts: only one worker of a pool takes at a time, so that deliveries under way can be counted. */
const takingSpace = 7_424;

type Row = Omit<DueResult, 'costUsd' | 'outboxId'> & { readonly outboxId: string; readonly costUsd: string | null };

/**
 * Takes results that are due, while fewer than `maxConcurrent` are under way over all workers of the pool. Uses the index outbox_due.
 */
export async function takeDueResults(
  database: Database,
  poolId: PoolId,
  limits: { readonly maxConcurrent: number; readonly leaseMs: number },
): Promise<readonly DueResult[]> {
  if (!(await anyDue(database, poolId))) return [];
  return inTransaction(database, async (sql) => {
    // A statement of its own: the one that counts must see what others took before they gave the lock back.
    await sql.query('select pg_advisory_xact_lock($1, $2)', [takingSpace, poolId]);
    const { rows } = await sql.query<Row>({
      name: 'take-due-results',
      text: `
        with under_way as (
          select count(*)::int as n from outbox
          where pool_id = $1 and delivered_at is null and failed_at is null and tries > 0 and last_error is null
            and next_at > clock_timestamp() and next_at <= clock_timestamp() + $3 * interval '1 ms'),
        taken as (
          update outbox set tries = tries + 1, last_error = null, next_at = clock_timestamp() + $3 * interval '1 ms'
          where id = any(array(
            select id from outbox where pool_id = $1 and delivered_at is null and failed_at is null and next_at <= clock_timestamp()
            order by next_at limit greatest(0, $2 - (select n from under_way)) for update skip locked))
          returning id, session_id, tries)
        select t.id as "outboxId", t.tries, s.id as "sessionId", s.class, s.direction, s.outcome, s.outcome_reason as reason, s.attempts,
          s.labels, s.context, s.number, s.name, s.ended_at as "endedAt", last.bound_at as "startedAt", last.call_id as "callId", last.project,
          (select sum(a.cost_usd) from attempt a where a.session_id = s.id) as "costUsd"
        from taken t join session s on s.id = t.session_id
        left join lateral (
          select a.bound_at, a.call_id, a.project from attempt a where a.session_id = s.id order by a.created_at desc limit 1) last on true
        where s.state = 'ended'
        order by t.id`,
      values: [poolId, limits.maxConcurrent, limits.leaseMs],
    });
    return rows.map((row) => ({ ...row, costUsd: row.costUsd === null ? null : Number(row.costUsd) }));
  });
}

async function anyDue(sql: Sql, poolId: PoolId): Promise<boolean> {
  const { rows } = await sql.query({
    name: 'any-due-result',
    text: `select from outbox where pool_id = $1 and delivered_at is null and failed_at is null and next_at <= clock_timestamp() limit 1`,
    values: [poolId],
  });
  return rows.length > 0;
}

/** What became of one delivery. */
export type Delivery =
  | { readonly kind: 'delivered' }
  | { readonly kind: 'again'; readonly delayMs: number; readonly error: string }
  | { readonly kind: 'failed'; readonly error: string };

/** Notes it, unless somebody else took the row meanwhile because the lease had run out. */
export async function settleResult(sql: Sql, result: Pick<DueResult, 'outboxId' | 'tries'>, delivery: Delivery): Promise<void> {
  await sql.query({
    name: 'settle-result',
    text: `
      update outbox set
        delivered_at = case when $3 = 'delivered' then clock_timestamp() end,
        failed_at = case when $3 = 'failed' then clock_timestamp() end,
        next_at = case when $3 = 'again' then clock_timestamp() + $4 * interval '1 ms' else next_at end,
        last_error = $5
      where id = $1 and tries = $2 and delivered_at is null and failed_at is null`,
    values: [
      result.outboxId,
      result.tries,
      delivery.kind,
      delivery.kind === 'again' ? delivery.delayMs : 0,
      delivery.kind === 'delivered' ? null : delivery.error,
    ],
  });
}

/**
 * Writes the result of an ended session for delivery, `delayMs` from now at the earliest. Statements that end sessions do the same themselves; a
 * session has one result, however often this is called.
 */
export async function enqueueResult(sql: Sql, poolId: PoolId, sessionId: string, delayMs = 0): Promise<void> {
  await sql.query(
    `insert into outbox (pool_id, session_id, next_at) values ($1, $2, clock_timestamp() + $3 * interval '1 ms') on conflict do nothing`,
    [poolId, sessionId, delayMs],
  );
}
