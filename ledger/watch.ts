import type { ClassName, ProjectName } from '../crds/values.ts';
import type { Sql } from './database.ts';
import { lockHeld } from './locks.ts';
import type { PoolId } from './policy.ts';
import type { WorkerId } from './workers.ts';

/** Watch leases: which worker looks at which project's calls, and how far it has read. */

/** A list of changes that is read in parts, as it takes more requests than one look may make. */
export type Sweep = {
  /** Changes since then are listed, by the provider's clock. */
  readonly sinceMs: number;
  /** Calls created before are still to be read, by the provider's clock. */
  readonly beforeMs: number;
  /** When its first part was asked for, by the ledger's clock. */
  readonly startedMs: number;
  /** A row that was read could not be understood. */
  readonly unreadable: boolean;
};

export type WatchLease = {
  readonly project: ProjectName;
  /** Changes up to here were read completely; milliseconds of the ledger's clock. */
  readonly readUntilMs: number;
  readonly nowMs: number;
  /** Somebody else watched it before, or nobody. */
  readonly gained: boolean;
  /** The list of changes that is under way. */
  readonly sweep: Sweep | undefined;
};

export const leaseMs = 5_000;

/**
 * Takes or renews leases on these projects, as far as they are free, expired or ours, or their owner's connection is gone. A worker takes at most `most`, so that projects spread over
 * workers.
 */
export async function takeWatchLeases(
  sql: Sql,
  poolId: PoolId,
  owner: WorkerId,
  projects: readonly ProjectName[],
  most: number,
): Promise<readonly WatchLease[]> {
  await sql.query(
    `insert into project_watch (pool_id, project) select $1, p from unnest($2::text[]) as p order by p on conflict do nothing`,
    [poolId, projects],
  );
  const { rows } = await sql.query<{
    project: ProjectName;
    gained: boolean;
    read_ms: number | null;
    now_ms: number;
    since_ms: number | null;
    before_ms: number | null;
    started_ms: number | null;
    unreadable: boolean | null;
  }>({
    name: 'take-watch-leases',
    text: `
      with free as (
        select project, owner from project_watch
        where pool_id = $1 and project = any($3::text[]) and (owner = $2 or lease_until is null or lease_until < clock_timestamp() or not ${lockHeld('worker', 'owner')})
        order by (owner is distinct from $2), project limit $4 for update skip locked)
      update project_watch w set owner = $2, lease_until = clock_timestamp() + ${leaseMs} * interval '1 ms'
      from free where w.pool_id = $1 and w.project = free.project
      returning w.project, free.owner is distinct from $2 as gained, (extract(epoch from w.polled_until) * 1000)::float8 as read_ms, (extract(epoch from clock_timestamp()) * 1000)::float8 as now_ms,
        (extract(epoch from w.sweep_since) * 1000)::float8 as since_ms, (extract(epoch from w.sweep_before) * 1000)::float8 as before_ms,
        (extract(epoch from w.sweep_started) * 1000)::float8 as started_ms, w.sweep_unreadable as unreadable`,
    values: [poolId, owner, projects, most],
  });
  return rows.map((row) => ({
    project: row.project,
    // A clock that was set back makes of it an instant that is still to come: a list from there on would show nothing, and count as complete.
    readUntilMs: Math.min(row.read_ms ?? row.now_ms, row.now_ms),
    nowMs: row.now_ms,
    gained: row.gained,
    sweep:
      row.since_ms === null || row.before_ms === null || row.started_ms === null
        ? undefined
        : { sinceMs: row.since_ms, beforeMs: row.before_ms, startedMs: row.started_ms, unreadable: row.unreadable === true },
  }));
}

/** Projects in which an attempt counts. */
export async function projectsWithCalls(sql: Sql, poolId: PoolId): Promise<readonly ProjectName[]> {
  const { rows } = await sql.query<{ project: ProjectName }>({
    name: 'projects-with-calls',
    text: `select distinct project from attempt where pool_id = $1 and released_at is null`,
    values: [poolId],
  });
  return rows.map((row) => row.project);
}

/** Gives leases up at once, so that another worker takes them. */
export async function dropWatchLeases(sql: Sql, poolId: PoolId, owner: WorkerId): Promise<void> {
  await sql.query('update project_watch set lease_until = null, owner = null where pool_id = $1 and owner = $2', [poolId, owner]);
}

/** Notes how far the project's changes were read completely; no list is under way then. */
export async function noteRead(sql: Sql, poolId: PoolId, project: ProjectName, untilMs: number, orgId: string | undefined): Promise<void> {
  await sql.query(
    `update project_watch set polled_until = greatest(coalesce(polled_until, 'epoch'), to_timestamp($3::float8 / 1000)), org_id = coalesce($4, org_id),
       sweep_since = null, sweep_before = null, sweep_started = null, sweep_unreadable = null
     where pool_id = $1 and project = $2`,
    [poolId, project, untilMs, orgId ?? null],
  );
}

/** Notes where the next look goes on with the list of changes, or that it begins anew. */
export async function noteSweep(sql: Sql, poolId: PoolId, project: ProjectName, sweep: Sweep | undefined): Promise<void> {
  await sql.query(
    `update project_watch set sweep_since = to_timestamp($3::float8 / 1000), sweep_before = to_timestamp($4::float8 / 1000),
       sweep_started = to_timestamp($5::float8 / 1000), sweep_unreadable = $6
     where pool_id = $1 and project = $2`,
    [poolId, project, sweep?.sinceMs ?? null, sweep?.beforeMs ?? null, sweep?.startedMs ?? null, sweep?.unreadable ?? null],
  );
}

/** An attempt that a watcher has to ask about. */
export type Watched = {
  readonly attemptId: string;
  readonly class: ClassName | null;
  readonly callId: string | null;
  readonly state: string;
  readonly ambiguousForMs: number | null;
  readonly sendingAtMs: number | null;
  readonly silentForMs: number;
  readonly pastBoundMs: number | null;
  readonly lookUps: number;
};

/** Open attempts of a project: those in doubt, and those that have been silent for long or outlived their bound. */
export async function attemptsInDoubt(sql: Sql, poolId: PoolId, project: ProjectName, silentAfterMs: number): Promise<readonly Watched[]> {
  const { rows } = await sql.query<{
    id: string;
    class: ClassName | null;
    call_id: string | null;
    state: string;
    ambiguous_ms: number | null;
    sending_ms: number | null;
    silent_ms: number;
    past_ms: number | null;
    look_ups: number;
  }>({
    name: 'attempts-in-doubt',
    text: `
      select id, class, call_id, state, (extract(epoch from clock_timestamp() - ambiguous_at) * 1000)::float8 as ambiguous_ms,
        (extract(epoch from sending_at) * 1000)::float8 as sending_ms,
        (extract(epoch from clock_timestamp() - coalesce(last_seen_at, bound_at, sending_at, created_at)) * 1000)::float8 as silent_ms,
        (extract(epoch from clock_timestamp() - bound_until) * 1000)::float8 as past_ms, look_ups
      from attempt
      where pool_id = $1 and project = $2 and released_at is null and state in ('pending', 'sending', 'bound')
        and (ambiguous_at is not null or bound_until < clock_timestamp()
          or coalesce(last_seen_at, bound_at, sending_at, created_at) < clock_timestamp() - $3 * interval '1 ms')
      order by ambiguous_at nulls last, bound_until nulls last limit 500`,
    values: [poolId, project, silentAfterMs],
  });
  return rows.map((row) => ({
    attemptId: row.id,
    class: row.class,
    callId: row.call_id,
    state: row.state,
    ambiguousForMs: row.ambiguous_ms,
    sendingAtMs: row.sending_ms,
    silentForMs: row.silent_ms,
    pastBoundMs: row.past_ms,
    lookUps: row.look_ups,
  }));
}

/** Counts a look-up of these attempts. */
export async function noteLookUps(sql: Sql, attemptIds: readonly string[]): Promise<void> {
  await sql.query(
    `with looked_up as (select id from attempt where id = any($1::uuid[]) order by id for update)
     update attempt set look_ups = look_ups + 1 from looked_up where attempt.id = looked_up.id`,
    [attemptIds],
  );
}

export type KnownCall = { readonly attemptId: string; readonly state: string };

/**
 * What the ledger knows of the calls of a list, by the provider's id. One whose end was the first that anybody heard of it is known by its name alone:
 * looked for one by one, those of a busy minute would keep a list from being settled for seconds.
 */
export async function knownCalls(
  sql: Sql,
  poolId: PoolId,
  calls: readonly { readonly id: string; readonly attemptId: string | undefined }[],
): Promise<ReadonlyMap<string, KnownCall>> {
  const { rows } = await sql.query<{ call_id: string; id: string; state: string }>({
    name: 'known-calls',
    text: `
      select call_id, id, state from attempt where pool_id = $1 and call_id = any($2::text[])
      union all
      select listed.call_id, a.id, a.state from unnest($3::uuid[], $4::text[]) as listed(id, call_id) join attempt a on a.id = listed.id
      where a.pool_id = $1 and a.call_id is null and a.state in ('cooling', 'ended') and a.outcome <> 'Unsent' -- which a call would belie`,
    values: [poolId, calls.map(({ id }) => id), ...named(calls)],
  });
  return new Map(rows.map((row) => [row.call_id, { attemptId: row.id, state: row.state }]));
}

function named(
  calls: readonly { readonly id: string; readonly attemptId: string | undefined }[],
): readonly [readonly string[], readonly string[]] {
  const ours = calls.flatMap(({ id, attemptId }) => (attemptId === undefined ? [] : [{ id, attemptId }]));
  return [ours.map(({ attemptId }) => attemptId), ours.map(({ id }) => id)];
}
