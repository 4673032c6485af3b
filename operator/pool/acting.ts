import { troubleOf } from '../../ledger/trouble.ts';
import type { Clock } from '../runtime/clock.ts';
import { compiledOf, type PoolObject } from './declared.ts';
import { type ObjectKey, objectKeyOf } from './keys.ts';
import type { LedgerLink } from './ledger-link.ts';
import type { Acting, Memory } from './memory.ts';
import type { Objects } from './objects.ts';
import type { ObservedPod } from './observed.ts';
import { keysOf, lacks, mountedKeys } from './plan/secret-volumes.ts';
import { isRolledOut, nextStep, type TakingUp } from './taking-up.ts';

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
/** Reports of calls come a while after their end, and are verified with the same keys. */
const reportsWithinMs = 120_000;
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
        acting: acting === undefined ? undefined : { generation: acting.generation, keys: keysOf(acting.compiled.spec) },
        deployment: objects.deploymentOf(pool),
        mounted: () => mountedKeys(objects.liveDeployment(pool)),
        isSeen: objects.haveSeenDeployment(pool),
        leaversServe: () => leaversServe(pool),
        mountingMs: mounting?.generation === generation ? clock.nowMs() - mounting.sinceMs : undefined,
      },
    );
  }

  /** An operator that has just begun, in the middle of a rollout: what the pods get may be keys that workers have not heard of. */
  function stepBefore(pool: PoolObject, { acting }: Memory): 'look' | 'go-on' {
    const deployment = objects.deploymentOf(pool);
    if (acting !== undefined || deployment === undefined || !pool.declared.accepted) return 'go-on';
    const isThrough = isRolledOut(deployment) && !lacks(mountedKeys(objects.liveDeployment(pool)), keysOf(pool.declared.spec));
    return isThrough ? 'go-on' : 'look';
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
      // Edits that name nothing more do not begin its time anew.
      const isMore = lacks(mountedKeys(objects.liveDeployment(pool)), keysOf(declared.spec));
      memory.mounting = { generation, sinceMs: isMore ? clock.nowMs() : (memory.mounting?.sinceMs ?? clock.nowMs()) };
    }
    return [mountsAgainMs];
  }

  async function ask(pool: PoolObject, memory: Memory): Promise<readonly number[]> {
    const { declared, generation } = pool;
    if (!declared.accepted) return [];
    const isAsked = await done(`policy of pool ${pool.namespace}/${pool.name}`, () => ledger.write(pool, declared.spec));
    if (!isAsked || ledger.refusal(pool) !== undefined) return [tryAgainMs];
    memory.mounting = undefined;
    if (memory.acting?.compiled !== declared) memory.acting = { generation, compiled: declared };
    return [];
  }

  /** What workers act on, for an operator that has just begun and finds a newer declaration that it cannot act on yet. */
  async function askWhatIsInForce(pool: PoolObject, memory: Memory): Promise<'answered' | 'away'> {
    const isAnswered = await done(`policy in force of pool ${pool.namespace}/${pool.name}`, async () => {
      const inForce = await ledger.inForce(pool);
      const compiled = inForce === undefined ? undefined : compiledOf(pool.name, inForce.spec);
      if (compiled !== undefined) memory.acting ??= { generation: inForce?.generation ?? 0, compiled };
    });
    return isAnswered ? 'answered' : 'away';
  }

  return {
    async settle(pool, memory) {
      const { declared, generation } = pool;
      const before = stepBefore(pool, memory);
      if (before === 'look' && (await askWhatIsInForce(pool, memory)) === 'away')
        return { step: 'mount', current: undefined, waits: [tryAgainMs] };
      const step = stepOf(pool, memory);
      const waits = step === 'ask' ? [...(await ask(pool, memory))] : [];
      if (step === 'mount') waits.push(...(await mount(pool, memory)));
      if (step === 'act' && declared.accepted) memory.acting = { generation, compiled: declared };
      const runs = objects.deploymentOf(pool) !== undefined;
      // Unread, it would be neither scaled nor told of: an operator that has just begun, or whose ledger was exchanged for a while.
      const isUnread = memory.acting === undefined || (step !== 'ask' && step !== 'act' && ledger.poolId(pool) === undefined);
      if (runs && isUnread && before !== 'look') await askWhatIsInForce(pool, memory);
      if (runs && memory.acting === undefined) waits.push(tryAgainMs);
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
        const { surplus, acting } = memory ?? {};
        const isDue =
          surplus?.generation === pool.generation && acting?.generation === pool.generation && nowMs - surplus.sinceMs >= surplusAtLeastMs;
        return memory !== undefined && poolId !== undefined && isDue ? [{ key, generation: pool.generation, memory, poolId }] : [];
      });
      if (asked.length === 0) return [];
      const busy = await ledger.formerCalls(asked.map(({ poolId }) => poolId));
      return asked.flatMap(({ key, generation, memory, poolId }) => {
        memory.quietSinceMs = busy.has(poolId) ? undefined : (memory.quietSinceMs ?? nowMs);
        if (memory.quietSinceMs === undefined || nowMs - memory.quietSinceMs < reportsWithinMs) return [];
        memory.formerCallsOver = generation;
        return [key];
      });
    },
  };
}
