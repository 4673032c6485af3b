import type { Percentiles } from '../capacity/view.ts';
import type { Sql } from './database.ts';
import type { PoolId } from './policy.ts';

/**
 * What happened in a pool since an instant, counted from the tables after the fact. These statements read whole tables: they are for the end of a run,
 * not for a pool at work.
 */
export type LedgerSummary = {
  readonly accepted: number;
  readonly ended: Readonly<Record<string, number>>;
  readonly queued: number;
  readonly live: number;
  readonly classes: Readonly<Record<string, ClassSummary>>;
  /** From admission to the commit just before the request to the provider. */
  readonly dispatchMs: Percentiles | null;
};

export type ClassSummary = {
  readonly admitted: number;
  readonly ended: number;
  readonly abandoned: number;
  readonly waitMs: Percentiles | null;
  /** Most slots held at once. */
  readonly peak: number;
};

/** The ledger's clock, to begin a run at. */
export async function ledgerNow(sql: Sql): Promise<Date> {
  const { rows } = await sql.query<{ now: Date }>('select clock_timestamp() as now');
  const now = rows[0]?.now;
  if (now === undefined) throw new Error('the ledger did not tell the time');
  return now;
}

/** Sums up what happened since `since`; `queued` and `live` are now. */
export async function summarize(sql: Sql, poolId: PoolId, since: Date): Promise<LedgerSummary> {
  const totals = await sql.query<{ accepted: string; queued: string; live: string }>(
    `select count(*) filter (where created_at >= $2) as accepted,
            count(*) filter (where state = 'queued') as queued,
            count(*) filter (where state = 'open') as live
     from session where pool_id = $1`,
    [poolId, since],
  );
  const outcomes = await sql.query<{ outcome: string; sessions: string }>(
    `select outcome, count(*) as sessions from session where pool_id = $1 and ended_at >= $2 group by outcome order by outcome`,
    [poolId, since],
  );
  const dispatch = await sql.query<PercentileRow>(
    `select ${percentiles('sending_at - admitted_at')} from attempt where pool_id = $1 and admitted_at >= $2 and sending_at is not null`,
    [poolId, since],
  );
  return {
    accepted: Number(totals.rows[0]?.accepted ?? 0),
    queued: Number(totals.rows[0]?.queued ?? 0),
    live: Number(totals.rows[0]?.live ?? 0),
    ended: Object.fromEntries(outcomes.rows.map((row) => [row.outcome, Number(row.sessions)])),
    classes: await classSummaries(sql, poolId, since),
    dispatchMs: percentilesOf(dispatch.rows[0]),
  };
}

async function classSummaries(sql: Sql, poolId: PoolId, since: Date): Promise<Readonly<Record<string, ClassSummary>>> {
  // A session that waits again after a refusal or for a redial has a new `ready_at`: its earlier attempts then begin before it and tell no wait.
  const waits = await sql.query<PercentileRow & { class: string; admitted: string }>(
    `select a.class, count(*) as admitted, ${percentiles('a.admitted_at - s.ready_at', 'a.admitted_at >= s.ready_at')}
     from attempt a join session s on s.id = a.session_id
     where a.pool_id = $1 and a.admitted_at >= $2 group by a.class`,
    [poolId, since],
  );
  const ended = await sql.query<{ class: string; ended: string; abandoned: string }>(
    `select class, count(*) as ended, count(*) filter (where outcome = 'Abandoned') as abandoned
     from session where pool_id = $1 and ended_at >= $2 group by class`,
    [poolId, since],
  );
  const peaks = await peakSlots(sql, poolId, since);
  const names = new Set([...waits.rows.map((row) => row.class), ...ended.rows.map((row) => row.class), ...peaks.keys()]);
  return Object.fromEntries(
    [...names].sort().map((name) => {
      const wait = waits.rows.find((row) => row.class === name);
      const end = ended.rows.find((row) => row.class === name);
      const summary: ClassSummary = {
        admitted: Number(wait?.admitted ?? 0),
        ended: Number(end?.ended ?? 0),
        abandoned: Number(end?.abandoned ?? 0),
        waitMs: percentilesOf(wait),
        peak: peaks.get(name) ?? 0,
      };
      return [name, summary];
    }),
  );
}

/** Sweeps over the beginnings and ends of all slots, ends first where they coincide, and keeps the highest count per class. */
async function peakSlots(sql: Sql, poolId: PoolId, since: Date): Promise<ReadonlyMap<string, number>> {
  const { rows } = await sql.query<{ class: string; peak: string }>(
    `with held as (
       select class, greatest(admitted_at, $2) as from_at, coalesce(released_at, 'infinity') as to_at
       from attempt where pool_id = $1 and admitted_at is not null and class is not null
         and (released_at is null or released_at >= $2)
     ), edge as (
       select class, from_at as at, 1 as change from held union all select class, to_at, -1 from held
     ), count_at as (
       select class, sum(change) over (partition by class order by at, change rows unbounded preceding) as slots from edge
     )
     select class, max(slots) as peak from count_at group by class`,
    [poolId, since],
  );
  return new Map(rows.map((row) => [row.class, Number(row.peak)]));
}

/**
 * Of sessions that were acknowledged, how many are neither queued, nor live with an attempt that is, nor ended with an outcome.
 * Relies on the primary keys of both tables.
 */
export async function countLost(sql: Sql, poolId: PoolId, ids: readonly string[]): Promise<number> {
  const { rows } = await sql.query<{ lost: string }>(
    `select count(*) as lost from unnest($2::uuid[]) as accepted(id)
     left join session s on s.id = accepted.id and s.pool_id = $1
     left join attempt a on a.id = s.attempt_id
     where s.id is null or not (
       s.state = 'queued' or (s.state = 'ended' and s.outcome is not null) or
       (s.state = 'open' and a.state in ('pending', 'admitted', 'sending', 'bound')))`,
    [poolId, ids],
  );
  return Number(rows[0]?.lost ?? 0);
}

/** How many attempts of a pool are not over: calls that live, or whose line is not free yet. */
export async function countOpen(sql: Sql, poolId: PoolId): Promise<number> {
  const { rows } = await sql.query<{ open: string }>(`select count(*) as open from attempt where pool_id = $1 and released_at is null`, [
    poolId,
  ]);
  return Number(rows[0]?.open ?? 0);
}

type PercentileRow = { readonly p50: number | null; readonly p95: number | null; readonly p99: number | null };

/** SQL for three percentiles of an interval, in milliseconds. */
function percentiles(span: string, where = 'true'): string {
  const ms = `extract(epoch from ${span}) * 1000`;
  return [50, 95, 99]
    .map((p) => `(percentile_cont(${p / 100}) within group (order by ${ms}) filter (where ${where}))::float8 as p${p}`)
    .join(', ');
}

function percentilesOf(row: PercentileRow | undefined): Percentiles | null {
  if (row === undefined || row.p50 === null || row.p95 === null || row.p99 === null) return null;
  const tenths = (ms: number): number => Math.round(ms * 10) / 10;
  return { p50: tenths(row.p50), p95: tenths(row.p95), p99: tenths(row.p99) };
}
