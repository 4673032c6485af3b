import { certainMarginMs, type GuardReason, guardReasons } from '../capacity/guard/guard.ts';
import type { ProjectName } from '../crds/values.ts';
import type { Sql } from './database.ts';
import type { PoolId } from './policy.ts';

/** A pool whose ledger lost its newest part: nothing is admitted until the calls of every project have been listed. */
export type Guard = {
  readonly id: string;
  readonly reason: GuardReason;
  readonly raisedAtMs: number;
  readonly ageMs: number;
  /** What happened before this is in the ledger, by the ledger's clock. */
  readonly certainAtMs: number;
  /** Projects whose calls have been listed completely since. */
  readonly listed: ReadonlySet<string>;
};

/** The pool's guard, or undefined when it has none. */
export async function readGuard(sql: Sql, poolId: PoolId): Promise<Guard | undefined> {
  const { rows } = await sql.query<{
    id: string;
    reason: string;
    raised_ms: number;
    age_ms: number;
    certain_ms: number;
    listed: readonly string[];
  }>({
    name: 'read-guard',
    text: `
      select g.id, g.reason, (extract(epoch from g.raised_at) * 1000)::float8 as raised_ms,
        (extract(epoch from clock_timestamp() - g.raised_at) * 1000)::float8 as age_ms,
        (extract(epoch from g.certain_at) * 1000)::float8 as certain_ms,
        array(select w.project from project_watch w where w.pool_id = $1 and w.listed_for = g.id) as listed
      from guard g where g.pool_id = $1`,
    values: [poolId],
  });
  const row = rows[0];
  if (row === undefined) return undefined;
  return {
    id: row.id,
    // A newer release may know more reasons; the pool is guarded all the same.
    reason: guardReasons.find((known) => known === row.reason) ?? 'OtherCopy',
    raisedAtMs: row.raised_ms,
    ageMs: row.age_ms,
    certainAtMs: row.certain_ms,
    listed: new Set(row.listed),
  };
}

/**
 * SQL that guards pool $1 from here on for the reason `reason`, if that is not null, back to the instant `lastKnown` of table `before`. A pool that is
 * guarded already begins anew, as far back as either goes.
 */
export const guarding = (reason: string, lastKnown: string) => `
  insert into guard (pool_id, reason, certain_at)
  select $1, ${reason}, ${lastKnown} - interval '${certainMarginMs} ms' from before where ${reason} is not null
  on conflict (pool_id) do update set id = gen_random_uuid(), reason = excluded.reason, raised_at = clock_timestamp(),
    certain_at = least(guard.certain_at, excluded.certain_at)`;

/** Guards the pool because somebody remembers more than the ledger does, and tells the dispatcher. */
export async function reportWentBack(sql: Sql, poolId: PoolId): Promise<void> {
  await sql.query(
    `with before as (select least(beat_at, former_beat_at) as known_at from dispatcher where pool_id = $1),
     raised as (${guarding(`'WentBack'::text`, 'known_at')} returning pool_id)
     insert into signal (pool_id, kind) select pool_id, 'overlay' from raised`,
    [poolId],
  );
}

/** Notes that everything there is of a project's calls was read for this guard, and acted on. */
export async function noteListed(sql: Sql, poolId: PoolId, project: ProjectName, guardId: string): Promise<void> {
  await sql.query('update project_watch set listed_for = $3 where pool_id = $1 and project = $2', [poolId, project, guardId]);
}

/** Ends this guard, unless another one took its place meanwhile. */
export async function liftGuard(sql: Sql, poolId: PoolId, guardId: string): Promise<void> {
  await sql.query('delete from guard where pool_id = $1 and id = $2', [poolId, guardId]);
}
