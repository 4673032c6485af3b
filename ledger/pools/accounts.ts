import type { Sql } from '../database.ts';

/**
 * When an account is free for another pool. Its lines are not free while a call of the pool that had it may live: another pool would count them anew, and
 * the account's limit would be passed (I1).
 */

/**
 * SQL: whether a call of claim `c` may still hold a line. Nobody may be there to hear of its end, so a bound counts like an end: the one sent with a call
 * and the time in which look-ups are tried after it; 12 h and 10 min, the longest talk and ring that a pool may allow, where the call is not known; and
 * minutes for what was never sent.
 */
const mayHoldALine = `exists (
    select from attempt a where a.pool_id = c.pool_id and a.subscription = c.subscription and a.released_at is null
      and coalesce(a.bound_until, a.sending_at + interval '12 h 10 min', a.created_at + interval '3 min') > statement_timestamp() - interval '2 min')`;

/** Frees the accounts of a pool that are not among these. */
export async function freeOtherAccounts(sql: Sql, poolId: number, declared: readonly string[]): Promise<void> {
  await sql.query(`delete from subscription_claim c where c.pool_id = $1 and c.account_id <> all($2::text[]) and not ${mayHoldALine}`, [
    poolId,
    declared,
  ]);
}

/** Frees what pools of a cluster have no more claim to: those that are closed, and accounts that a pool has stopped declaring. */
export async function freeAccounts(sql: Sql, cluster: string): Promise<void> {
  await sql.query({
    name: 'free-accounts',
    text: `
      delete from subscription_claim c using pool p
      where p.id = c.pool_id and split_part(p.name, '/', 1) = $1 and not ${mayHoldALine}
        and (p.closed_at is not null or not exists (
          select from (select spec from policy where pool_id = p.id order by version desc limit 1) newest,
            jsonb_array_elements(newest.spec -> 'subscriptions') as one
          where one ->> 'accountId' = c.account_id))`,
    values: [cluster],
  });
}
