import { z } from 'zod';
import { type PoolSpec, poolSpec } from '../crds/pool.ts';
import { pathText } from '../crds/rules.ts';
import type { PoolName } from '../crds/values.ts';
import { type Database, inTransaction, type Sql } from './database.ts';

/** A pool's number in its ledger. */
export type PoolId = number & { readonly brand?: 'PoolId' };

export type StoredPolicy = { readonly poolId: PoolId; readonly version: number; readonly spec: PoolSpec };

/** An account that another pool of this ledger already claims. */
export class SubscriptionClaimed extends Error {
  override readonly name = 'SubscriptionClaimed';
}

/** A policy in the ledger is one that this release cannot read. If it is the newest, the last one stays in force. */
export class PolicyUnreadable extends Error {
  override readonly name = 'PolicyUnreadable';
}

/**
 * Makes the pool if it is new, claims its accounts, and stores the declaration as its newest policy unless it equals the stored one.
 * @throws SubscriptionClaimed
 */
export async function writePolicy(database: Database, pool: PoolName, spec: PoolSpec): Promise<{ poolId: PoolId; version: number }> {
  return inTransaction(database, async (sql) => {
    await sql.query('insert into pool (name) values ($1) on conflict (name) do nothing', [pool]);
    const { rows } = await sql.query<{ id: number }>('select id from pool where name = $1 for update', [pool]);
    const poolId = rows[0]?.id;
    if (poolId === undefined) throw new Error(`pool ${pool} vanished while its policy was written`);
    await claimAccounts(sql, poolId, spec);
    const { rows: newest } = await sql.query<{ version: string; same: boolean }>(
      'select version, spec = $2::jsonb as same from policy where pool_id = $1 order by version desc limit 1',
      [poolId, JSON.stringify(spec)],
    );
    if (newest[0]?.same) return { poolId, version: Number(newest[0].version) };
    const { rows: written } = await sql.query<{ version: string }>('insert into policy (pool_id, spec) values ($1, $2) returning version', [
      poolId,
      JSON.stringify(spec),
    ]);
    await sql.query('delete from policy where pool_id = $1 and version < $2 - 20', [poolId, written[0]?.version]);
    return { poolId, version: Number(written[0]?.version) };
  });
}

/** The newest policy of a pool, or undefined when there is none yet. @throws PolicyUnreadable */
export async function readPolicy(sql: Sql, pool: PoolName): Promise<StoredPolicy | undefined> {
  const { rows } = await sql.query<{ id: number; version: string; spec: unknown }>(
    'select p.id, o.version, o.spec from pool p join policy o on o.pool_id = p.id where p.name = $1 order by o.version desc limit 1',
    [pool],
  );
  const row = rows[0];
  if (row === undefined) return undefined;
  const spec = parseStored(row.spec, `policy ${row.version} of pool ${pool}`);
  if (spec instanceof PolicyUnreadable) throw spec;
  return { poolId: row.id, version: Number(row.version), spec };
}

export type FormerPolicies = { readonly specs: readonly PoolSpec[]; readonly unreadable: readonly PolicyUnreadable[] };

/** The policies before the newest, newest first: what a call of a project that was removed since still needs. */
export async function readFormerPolicies(sql: Sql, poolId: PoolId): Promise<FormerPolicies> {
  const { rows } = await sql.query<{ version: string; spec: unknown }>(
    'select version, spec from policy where pool_id = $1 order by version desc limit 20 offset 1',
    [poolId],
  );
  const specs: PoolSpec[] = [];
  const unreadable: PolicyUnreadable[] = [];
  for (const row of rows) {
    const spec = parseStored(row.spec, `former policy ${row.version}`);
    if (spec instanceof PolicyUnreadable) unreadable.push(spec);
    else specs.push(spec);
  }
  return { specs, unreadable };
}

const storedClasses = z.looseObject({ classes: z.array(z.looseObject({})) });
const emptySelector = z.strictObject({ matchLabels: z.strictObject({}) });

/** An empty `from` means none, and was once stored with every class by default: those of kind Inbound are refused with one now. */
function parseStored(stored: unknown, what: string): PoolSpec | PolicyUnreadable {
  const known = storedClasses.safeParse(stored);
  const spec = known.success ? { ...known.data, classes: known.data.classes.map(withoutEmptyFrom) } : stored;
  const parsed = poolSpec.safeParse(spec);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const path = pathText((issue?.path ?? []).map((step) => (typeof step === 'symbol' ? String(step) : step)));
  return new PolicyUnreadable(`${what}: ${path} ${issue?.message ?? 'unreadable'}`);
}

function withoutEmptyFrom({ from, ...others }: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return from === undefined || emptySelector.safeParse(from).success ? others : { ...others, from };
}

async function claimAccounts(sql: Sql, poolId: PoolId, spec: PoolSpec): Promise<void> {
  for (const subscription of spec.subscriptions) {
    if (subscription.accountId === undefined) continue;
    const { rows } = await sql.query<{ pool_id: number }>(
      `insert into subscription_claim (account_id, pool_id, subscription) values ($1, $2, $3)
       on conflict (account_id) do update set subscription = subscription_claim.subscription returning pool_id`,
      [subscription.accountId, poolId, subscription.name],
    );
    if (rows[0]?.pool_id !== poolId) {
      throw new SubscriptionClaimed(
        `subscriptions/${subscription.name}/accountId is claimed by another pool of this ledger: share its lines by classes of one pool`,
      );
    }
  }
}
