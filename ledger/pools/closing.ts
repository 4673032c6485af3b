import type { PoolKey } from '../../crds/values.ts';
import { type Database, inTransaction } from '../database.ts';
import type { PoolId } from '../policy.ts';
import { cancelBite } from '../sessions/cancel.ts';
import { freeAccounts } from './accounts.ts';

/**
 * Pools whose object is gone from their cluster. Nothing waited for us when it was deleted, so the operator finds them by what is no longer there.
 *
 * A closed pool counts as held: nothing is admitted, whoever still runs. With Retain its queue is kept, and goes on when a pool of that name is back;
 * with Purge it is cancelled. Calls that are live at the provider go on there, and end by themselves at the longest duration that was sent with them; their
 * workers drain with the fleet, so nobody follows them to the end. Their attempts stay open in the ledger, and a pool that comes back finds out what
 * became of them as after any outage.
 */

/** A pool as the ledger has it. `uid`: of the object in the cluster that declared it. */
export type LedgerPool = { readonly pool: PoolKey; readonly uid: string };

/**
 * Closes the pools of these namespaces whose object is not there, and frees their accounts as far as no call of theirs may live. One statement if there is
 * none, as nearly always. `isThere` is asked after the ledger was: a pool is in the ledger only after its object was seen. `fence`: a leader that was
 * overtaken may know less than the ledger. Returns the closed ones.
 */
export async function closePools(
  database: Database,
  scope: { readonly cluster: string; readonly namespaces: readonly string[] | 'all' },
  isThere: (pool: LedgerPool) => boolean,
  fence: number,
): Promise<readonly PoolKey[]> {
  const { rows: open } = await database.query<LedgerPool>({
    name: 'open-pools',
    text: `
      select name as pool, uid from pool where closed_at is null and uid is not null and fence_transitions <= $3
        and split_part(name, '/', 1) = $1 and ($2::text[] is null or split_part(name, '/', 2) = any($2))`,
    values: [scope.cluster, scope.namespaces === 'all' ? null : scope.namespaces, fence],
  });
  const gone = open.filter((pool) => !isThere(pool));
  if (gone.length === 0) return [];
  return inTransaction(database, async (sql) => {
    const { rows } = await sql.query<{ id: PoolId; name: PoolKey }>({
      name: 'close-pools',
      // Another object may have the name by now, or another leader the pool.
      text: `
        with gone as (
          select p.id from pool p join jsonb_to_recordset($1::jsonb) as g(pool text, uid text) on g.pool = p.name and g.uid = p.uid
          where p.closed_at is null and p.fence_transitions <= $2 order by p.id for no key update of p)
        update pool set closed_at = clock_timestamp(), fence_transitions = $2 from gone where pool.id = gone.id returning pool.id, pool.name`,
      values: [JSON.stringify(gone), fence],
    });
    const ids = rows.map(({ id }) => id);
    await freeAccounts(sql, scope.cluster);
    await sql.query(`insert into signal (pool_id, kind) select id, 'overlay' from unnest($1::int[]) as id`, [ids]);
    return rows.map(({ name }) => name);
  });
}

/**
 * Does what is left to do for closed pools, a bite at a time: cancels what waits where the policy was Purge, and frees accounts whose last call is over and orgs that
 * nobody looks after any more. Returns how many sessions it cancelled.
 */
export async function settleClosedPools(database: Database, cluster: string): Promise<number> {
  const { rows } = await database.query<{ cancelled: number }>({
    name: 'purge-closed-pools',
    text: `
      with closed as (
        select id from pool where closed_at is not null and deletion_policy = 'Purge' and split_part(name, '/', 1) = $1),
      waiting as (
        select s.id from closed cross join lateral (
          select id from session where pool_id = closed.id and state = 'queued' limit ${cancelBite} for update skip locked) s
        limit ${cancelBite}),
      ended as (
        update session s set state = 'ended', ready = false, outcome = 'Cancelled', outcome_reason = 'PoolDeleted', ended_at = clock_timestamp()
        where s.id = any(array(select id from waiting)) returning s.id)
      select count(*)::int as cancelled from ended`,
    values: [cluster],
  });
  await inTransaction(database, (sql) => freeAccounts(sql, cluster));
  await database.query({
    name: 'free-orgs-of-closed-pools',
    text: `
      delete from org_claim c using pool p
      where p.id = c.pool_id and p.closed_at < statement_timestamp() - interval '10 min' and split_part(p.name, '/', 1) = $1
        and not exists (select from worker w where w.pool_id = p.id and w.beat_at > statement_timestamp() - interval '10 min')`,
    values: [cluster],
  });
  return rows[0]?.cancelled ?? 0;
}
