import type { FleetReading, FleetView, WorkerReading } from '../../capacity/scaling/fleet.ts';
import type { Sql } from '../database.ts';
import type { PoolId } from '../policy.ts';

/** Due sessions of a class that are counted at most: as many would keep 285 workers busy that carry 17 each. */
const countedDue = 5_000;

/**
 * SQL: of each pool of `$1` what its dispatcher sees, its due sessions by class, and its workers. A pool where nothing waits costs its dispatcher's row, its
 * few workers (`worker_serving`) and a look into `queue_depth_pool`; only classes with a queue lead into `session_claim`, and there no further than needed.
 */
export const readFleetsStatement = `
  select pools.id as pool_id, d.view, d.age_ms, coalesce(w.workers, '[]') as workers, coalesce(q.due, '{}') as due
  from unnest($1::int[]) as pools(id)
  left join lateral (
    select worker_id, view - '{decisions,directions,upstreams}'::text[] as view,
      (extract(epoch from statement_timestamp() - beat_at) * 1000)::float8 as age_ms
    from dispatcher where pool_id = pools.id and view is not null) d on true
  left join lateral (
    select jsonb_agg(jsonb_build_object('name', name, 'state', state, 'startedInMs', started_in_ms, 'sessions', sessions, 'latencyMs', latency_ms,
      'dispatching', coalesce(id = d.worker_id, false),
      'beatAgeMs', greatest(0, (extract(epoch from statement_timestamp() - beat_at) * 1000)::float8)) order by id) as workers
    from worker where pool_id = pools.id and state <> 'gone' and beat_at > statement_timestamp() - interval '1 min') w on true
  left join lateral (
    select jsonb_object_agg(waiting.class, counted.due) as due
    from (select class from queue_depth where pool_id = pools.id group by class having sum(delta) > 0) waiting
    cross join lateral (
      select count(*) as due from (
        select from session where pool_id = pools.id and class = waiting.class and state = 'queued' and ready limit ${countedDue}) found) counted) q
    on true`;

type Row = {
  readonly pool_id: PoolId;
  readonly view: FleetView | null;
  readonly age_ms: number | null;
  readonly workers: readonly WorkerReading[];
  readonly due: Readonly<Record<string, number>>;
};

/** What is known of the load and the workers of these pools, in one statement however many they are. */
export async function readFleets(sql: Sql, poolIds: readonly PoolId[]): Promise<ReadonlyMap<PoolId, FleetReading>> {
  if (poolIds.length === 0) return new Map();
  const { rows } = await sql.query<Row>({ name: 'read-fleets', text: readFleetsStatement, values: [poolIds] });
  return new Map(rows.map((row) => [row.pool_id, readingOf(row)]));
}

function readingOf({ view, age_ms: ageMs, workers, due }: Row): FleetReading {
  return {
    seen: view === null || ageMs === null ? undefined : { view, ageMs: Math.max(0, ageMs) },
    due: new Map(Object.entries(due)),
    workers,
  };
}
