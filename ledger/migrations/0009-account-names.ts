/**
 * What a claim to an account needs to end at the right time.
 *
 * - `names`: every name under which the pool has declared the account. Attempts name the subscription, and it may be renamed while calls live.
 * - `undeclared_at`: since when the pool does not declare it any more; null while it does. Attempts made after it are of another account of the same name.
 * - `last_version`: the last policy that declared it. A worker that still acts on it takes lines of the account.
 */
export const accountNames = `
alter table subscription_claim
  add column names text[] not null default '{}',
  add column undeclared_at timestamptz,
  add column last_version bigint;

update subscription_claim c set names = array(
  select c.subscription union
  select one ->> 'name' from policy o, jsonb_array_elements(o.spec -> 'subscriptions') as one
  where o.pool_id = c.pool_id and one ->> 'accountId' = c.account_id);

update subscription_claim c set undeclared_at = clock_timestamp(), last_version = coalesce(
  (select max(version) from policy where pool_id = c.pool_id
    and jsonb_path_exists(spec, '$.subscriptions[*] ? (@.accountId == $account)', jsonb_build_object('account', c.account_id))),
  (select min(version) - 1 from policy where pool_id = c.pool_id))
from (select distinct on (pool_id) pool_id, spec from policy order by pool_id, version desc) newest
where newest.pool_id = c.pool_id
  and not exists (select from jsonb_array_elements(newest.spec -> 'subscriptions') as one where one ->> 'accountId' = c.account_id);
`;
