import type { Sql } from './database.ts';
import type { PoolId } from './policy.ts';

/** Which worker has what a stateful handler keeps of a call. */

export type CallHome = {
  /** The worker's name. */
  readonly worker: string;
  /** Where other workers reach it; undefined: nowhere. */
  readonly address: string | undefined;
};

/**
 * SQL: the worker of this name, the newest first, until it has left or was buried. Not until it is silent: after an outage of the ledger all of them are, and each
 * still has its calls. (The first dispatcher after one that was longer than 10 s may bury those that are not back yet.) Whether one listens is found out by asking.
 */
const living = (name: string) => `
  select w.name, w.address from worker w
  where w.pool_id = $1 and w.name = ${name} and w.state <> 'gone'
  order by w.id desc limit 1`;

/**
 * SQL: whoever has it keeps it while it lives. An insert alone would write a row for every event; so it is looked up first, by the key. `$3` is who asks, `$4`
 * whether it leaves and so leaves new calls to one that stays, `$5` who could not be reached and has lost what it knew.
 */
export const claimHomeStatement = `
  with known as (
    select home.name, home.address from call_home h cross join lateral (${living('h.worker')}) home
    where h.pool_id = $1 and h.call_id = $2 and h.worker is distinct from $5::text),
  staying as (
    select name from worker
    where $4::boolean and pool_id = $1 and state = 'serving' and address is not null and beat_at > statement_timestamp() - interval '3 s'
      and name <> $3::text and name is distinct from $5::text
    order by sessions nulls first, id limit 1),
  claimed as (
    insert into call_home as h (pool_id, call_id, worker)
    select $1, $2, coalesce((select name from staying), $3::text) where not exists (select from known)
    on conflict (pool_id, call_id) do update set worker =
      case when h.worker is distinct from $5::text and exists (${living('h.worker')}) then h.worker else excluded.worker end,
      over_at = null
    returning h.worker)
  select name, address from known
  union all
  select c.worker, (select address from (${living('c.worker')}) home) from claimed c`;

/** The worker that has this call: the one that had it, or from now on the one that asks. */
export async function claimHome(
  sql: Sql,
  poolId: PoolId,
  claim: {
    readonly callId: string;
    readonly worker: string;
    readonly phase: 'staying' | 'leaving';
    /** A worker that was found not to listen any more. */
    readonly unreachable?: string | undefined;
  },
): Promise<CallHome> {
  const { rows } = await sql.query<{ name: string; address: string | null }>({
    name: 'claim-home',
    text: claimHomeStatement,
    values: [poolId, claim.callId, claim.worker, claim.phase === 'leaving', claim.unreachable],
  });
  const [row] = rows;
  if (row === undefined) throw new Error(`call ${claim.callId} has no home`);
  return { worker: row.name, address: row.address ?? undefined };
}

/** Nothing of this call is expected any more. */
export async function endHome(sql: Sql, poolId: PoolId, callId: string): Promise<void> {
  await sql.query('update call_home set over_at = clock_timestamp() where pool_id = $1 and call_id = $2', [poolId, callId]);
}

/** A report comes a while after the end of a call; one that has not come by then was lost, or belongs to a call that was never ours. */
const reportWithin = `interval '2 min'`;
/** News of a call that is over come late now and then, and still go where the others went. */
const keptFor = `interval '10 min'`;

/** SQL: ends the homes at worker `$2` whose calls are over, forgets those that were long ago, and returns what is left. */
export const sweepHomesStatement = `
  with mine as (select call_id, claimed_at, over_at from call_home where pool_id = $1 and worker = $2),
  lost as (
    select call_id from mine
    where over_at is null and claimed_at < clock_timestamp() - ${reportWithin} and not exists (
      select from attempt a where a.pool_id = $1 and a.call_id = mine.call_id
        and (a.released_at is null or a.released_at > clock_timestamp() - ${reportWithin}))),
  ended as (
    update call_home set over_at = clock_timestamp() from lost where call_home.pool_id = $1 and call_home.call_id = lost.call_id),
  forgotten as (
    delete from call_home using mine
    where call_home.pool_id = $1 and call_home.call_id = mine.call_id and mine.over_at < clock_timestamp() - ${keptFor})
  select call_id from mine where over_at is null and call_id not in (select call_id from lost)`;

/** The calls that this worker has and that are not over. */
export async function sweepHomes(sql: Sql, poolId: PoolId, worker: string): Promise<readonly string[]> {
  const { rows } = await sql.query<{ call_id: string }>({ name: 'sweep-homes', text: sweepHomesStatement, values: [poolId, worker] });
  return rows.map(({ call_id }) => call_id);
}
