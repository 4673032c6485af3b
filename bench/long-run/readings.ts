import type pg from 'pg';
import { memoryOfChildren } from '../running-pool.ts';

/** What a pool that runs for long looks like at one moment. */
export type Reading = {
  readonly atSeconds: number;
  /** Calls sent per second since the reading before. */
  readonly callsPerSecond: number;
  /** From the moment a session could have been admitted until its request began, of outbound calls sent since the reading before. */
  readonly waitMs: { readonly p50: number; readonly p99: number };
  /** From the commit of the admission until the worker may send, of the same calls. */
  readonly dispatchMs: { readonly p50: number; readonly p99: number };
  readonly queued: number;
  readonly live: number;
  /** Resident memory of the largest worker. */
  readonly workerMb: number;
  /** Tables that hold what goes on now, and must not grow. */
  readonly workingMb: number;
  /** Tables that hold what happened, kept as long as `retention` says: bytes for each session that they hold. */
  readonly keptBytesPerSession: number;
  readonly sessions: number;
};

const workingTables = ['signal', 'queue_depth', 'limiter', 'dispatcher', 'project_watch', 'worker', 'overlay', 'token', 'policy'];
const keptTables = ['session', 'attempt', 'inbox', 'outbox'];

const sent = `
  select count(*)::int as calls,
    percentile_cont(array[0.5, 0.99]) within group (order by greatest(0, extract(epoch from a.sending_at - s.ready_at)) * 1000) as wait,
    percentile_cont(array[0.5, 0.99]) within group (order by extract(epoch from a.sending_at - a.admitted_at) * 1000) as dispatch
  from attempt a join session s on s.id = a.session_id
  where a.direction = 'Outbound' and a.sending_at > clock_timestamp() - $1 * interval '1 ms'`;

const sizes = `
  select coalesce(sum(pg_total_relation_size(c.oid)) filter (where relname = any($1)), 0)::float8 as working,
    coalesce(sum(pg_total_relation_size(c.oid)) filter (where relname = any($2)), 0)::float8 as kept
  from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'trunkline' and c.relkind = 'r'`;

const counts = `
  select (select coalesce(sum(delta), 0)::int from queue_depth) as queued, (select count(*)::int from attempt where released_at is null) as live,
    (select count(*)::int from session) as sessions`;

/** Takes a reading over the last `windowMs`. */
export async function read(connection: pg.Client, supervisorPid: number, startedMs: number, windowMs: number): Promise<Reading> {
  const calls = (await connection.query<{ calls: number; wait: number[] | null; dispatch: number[] | null }>(sent, [windowMs])).rows[0];
  const size = (await connection.query<{ working: number; kept: number }>(sizes, [workingTables, keptTables])).rows[0];
  const count = (await connection.query<{ queued: number; live: number; sessions: number }>(counts)).rows[0];
  if (calls === undefined || size === undefined || count === undefined) throw new Error('the ledger did not answer');
  const memory = await memoryOfChildren(supervisorPid, 'workers/main.ts');
  return {
    atSeconds: Math.round((performance.now() - startedMs) / 1_000),
    callsPerSecond: calls.calls / (windowMs / 1_000),
    waitMs: percentilesOf(calls.wait),
    dispatchMs: percentilesOf(calls.dispatch),
    queued: count.queued,
    live: count.live,
    workerMb: Math.max(...memory) / 1_048_576,
    workingMb: size.working / 1_048_576,
    keptBytesPerSession: size.kept / Math.max(1, count.sessions),
    sessions: count.sessions,
  };
}

function percentilesOf(values: readonly number[] | null): { readonly p50: number; readonly p99: number } {
  return { p50: values?.[0] ?? Number.NaN, p99: values?.[1] ?? Number.NaN };
}
