import type { FleetReading } from '../../capacity/scaling/fleet.ts';
import type { PoolSpec } from '../../crds/pool.ts';
import { type PoolKey, poolKeyOf, poolName } from '../../crds/values.ts';
import type { Database } from '../../ledger/database.ts';
import type { PoolId } from '../../ledger/policy.ts';
import { closePools, type LedgerPool, settleClosedPools } from '../../ledger/pools/closing.ts';
import { askToDrain, type DrainAsk } from '../../ledger/pools/draining.ts';
import { type PolicyRefusal, tryFencedPolicy, writeFencedPolicy } from '../../ledger/pools/fenced-policy.ts';
import { type InForce, poolsWithFormerCalls, readInForce } from '../../ledger/pools/in-force.ts';
import { type LedgerRoom, type PoolStanding, readLedgerRoom, readStandings } from '../../ledger/pools/readings.ts';
import { readFleets } from '../../ledger/scaling/signals.ts';
import { isStatementTimeout, lacksSchema, troubleOf } from '../../ledger/trouble.ts';
import type { LedgerDoor } from '../ledger.ts';
import { type PoolObject, readStatus } from './declared.ts';
import { type ObjectKey, objectKeyOf } from './keys.ts';
import type { LedgerOutlook, LedgerRefusal } from './observed.ts';
import type { Scope } from './watches.ts';

/** What the operator knows of the ledger, for all pools: policies that it wrote, and one reading of everything at a time. */
export type LedgerLink = {
  /** Writes the policy of this generation unless that is done. A refusal is kept, and told by `refusal`; a ledger that is away is thrown. */
  readonly write: (pool: PoolObject, spec: PoolSpec) => Promise<void>;
  /** Asks whether the ledger would take it, and writes nothing. The rest as for `write`. */
  readonly try: (pool: PoolObject, spec: PoolSpec) => Promise<void>;
  /** Reads all pools that were written. Whether the ledger is away, or fails to say, is in `outlook` afterwards; a failure is thrown too. */
  readonly read: () => Promise<void>;
  readonly outlook: (pool: PoolObject) => LedgerOutlook;
  /** Why the declaration as it is now was not written, if it was tried. */
  readonly refusal: (pool: PoolObject) => LedgerRefusal | undefined;
  readonly poolId: (pool: PoolObject) => PoolId | undefined;
  /** What workers of the pool act on, as far as the ledger is the pool's and this release can read it; it is read from then on. Throws while the ledger is away. */
  readonly inForce: (pool: PoolObject) => Promise<InForce | undefined>;
  /** Of these pools those in which calls of removed projects live. */
  readonly formerCalls: (ids: readonly PoolId[]) => Promise<ReadonlySet<PoolId>>;
  /** Closes pools whose object is gone, and does what is left to do for closed ones. */
  readonly close: (isThere: (pool: LedgerPool) => boolean) => Promise<readonly PoolKey[]>;
  readonly ask: (asks: readonly DrainAsk[]) => Promise<void>;
  readonly forget: (key: ObjectKey) => void;
};

type Reading = {
  readonly atMs: number;
  readonly standings: ReadonlyMap<PoolId, PoolStanding>;
  readonly loads: ReadonlyMap<PoolId, FleetReading>;
  readonly room: LedgerRoom | undefined;
};

type Declared = { readonly uid: string; readonly generation: number };
/** What was written last: with a newer declaration refused the pool goes on, and is read and scaled, by this one. */
type Entry = Declared & { readonly poolId: PoolId; readonly ledgerId: string; readonly writtenBy: 'us' | 'one-before' };

export function openLedgerLink(
  door: Pick<LedgerDoor, 'open' | 'distrust'>,
  own: { readonly cluster: string; readonly scope: () => Scope; readonly fence: number; readonly nowMs: () => number },
): LedgerLink {
  const entries = new Map<ObjectKey, Entry>();
  const refusals = new Map<ObjectKey, Declared & { readonly refusal: LedgerRefusal }>();
  let reading: Reading | undefined;
  let away: Omit<Extract<LedgerOutlook, { kind: 'away' }>, 'kind'> | undefined;
  const keyOf = ({ namespace, name }: PoolObject) => objectKeyOf(namespace, name);
  const ledgerKey = ({ namespace, name }: PoolObject) => poolKeyOf(own.cluster, namespace, poolName.parse(name));

  /** Notes whether the ledger answers. */
  async function asking<T>(work: (open: Database) => Promise<T>, about: 'all pools' | 'one pool' = 'all pools'): Promise<T> {
    try {
      const result = await work(await door.open());
      away = undefined;
      return result;
    } catch (error) {
      // What fails for itself says nothing about the ledger, nor does a row of one pool that somebody has locked.
      const isOfOne = about === 'one pool' && isStatementTimeout(error);
      if (lacksSchema(error)) door.distrust();
      if (troubleOf(error) === 'away' && !isOfOne) noteAway('Unreachable', error);
      throw error;
    }
  }

  function noteAway(how: 'Unreachable' | 'Fails', error: unknown): void {
    away = { how, sinceMs: away?.sinceMs ?? own.nowMs(), message: wordsOf(error) };
  }

  async function write(pool: PoolObject, spec: PoolSpec): Promise<void> {
    const { uid, generation } = pool;
    const before = entries.get(keyOf(pool));
    // Who has an account may give it up: a refusal is asked for again by whoever comes back to this pool.
    if (before?.uid === uid && before.generation === generation && before.writtenBy === 'us') return;
    const { written } = await refusing(pool, async (open) => {
      const result = await writeFencedPolicy(open, policyOf(pool, spec));
      return result.written ? { written: result } : { refusal: result };
    });
    if (written === undefined) return;
    entries.set(keyOf(pool), { uid, generation, poolId: written.poolId, ledgerId: written.ledgerId, writtenBy: 'us' });
    refusals.delete(keyOf(pool));
  }

  async function tryOut(pool: PoolObject, spec: PoolSpec): Promise<void> {
    const { refusal } = await refusing(pool, async (open) => ({ refusal: await tryFencedPolicy(open, policyOf(pool, spec)) }));
    if (refusal === undefined) refusals.delete(keyOf(pool));
  }

  const policyOf = (pool: PoolObject, spec: PoolSpec) => ({
    pool: ledgerKey(pool),
    uid: pool.uid,
    fence: own.fence,
    generation: pool.generation,
    spec,
    ledgerId: readStatus(pool)?.ledgerId,
  });

  /** Keeps a refusal, whether it is meant or comes of a failure. */
  async function refusing<T extends { readonly refusal?: PolicyRefusal | undefined }>(
    pool: PoolObject,
    work: (open: Database) => Promise<T>,
  ): Promise<T> {
    const { uid, generation } = pool;
    const refuse = (refusal: LedgerRefusal) => refusals.set(keyOf(pool), { uid, generation, refusal });
    try {
      const result = await asking(work, 'one pool');
      if (result.refusal === undefined) return result;
      const { refused, message } = result.refusal;
      // Who was overtaken, or looks at another database, does not know what became of the pool.
      if (refused !== 'SubscriptionClaimed') entries.delete(keyOf(pool));
      refuse({ kind: 'refused', refused, message });
      return result;
    } catch (error) {
      if (troubleOf(error) === 'defect' || isStatementTimeout(error)) refuse({ kind: 'failing', message: wordsOf(error) });
      throw error;
    }
  }

  /**
   * A living pool that somebody has closed is opened again by its policy. One that this database has not, or has as another ledger's, was written to another
   * database: numbers of pools are the same everywhere, and what this one says under them is of somebody else.
   */
  function writeAgain(asked: readonly (readonly [ObjectKey, Entry])[], standings: Reading['standings']): void {
    for (const [key, entry] of asked) {
      const standing = standings.get(entry.poolId);
      const isAsWritten = standing?.closed === false && standing.ledgerId === entry.ledgerId;
      if (!isAsWritten && entries.get(key) === entry) entries.delete(key);
    }
  }

  async function read(): Promise<void> {
    const asked = [...entries];
    const ids = asked.map(([, { poolId }]) => poolId);
    try {
      reading = await asking(async (open) => {
        const atMs = own.nowMs();
        const [standings, loads, room] = await Promise.all([readStandings(open, ids), readFleets(open, ids), readLedgerRoom(open)]);
        return { atMs, standings, loads, room };
      });
      writeAgain(asked, reading.standings);
    } catch (error) {
      // Nothing is known then either, whatever the reason: it must not look as it did before.
      if (troubleOf(error) !== 'away') noteAway('Fails', error);
      throw error;
    }
  }

  function outlook(pool: PoolObject): LedgerOutlook {
    if (away !== undefined) return { kind: 'away', ...away };
    const id = poolId(pool);
    const standing = id === undefined ? undefined : reading?.standings.get(id);
    if (id === undefined || reading === undefined || standing === undefined) return { kind: 'not-asked' };
    const load = reading.loads.get(id);
    return { kind: 'read', standing, load, ageMs: own.nowMs() - reading.atMs, room: reading.room };
  }

  function poolId(pool: PoolObject): PoolId | undefined {
    const entry = entries.get(keyOf(pool));
    return entry?.uid === pool.uid ? entry.poolId : undefined;
  }

  /** What an operator before this one wrote: the pool is read and scaled by it from now on. */
  async function inForce(pool: PoolObject): Promise<InForce | undefined> {
    const found = await asking((open) => readInForce(open, { pool: ledgerKey(pool), uid: pool.uid }), 'one pool');
    const told = readStatus(pool)?.ledgerId;
    if (found === undefined || (told !== undefined && told !== found.ledgerId)) return undefined;
    const { poolId, ledgerId, generation = 0 } = found;
    if (!entries.has(keyOf(pool))) entries.set(keyOf(pool), { uid: pool.uid, generation, poolId, ledgerId, writtenBy: 'one-before' });
    return found;
  }

  return {
    write,
    try: tryOut,
    read,
    outlook,
    refusal: (pool) => {
      const found = refusals.get(keyOf(pool));
      return found?.uid === pool.uid && found.generation === pool.generation ? found.refusal : undefined;
    },
    poolId,
    inForce,
    formerCalls: (ids) => asking((open) => poolsWithFormerCalls(open, ids)),
    close: (isThere) =>
      asking(async (open) => {
        const closed = await closePools(open, { cluster: own.cluster, namespaces: own.scope() }, isThere, own.fence);
        await settleClosedPools(open, own.cluster);
        return closed;
      }),
    ask: (asks) => asking((open) => askToDrain(open, asks)),
    forget: (key) => {
      entries.delete(key);
      refusals.delete(key);
    },
  };
}

/** A refused connection may come as one error for each address that was tried. */
function wordsOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(wordsOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}
