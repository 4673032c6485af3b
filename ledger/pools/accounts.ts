import type { PoolSpec } from '../../crds/pool.ts';
import type { SubscriptionName } from '../../crds/values.ts';
import { longestCall } from '../attempts/longest-call.ts';
import type { Sql } from '../database.ts';
import type { PoolId } from '../policy.ts';

/**
 * Claims to accounts: each belongs to one pool of the ledger, because its lines are counted once. A claim does not end with its declaration: while a call
 * of the pool may live, or a worker may still begin one, another pool would count the account's lines anew, and its limit would be passed (I1).
 *
 * All of these run in a transaction that holds the row of the pool whose claims it changes: declaring an account and freeing it never cross.
 */

/** An account that another pool of this ledger already claims. */
export class SubscriptionClaimed extends Error {
  override readonly name = 'SubscriptionClaimed';
}

/**
 * Notes that a pool declares these accounts and no others: claims them, the oldest claim wins, and frees the others as far as none of their lines may be in
 * use.
 * @throws SubscriptionClaimed
 */
export async function declareAccounts(sql: Sql, poolId: PoolId, { subscriptions }: PoolSpec): Promise<void> {
  const declared = subscriptions.flatMap(({ name, accountId }) => (accountId === undefined ? [] : [{ name, accountId }]));
  const accounts = declared.map(({ accountId }) => accountId);
  const claims = await lockClaims(sql, poolId, accounts);
  if (claims.some(({ own, wanted }) => own && !wanted)) await giveUpOthers(sql, poolId, accounts);
  if (claims.some(({ own, over }) => !own && over))
    await freeAccountsOf(sql, await lockPools(sql, givenUpByOthers, [poolId, accounts]), accounts);
  if (declared.length > 0) await claimAccounts(sql, poolId, declared);
}

type Claim = { readonly own: boolean; readonly wanted: boolean; readonly over: boolean };

/** In one order everywhere: two pools that want each other's accounts wait for each other, and never in a circle. */
async function lockClaims(sql: Sql, poolId: PoolId, accounts: readonly string[]): Promise<readonly Claim[]> {
  const { rows } = await sql.query<Claim>({
    name: 'lock-accounts',
    text: `
      select c.pool_id = $1 as own, c.account_id = any($2::text[]) as wanted, ${isOver} as over
      from subscription_claim c join pool p on p.id = c.pool_id
      where c.pool_id = $1 or c.account_id = any($2::text[]) order by c.account_id for no key update of c`,
    values: [poolId, accounts],
  });
  return rows;
}

async function giveUpOthers(sql: Sql, poolId: PoolId, declared: readonly string[]): Promise<void> {
  await sql.query({
    name: 'undeclare-accounts',
    text: `
      update subscription_claim c set undeclared_at = clock_timestamp(), last_version = (select max(version) from policy where pool_id = $1)
      where c.pool_id = $1 and c.account_id <> all($2::text[]) and c.undeclared_at is null`,
    values: [poolId, declared],
  });
  await freeAccountsOf(sql, [poolId]);
}

async function claimAccounts(
  sql: Sql,
  poolId: PoolId,
  declared: readonly { readonly name: SubscriptionName; readonly accountId: string }[],
): Promise<void> {
  const { rows } = await sql.query<{ account_id: string; pool_id: number }>({
    name: 'claim-accounts',
    text: `
      insert into subscription_claim as c (account_id, pool_id, subscription, names)
      select d.account_id, $1, d.name, array[d.name] from unnest($2::text[], $3::text[]) as d(account_id, name) order by d.account_id
      on conflict (account_id) do update
        set names = array(select distinct unnest(c.names || excluded.names)), undeclared_at = null, last_version = null
      returning account_id, pool_id`,
    values: [poolId, declared.map(({ accountId }) => accountId), declared.map(({ name }) => name)],
  });
  const taken = rows.find((row) => row.pool_id !== poolId);
  if (taken === undefined) return;
  const name = declared.find(({ accountId }) => accountId === taken.account_id)?.name;
  throw new SubscriptionClaimed(
    `subscriptions/${name}/accountId is claimed by another pool of this ledger: share its lines by classes of one pool`,
  );
}

/** SQL: a claim that no declaration holds up any more. */
const isOver = '(p.closed_at is not null or c.undeclared_at is not null)';

/**
 * SQL: whether an attempt of claim `c` may still hold a line. Nobody may be there to hear of its end, so a bound counts like an end: the one sent with a call
 * and the time in which look-ups are tried after it; the longest call that there may be, where nothing is known of it; and minutes for what was never sent.
 */
const mayHoldALine = `exists (
    select from attempt a where a.pool_id = c.pool_id and a.released_at is null and (a.subscription = c.subscription or a.subscription = any(c.names))
      and (c.undeclared_at is null or a.policy_version <= c.last_version or a.created_at < c.undeclared_at + interval '2 min')
      and greatest(coalesce(a.bound_until, a.sending_at + ${longestCall}, a.created_at + interval '3 min'), a.last_seen_at)
          > statement_timestamp() - interval '2 min')`;

/**
 * SQL: whether a worker of pool `p` may still take a line of claim `c`: it has not been seen to act on the policy without the account, or on the end of the
 * pool. What it had begun is rolled back after 10 s (ledger/database.ts), and it looks at both before it begins anew.
 */
const mayTakeALine = `exists (
    select from worker w where w.pool_id = c.pool_id and w.state <> 'gone' and w.beat_at > statement_timestamp() - interval '1 min'
      and (coalesce(p.closed_at, c.undeclared_at) > statement_timestamp() - interval '30 s'
        or (p.closed_at is null and coalesce(w.applied_version, 0) <= c.last_version)))`;

/** Frees the accounts to which pools of a cluster have no more claim: those of closed pools, and those that a pool has stopped declaring. */
export async function freeAccounts(sql: Sql, cluster: string): Promise<void> {
  // A row that somebody has is left for the next time: whoever declares the account again has it. What is freed is looked for anew once the rows are held.
  await freeAccountsOf(sql, await lockPools(sql, endedClaims, [cluster]));
}

const endedClaims = `split_part(p.name, '/', 1) = $1 and exists (select from subscription_claim c where c.pool_id = p.id and ${isOver})`;
/** Pools other than $1 whose claim to one of these accounts is over, and may be due. */
const givenUpByOthers = `p.id <> $1 and exists (
  select from subscription_claim c where c.pool_id = p.id and c.account_id = any($2::text[]) and ${isOver})`;

/** Not `for update`: nearly every statement of a pool refers to its row, and would wait. */
async function lockPools(sql: Sql, which: string, values: readonly unknown[]): Promise<readonly PoolId[]> {
  const { rows } = await sql.query<{ id: PoolId }>(`select p.id from pool p where ${which} order by p.id for no key update skip locked`, [
    ...values,
  ]);
  return rows.map(({ id }) => id);
}

/** `among`: only these; whoever holds some of them already must not wait for others out of order. */
async function freeAccountsOf(sql: Sql, poolIds: readonly PoolId[], among: readonly string[] | 'all' = 'all'): Promise<void> {
  if (poolIds.length === 0) return;
  await sql.query({
    name: 'free-accounts',
    text: `
      delete from subscription_claim where account_id in (
        select c.account_id from subscription_claim c join pool p on p.id = c.pool_id
        where p.id = any($1::int[]) and ($2::text[] is null or c.account_id = any($2)) and ${isOver} and not ${mayHoldALine} and not ${mayTakeALine}
        order by c.account_id for no key update of c)`,
    values: [poolIds, among === 'all' ? null : among],
  });
}
