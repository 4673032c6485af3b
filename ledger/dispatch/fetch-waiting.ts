import type { Direction } from '../../capacity/policy/policy.ts';
import type { ClassName, Labels, ProjectName } from '../../crds/values.ts';
import type { Sql } from '../database.ts';
import type { PoolId } from '../policy.ts';
import { numberBusy } from './number-busy.ts';

/** The part of a class's queue that shares a pin: '' for sessions that may go anywhere. */
export type Lane = { readonly class: ClassName; readonly project: ProjectName | '' };

/** A queued session at the head of its lane. */
export type Head = {
  readonly id: string;
  readonly class: ClassName;
  readonly direction: Direction;
  readonly number: string | null;
  readonly score: number;
  readonly seq: number;
  readonly project: ProjectName | null;
  readonly labels: Labels;
  readonly readyAtMs: number;
  /** Dials of this number in the last 24 hours, whatever the session. */
  readonly dialsToday: number;
  /** An attempt with this number counts already, an inbound call from it included. */
  readonly numberBusy: boolean;
};

/**
 * The first ready sessions of every lane, best first, each lane as deep as asked for. One index range per lane on `session_claim`, so it costs the same however long the
 * queue is; a test looks at the plan. Those that have expired are left out until they are ended: nobody is called after the time that was allowed.
 */
export const fetchWaitingStatement = `
  select x.id, x.class, x.direction, x.number, x.score, x.seq, x.project, x.labels, (extract(epoch from x.ready_at) * 1000)::float8 as ready_ms,
    (select count(*)::int from attempt d where d.pool_id = $1 and d.number = x.number and d.created_at > clock_timestamp() - interval '25 h'
       and d.direction = 'Outbound' and d.sending_at > clock_timestamp() - interval '24 h'
       and coalesce(d.outcome, '') not in ('Capacity', 'Throttled', 'Unsent', 'ProjectFault', 'Permanent')) as dials_today,
    ${numberBusy('x.number')} as number_busy
  from unnest($2::text[], $3::text[], $4::int[]) as lane(class, project, depth)
  cross join lateral (
    select id, class, direction, number, score, seq, project, labels, ready_at, expires_at from session
    where pool_id = $1 and class = lane.class and coalesce(project, '') = lane.project and state = 'queued' and ready
    order by score desc, seq limit lane.depth) x
  where x.expires_at is null or x.expires_at > clock_timestamp()`;

export async function fetchWaiting(
  sql: Sql,
  poolId: PoolId,
  lanes: readonly (Lane & { readonly depth: number })[],
): Promise<readonly Head[]> {
  const { rows } = await sql.query<{
    id: string;
    class: ClassName;
    direction: Direction;
    number: string | null;
    score: number;
    seq: string;
    project: ProjectName | null;
    labels: Labels;
    ready_ms: number;
    dials_today: number;
    number_busy: boolean;
  }>({
    name: 'fetch-waiting',
    text: fetchWaitingStatement,
    values: [poolId, lanes.map((lane) => lane.class), lanes.map((lane) => lane.project), lanes.map((lane) => lane.depth)],
  });
  return rows.map((row) => ({
    id: row.id,
    class: row.class,
    direction: row.direction,
    number: row.number,
    score: row.score,
    seq: Number(row.seq),
    project: row.project,
    labels: row.labels,
    readyAtMs: row.ready_ms,
    dialsToday: row.dials_today,
    numberBusy: row.number_busy,
  }));
}

/** Lanes that hold anything ready: one index seek per lane that exists, however many sessions are in it; a test looks at the plan. */
export const discoverLanesStatement = `
  with recursive lane as (
    (select class, coalesce(project, '') as project from session where pool_id = $1 and state = 'queued' and ready
       order by class, coalesce(project, '') limit 1)
    union all
    select n.class, n.project from lane cross join lateral (
      select class, coalesce(project, '') as project from session
      where pool_id = $1 and state = 'queued' and ready and (class, coalesce(project, '')) > (lane.class, lane.project)
      order by class, coalesce(project, '') limit 1) n)
  select class, project from lane`;

export async function discoverLanes(sql: Sql, poolId: PoolId): Promise<readonly Lane[]> {
  const { rows } = await sql.query<{ class: ClassName; project: ProjectName | '' }>({
    name: 'discover-lanes',
    text: discoverLanesStatement,
    values: [poolId],
  });
  return rows;
}
