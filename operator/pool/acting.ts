import { troubleOf } from '../../ledger/trouble.ts';
import type { Clock } from '../runtime/clock.ts';
import { compiledOf, type PoolObject } from './declared.ts';
import { type ObjectKey, objectKeyOf } from './keys.ts';
import type { LedgerLink } from './ledger-link.ts';
import type { Acting, Memory } from './memory.ts';
import type { Objects } from './objects.ts';
import type { ObservedPod } from './observed.ts';
import { keysOf, mountedKeys } from './plan/secret-volumes.ts';
import { nextStep, type TakingUp } from './taking-up.ts';

/** Keeps the declaration that a pool's objects and workers go by, and moves it on as the ledger takes newer ones. */
export type ActingOn = {
  /**
   * Moves a pool on as far as that goes now, and says what its objects are to be made by. Of a pool of which nothing runs the ledger is asked afterwards, by
   * `ask`. `waits`: when to look again if nothing is heard before.
   */
  readonly settle: (pool: PoolObject, memory: Memory) => Promise<Settled>;
  /** Has the ledger take the newest declaration, which is acted on then. When to ask again, if it did not. */
  readonly ask: (pool: PoolObject, memory: Memory) => Promise<readonly number[]>;
  /** Pools whose pods have keys that no call needs any more; looked for now and then. */
  readonly keysToTake: (living: readonly PoolObject[], memoryOf: (key: ObjectKey) => Memory | undefined) => Promise<readonly ObjectKey[]>;
};

export type Settled = { readonly step: TakingUp; readonly current: Acting | undefined; readonly waits: readonly number[] };

/** While pods get keys, in case the cluster says nothing. */
const mountsAgainMs = 5_000;
/** A declaration that the ledger refuses, or does not hear of, is put to it again. */
const tryAgainMs = 15_000;
/** How often it is looked whether calls of removed projects are over. */
const formerCallsEveryMs = 10_000;
/** Who dialled by the declaration before has told the ledger long since. */
const surplusAtLeastMs = 60_000;

/** A worker that has been silent for longer is given nothing (`ledger/workers.ts`). */
const heardWithinMs = 3_000;

export function openActing(deps: {
  readonly ledger: Pick<LedgerLink, 'write' | 'try' | 'outlook' | 'refusal' | 'poolId' | 'inForce' | 'formerCalls'>;
  readonly objects: Pick<Objects, 'deploymentOf' | 'liveDeployment' | 'haveSeenDeployment'>;
  readonly pods: (key: ObjectKey) => readonly ObservedPod[];
  readonly clock: Clock;
  readonly onError: (what: string, error: unknown) => void;
}): ActingOn {
  const { ledger, objects, clock } = deps;
  let formerCallsAtMs = clock.nowMs();

  /** Whether it was done. That the ledger is away is told by conditions; workers go on with the policy that they have. */
  async function done(what: string, work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      if (troubleOf(error) === 'defect') deps.onError(what, error);
      return false;
    }
  }

  function stepOf(pool: PoolObject, memory: Memory): TakingUp {
    const { generation, declared } = pool;
    const { mounting, acting } = memory;
    return nextStep(
      { generation, keys: declared.accepted ? keysOf(declared.spec) : undefined },
      {
        acting: acting?.generation,
        deployment: objects.deploymentOf(pool),
        mounted: () => mountedKeys(objects.liveDeployment(pool)),
        isSeen: objects.haveSeenDeployment(pool),
        leaversServe: mounting?.generation === generation && leaversServe(pool),
        mountingMs: mounting?.generation === generation ? clock.nowMs() - mounting.sinceMs : undefined,
      },
    );
  }

  function leaversServe(pool: PoolObject): boolean {
    const outlook = ledger.outlook(pool);
    if (outlook.kind !== 'read') return true;
    const pods = deps.pods(objectKeyOf(pool.namespace, pool.name));
    const staying = new Set(pods.filter(({ terminating }) => !terminating).map(({ name }) => name));
    return outlook.standing.workers.some(
      ({ name, state, beatAgeMs }) => state === 'serving' && beatAgeMs < heardWithinMs && !staying.has(name),
    );
  }

  /** Begins to give pods the keys of the newest declaration, if the ledger would take it. When to look again. */
  async function mount(pool: PoolObject, memory: Memory): Promise<readonly number[]> {
    const { declared, generation } = pool;
    if (!declared.accepted) return [];
    if (memory.mounting?.generation !== generation) {
      const isTried = await done(`policy of pool ${pool.namespace}/${pool.name}`, () => ledger.try(pool, declared.spec));
      if (!isTried || ledger.refusal(pool) !== undefined) return [tryAgainMs];
      memory.mounting = { generation, sinceMs: clock.nowMs() };
    }
    return [mountsAgainMs];
  }

  async function ask(pool: PoolObject, memory: Memory): Promise<readonly number[]> {
    const { declared, generation } = pool;
    if (!declared.accepted) return [];
    const isAsked = await done(`policy of pool ${pool.namespace}/${pool.name}`, () => ledger.write(pool, declared.spec));
    if (!isAsked || ledger.refusal(pool) !== undefined) return [tryAgainMs];
    memory.mounting = undefined;
    if (memory.acting?.generation !== generation) memory.acting = { generation, compiled: declared };
    return [];
  }

  /** What workers act on, for an operator that has just begun and finds a newer declaration that it cannot act on yet. */
  async function askWhatIsInForce(pool: PoolObject, memory: Memory): Promise<void> {
    await done(`policy in force of pool ${pool.namespace}/${pool.name}`, async () => {
      const inForce = await ledger.inForce(pool);
      const compiled = inForce === undefined ? undefined : compiledOf(pool.name, inForce.spec);
      if (compiled !== undefined) memory.acting = { generation: inForce?.generation ?? 0, compiled };
    });
  }

  return {
    async settle(pool, memory) {
      const { declared, generation } = pool;
      const step = stepOf(pool, memory);
      const waits = step === 'ask' ? [...(await ask(pool, memory))] : [];
      if (step === 'act' && declared.accepted) memory.acting = { generation, compiled: declared };
      const runs = objects.deploymentOf(pool) !== undefined;
      if (memory.acting === undefined && runs) await askWhatIsInForce(pool, memory);
      if (step === 'mount') waits.push(...(await (memory.acting === undefined ? ask : mount)(pool, memory)));
      return { step, current: memory.acting, waits };
    },
    ask,
    async keysToTake(living, memoryOf) {
      const nowMs = clock.nowMs();
      if (nowMs < formerCallsAtMs) return [];
      formerCallsAtMs = nowMs + formerCallsEveryMs;
      const asked = living.flatMap((pool) => {
        const key = objectKeyOf(pool.namespace, pool.name);
        const memory = memoryOf(key);
        const poolId = ledger.poolId(pool);
        const { surplusSinceMs, acting } = memory ?? {};
        const isDue = surplusSinceMs !== undefined && nowMs - surplusSinceMs >= surplusAtLeastMs && acting?.generation === pool.generation;
        return memory !== undefined && poolId !== undefined && isDue ? [{ key, generation: pool.generation, memory, poolId }] : [];
      });
      if (asked.length === 0) return [];
      const busy = await ledger.formerCalls(asked.map(({ poolId }) => poolId));
      return asked.flatMap(({ key, generation, memory, poolId }) => {
        if (busy.has(poolId)) return [];
        memory.formerCallsOver = generation;
        return [key];
      });
    },
  };
}
