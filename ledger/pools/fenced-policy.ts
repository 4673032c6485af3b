import type { PoolSpec } from '../../crds/pool.ts';
import type { PoolKey } from '../../crds/values.ts';
import { type Database, inTransaction, type Sql } from '../database.ts';
import { forgetPolicies, type PoolId } from '../policy.ts';
import { declareAccounts, SubscriptionClaimed } from './accounts.ts';

/**
 * Policies as an operator writes them. Operators follow one another, and one that was frozen may wake and still believe that it leads: so each write
 * names the fence of its leadership and the generation of the object, and the ledger refuses what is older than what it has.
 */

export type FencedPolicy = {
  readonly pool: PoolKey;
  /** metadata.uid of the object: one that was deleted and made again is another. */
  readonly uid: string;
  /** Of the leadership under which this is written; grows with each change of hands. */
  readonly fence: number;
  /** metadata.generation of the object. */
  readonly generation: number;
  readonly spec: PoolSpec;
  /** The ledger that this object was told to have before; undefined: none yet. */
  readonly ledgerId: string | undefined;
};

export type WrittenPolicy =
  | { readonly written: true; readonly poolId: PoolId; readonly version: number; readonly ledgerId: string }
  | ({ readonly written: false } & PolicyRefusal);

/**
 * Fenced: a later leader has written, or this one a later generation. SubscriptionClaimed: another pool has the account. OtherLedger: this database is not the
 * one that holds the pool's queue.
 */
export type PolicyRefusal = { readonly refused: 'Fenced' | 'SubscriptionClaimed' | 'OtherLedger'; readonly message: string };

/** What a refusal throws inside the transaction, so that all of it is undone. */
class Refused extends Error {
  override readonly name = 'Refused';
  readonly refused: 'Fenced' | 'OtherLedger';

  constructor(refused: 'Fenced' | 'OtherLedger', message: string) {
    super(message);
    this.refused = refused;
  }
}

/** What a try throws when all has gone well, so that nothing of it stays. */
class Tried extends Error {
  override readonly name = 'Tried';
}

/** Why the ledger would refuse the policy now; undefined: it would take it. Nothing is written. */
export async function tryFencedPolicy(database: Database, policy: FencedPolicy): Promise<PolicyRefusal | undefined> {
  try {
    await inTransaction(database, async (sql) => {
      await write(sql, policy);
      throw new Tried();
    });
  } catch (error) {
    if (error instanceof Tried) return undefined;
    return refusalOf(error);
  }
  return undefined;
}

/** Makes the pool if it is new, or opens it again; claims its accounts; and stores the declaration unless it equals the newest. All of it or nothing. */
export async function writeFencedPolicy(database: Database, policy: FencedPolicy): Promise<WrittenPolicy> {
  try {
    return await inTransaction(database, (sql) => write(sql, policy));
  } catch (error) {
    return { written: false, ...refusalOf(error) };
  }
}

/** @throws what is no refusal */
function refusalOf(error: unknown): PolicyRefusal {
  if (error instanceof Refused) return { refused: error.refused, message: error.message };
  if (error instanceof SubscriptionClaimed) return { refused: 'SubscriptionClaimed', message: error.message };
  throw error;
}

async function write(sql: Sql, policy: FencedPolicy): Promise<WrittenPolicy> {
  const { poolId, ledgerId, before } = await passFence(sql, policy);
  if (policy.ledgerId !== undefined && policy.ledgerId !== ledgerId) {
    throw new Refused(
      'OtherLedger',
      `this database is ledger ${ledgerId}, and the queue of the pool is in ledger ${policy.ledgerId}: name that one again, or delete the pool and make it anew`,
    );
  }
  await declareAccounts(sql, poolId, policy.spec);
  const version = before === 'new' ? await insertPolicy(sql, poolId, policy) : await store(sql, poolId, policy);
  // The dispatcher took a closed pool for held, and looks again when it is told.
  if (before === 'closed') await sql.query(`insert into signal (pool_id, kind) values ($1, 'overlay')`, [poolId]);
  return { written: true, poolId, version, ledgerId };
}

/**
 * Takes the pool's row for this write. A later fence passes whatever it brings: its holder has read the object after every earlier one. Under the same
 * fence one process writes, and of the same object an older generation is a write that was overtaken.
 */
async function passFence(sql: Sql, policy: FencedPolicy) {
  const { pool, uid, fence, generation, spec } = policy;
  const former = await sql.query<{ closed: boolean }>({
    name: 'lock-pool',
    text: 'select closed_at is not null as closed from pool where name = $1 for no key update',
    values: [pool],
  });
  const { rows } = await sql.query<{ id: number; ledger_id: string; inserted: boolean }>({
    name: 'pass-fence',
    text: `insert into pool as p (name, uid, fence_transitions, fence_generation, deletion_policy) values ($1, $2, $3, $4, $5)
     on conflict (name) do update set uid = excluded.uid, fence_transitions = excluded.fence_transitions, fence_generation = excluded.fence_generation,
       deletion_policy = excluded.deletion_policy, closed_at = null
     where p.fence_transitions is null or p.fence_transitions < excluded.fence_transitions
       or (p.fence_transitions = excluded.fence_transitions and (p.uid <> excluded.uid or p.fence_generation <= excluded.fence_generation))
     returning id, ledger_id, xmax = 0 as inserted`,
    values: [pool, uid, fence, generation, spec.deletionPolicy],
  });
  const [row] = rows;
  if (row === undefined) {
    throw new Refused(
      'Fenced',
      `the ledger holds a later policy of pool ${pool} than generation ${generation}: another operator leads. If none does (the cluster's data was restored from a backup), delete the operator's Lease`,
    );
  }
  const before = row.inserted ? 'new' : former.rows[0]?.closed === true ? 'closed' : 'open';
  return { poolId: row.id, ledgerId: row.ledger_id, before } as const;
}

async function store(sql: Sql, poolId: PoolId, policy: FencedPolicy): Promise<number> {
  // A generation that changes nothing that workers act on still is the one that they act on.
  const { rows: same } = await sql.query<{ version: string }>(
    `update policy set generation = $3 where pool_id = $1 and spec = $2::jsonb
       and version = (select max(version) from policy where pool_id = $1) returning version`,
    [poolId, JSON.stringify(policy.spec), policy.generation],
  );
  if (same[0] !== undefined) return Number(same[0].version);
  const version = await insertPolicy(sql, poolId, policy);
  await forgetPolicies(sql, poolId);
  return version;
}

async function insertPolicy(sql: Sql, poolId: PoolId, { spec, generation }: FencedPolicy): Promise<number> {
  const { rows } = await sql.query<{ version: string }>({
    name: 'insert-policy',
    text: 'insert into policy (pool_id, spec, generation) values ($1, $2, $3) returning version',
    values: [poolId, JSON.stringify(spec), generation],
  });
  return Number(rows[0]?.version);
}
