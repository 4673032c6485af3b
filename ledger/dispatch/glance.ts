import type { Holds } from '../../capacity/admission/snapshot.ts';
import type { ClockReading } from '../../capacity/watching/clock-skew.ts';
import type { Sql } from '../database.ts';
import { holdsOf } from '../holds.ts';
import type { PoolId } from '../policy.ts';
import { isSilent, servingIds, type WorkerId } from '../workers.ts';

/** What of the ledger concerns a dispatcher beside signals and the heads of the queue: enough to know what has to be read or done, and what has not. */
export type Glance = {
  readonly clock: ClockReading;
  readonly policyVersion: number | undefined;
  readonly holds: Holds;
  readonly guarded: boolean;
  readonly workers: readonly WorkerId[];
  /** A worker has not been heard of for so long that it may be dead. */
  readonly silentWorker: boolean;
  /** Signals wait: their NOTIFY was lost, or they were written without one. */
  readonly signalled: boolean;
  /** Sessions came or went since the depth of the queue was folded. */
  readonly queueChanged: boolean;
  /** Until the next session becomes ready; undefined when none waits for its time. */
  readonly nextDueInMs: number | undefined;
  readonly expired: boolean;
};

/**
 * One statement that a dispatcher with nothing to do can afford twice a second: single rows and first entries of indexes, whatever the queue, the history
 * or the live calls are; a test looks at the plan. Instants are compared with the statement's, which an index can be asked for; `clock_timestamp()` would
 * be asked of every entry. `$2`: rows of `queue_depth` as they were folded.
 */
export const glanceStatement = `
  select (extract(epoch from clock_timestamp()) * 1000)::float8 as now_ms,
    (select version from policy where pool_id = $1 order by version desc limit 1) as policy_version,
    array(select class from overlay where pool_id = $1 and kind = 'hold' and (until is null or until > statement_timestamp())
      union all select '' from pool where id = $1 and closed_at is not null) as held,
    exists (select from guard where pool_id = $1) as guarded,
    array(${servingIds}) as workers,
    exists (select from worker where pool_id = $1 and ${isSilent}) as silent_worker,
    exists (select from signal where pool_id = $1) as signalled,
    (select count(*) from (select from queue_depth where pool_id = $1 limit $2::int + 1) delta) > $2::int as queue_changed,
    (select (extract(epoch from min(not_before) - clock_timestamp()) * 1000)::float8 from session
      where pool_id = $1 and state = 'queued' and not ready) as next_due_in_ms,
    exists (select from session where pool_id = $1 and state = 'queued' and expires_at <= statement_timestamp()) as expired`;

/** Glances at the pool. `foldedRows`: how many rows the last fold of the queue's depth left; `now`: this process's monotonic clock. */
export async function glance(sql: Sql, poolId: PoolId, foldedRows: number, now: () => number): Promise<Glance> {
  const askedAtMs = now();
  const { rows } = await sql.query<{
    now_ms: number;
    policy_version: string | null;
    held: readonly string[];
    guarded: boolean;
    workers: readonly WorkerId[];
    silent_worker: boolean;
    signalled: boolean;
    queue_changed: boolean;
    next_due_in_ms: number | null;
    expired: boolean;
  }>({ name: 'glance', text: glanceStatement, values: [poolId, foldedRows] });
  const [row] = rows;
  if (row === undefined) throw new Error('a glance at the ledger showed nothing');
  return {
    clock: { showedMs: row.now_ms, resolutionMs: 0, askedAtMs, toldAtMs: now() },
    policyVersion: row.policy_version === null ? undefined : Number(row.policy_version),
    holds: holdsOf(row.held),
    guarded: row.guarded,
    workers: row.workers,
    silentWorker: row.silent_worker,
    signalled: row.signalled,
    queueChanged: row.queue_changed,
    nextDueInMs: row.next_due_in_ms ?? undefined,
    expired: row.expired,
  };
}
