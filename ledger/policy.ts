import type { PoolSpec } from '../crds/pool.ts';
import type { PoolKey } from '../crds/values.ts';
import { type Database, inTransaction, type Sql } from './database.ts';
import { declareAccounts } from './pools/accounts.ts';
import { PolicyUnreadable, readStored } from './stored-policy.ts';

/** A pool's number in its ledger. */
export type PoolId = number & { readonly brand?: 'PoolId' };

export type StoredPolicy = {
  readonly poolId: PoolId;
  readonly version: number;
  readonly spec: PoolSpec;
  /** Fields that this release does not know and leaves out: a newer one wrote them. */
  readonly ignored: readonly string[];
  /** The newest policy, when it is a later one that this release cannot read. */
  readonly rejected: RejectedPolicy | undefined;
};

export type RejectedPolicy = { readonly version: number; readonly detail: string };

/** As many policies of a pool are kept, and looked through for what the newest does not say; besides, those by which calls still live. */
const keptPolicies = 20;

/** SQL: for each project of pool $1 with open attempts, the newest policy that has it: by it they are watched to their end. */
const newestWithCalls = `
  select max(named.version) from (
    select version, jsonb_path_query(spec, '$.subscriptions[*].projects[*].name') #>> '{}' as project from policy where pool_id = $1) named
  where named.project in (select distinct project from attempt where pool_id = $1 and released_at is null)
  group by named.project`;

/** Forgets old policies, but for those by which calls live: what they say of their lines and projects is needed to their end. */
export async function forgetPolicies(sql: Sql, poolId: PoolId): Promise<void> {
  await sql.query({
    name: 'forget-policies',
    text: `
      delete from policy where pool_id = $1 and version <= (select version from policy where pool_id = $1 order by version desc offset $2 limit 1)
        and version not in (${newestWithCalls})
        and version not in (
          select unnest(array[policy_version, coalesce(entered_version, policy_version)]) from attempt
          where pool_id = $1 and released_at is null and policy_version is not null)`,
    values: [poolId, keptPolicies],
  });
}

/**
 * Makes the pool if it is new, claims its accounts, and stores the declaration as its newest policy unless it equals the stored one.
 * @throws SubscriptionClaimed
 */
export async function writePolicy(database: Database, pool: PoolKey, spec: PoolSpec): Promise<{ poolId: PoolId; version: number }> {
  return inTransaction(database, async (sql) => {
    const poolId = await makePool(sql, pool);
    await declareAccounts(sql, poolId, spec);
    const { version, isOld, kept } = await writeUnlessSame(sql, poolId, spec);
    if (!isOld && kept >= keptPolicies) await forgetPolicies(sql, poolId);
    return { poolId, version };
  });
}

/** The pool's row, made if it is new, and held until the transaction ends. */
async function makePool(sql: Sql, pool: PoolKey): Promise<PoolId> {
  // Somebody else may make it after this statement has begun, and then it sees neither row: it is there the second time.
  for (let tries = 0; tries < 2; tries += 1) {
    const { rows } = await sql.query<{ id: PoolId }>({
      name: 'make-pool',
      text: `
        with made as (insert into pool (name) values ($1) on conflict (name) do nothing returning id)
        select id from made union all select id from (select id from pool where name = $1 for no key update) held`,
      values: [pool],
    });
    if (rows[0] !== undefined) return rows[0].id;
  }
  throw new Error(`pool ${pool} vanished while its policy was written`);
}

/** `kept`: policies before it, counted as far as {@link keptPolicies}. */
type Written = { readonly version: number; readonly isOld: boolean; readonly kept: number };

async function writeUnlessSame(sql: Sql, poolId: PoolId, spec: PoolSpec): Promise<Written> {
  const { rows } = await sql.query<{ version: string; is_old: boolean; kept: number }>({
    name: 'write-policy',
    text: `
      with newest as (select version, spec = $2::jsonb as same from policy where pool_id = $1 order by version desc limit 1),
      written as (insert into policy (pool_id, spec) select $1, $2::jsonb where not exists (select from newest where same) returning version),
      outcome as (select version, false as is_old from written union all select version, true from newest where same)
      select version, is_old, (select count(*) from (select from policy where pool_id = $1 limit ${keptPolicies}) few)::int as kept from outcome`,
    values: [poolId, JSON.stringify(spec)],
  });
  const [row] = rows;
  if (row === undefined) throw new Error('a policy was neither written nor there before');
  return { version: Number(row.version), isOld: row.is_old, kept: row.kept };
}

type PolicyRow = { readonly id: number; readonly version: string; readonly spec: unknown };

/**
 * The newest policy of a pool that this release can read, or undefined when there is none yet.
 * @throws PolicyUnreadable when it can read none of them
 */
export async function readPolicy(sql: Sql, pool: PoolKey): Promise<StoredPolicy | undefined> {
  const [newest] = await policyRows(sql, pool, 1);
  if (newest === undefined) return undefined;
  const read = readStored(newest.spec, `policy ${newest.version} of pool ${pool}`);
  if (!(read instanceof PolicyUnreadable)) return { poolId: newest.id, version: Number(newest.version), ...read, rejected: undefined };
  const rejected = { version: Number(newest.version), detail: read.message };
  for (const former of await policyRows(sql, pool, keptPolicies)) {
    const readable = readStored(former.spec, `policy ${former.version} of pool ${pool}`);
    if (!(readable instanceof PolicyUnreadable)) return { poolId: former.id, version: Number(former.version), ...readable, rejected };
  }
  throw read;
}

async function policyRows(sql: Sql, pool: PoolKey, limit: number): Promise<readonly PolicyRow[]> {
  const { rows } = await sql.query<PolicyRow>(
    'select p.id, o.version, o.spec from pool p join policy o on o.pool_id = p.id where p.name = $1 order by o.version desc limit $2',
    [pool, limit],
  );
  return rows;
}

export type FormerPolicies = {
  readonly policies: readonly { readonly version: number; readonly spec: PoolSpec }[];
  readonly unreadable: readonly PolicyUnreadable[];
};

/** The policies before the newest, newest first: what a call of a project that was removed since still needs. */
export async function readFormerPolicies(sql: Sql, poolId: PoolId): Promise<FormerPolicies> {
  const { rows } = await sql.query<{ version: string; spec: unknown }>(
    `select version, spec from policy where pool_id = $1 and (
       version in (select version from policy where pool_id = $1 order by version desc limit $2) or version in (${newestWithCalls}))
     order by version desc offset 1`,
    [poolId, keptPolicies],
  );
  const policies: { version: number; spec: PoolSpec }[] = [];
  const unreadable: PolicyUnreadable[] = [];
  for (const row of rows) {
    const read = readStored(row.spec, `former policy ${row.version}`);
    if (read instanceof PolicyUnreadable) unreadable.push(read);
    else policies.push({ version: Number(row.version), spec: read.spec });
  }
  return { policies, unreadable };
}
