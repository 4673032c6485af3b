import { retryAfterMs } from '../runtime/api-error.ts';
import { backoffMs } from '../runtime/backoff.ts';
import type { Clock, Random } from '../runtime/clock.ts';
import type { AppliedPlan, Applier } from './apply.ts';
import type { Planner } from './controller.ts';
import type { Compiled, PoolObject } from './declared.ts';
import { type ObjectKey, objectKeyOf } from './keys.ts';
import type { Acting, Memory } from './memory.ts';
import type { ObservedDeployment } from './observed.ts';
import { keysOf, mountedKeys } from './plan/secret-volumes.ts';
import { childPath } from './resources.ts';
import { openRollouts } from './rollouts.ts';
import { wantedKeys } from './taking-up.ts';
import type { Cluster } from './watches.ts';

/** Makes a pool's objects be as planned, and no request when nothing has changed since they were. */
export type Objects = {
  readonly make: (pool: PoolObject, acting: Acting, memory: Memory, signal: AbortSignal) => Promise<Made>;
  readonly deploymentOf: (pool: Pick<PoolObject, 'namespace' | 'name'>) => ObservedDeployment | undefined;
  /** Whether what the cluster shows of the Deployment is at least what we wrote last. */
  readonly haveSeenDeployment: (pool: PoolObject) => boolean;
  /** The Deployment as it is, or as we wrote it if that is newer. */
  readonly liveDeployment: (pool: PoolObject) => unknown;
  readonly forget: (key: ObjectKey) => void;
};

/** `waits`: when to look again if nothing is heard before. `failure`: what the API server failed to take and is to be tried again. */
export type Made = { readonly waits: readonly number[]; readonly failure: unknown };

/** What the objects were made by, in short; the workers among it; and whom a new release of the operator waits for. */
type Basis = { readonly basis: string; readonly replicas: number; readonly behind: number | undefined };

const nothing: Made = { waits: [], failure: undefined };
/** A pool whose objects the API server refuses, or that waits for others to roll out, is tried again. */
const tryAgainMs = 15_000;
const unseenMs = 5_000;
/** The wishes of a busy pool change every two seconds; what the API server fails to take is not put to it as often. */
const backoff = { firstMs: 500, longestMs: 15_000 };

export function openObjects(deps: {
  readonly planChildren: Planner['planChildren'];
  readonly applier: Applier;
  readonly cluster: Pick<Cluster, 'deployment' | 'poolCount'>;
  readonly clock: Clock;
  readonly random: Random;
}): Objects {
  const { applier, cluster, clock } = deps;
  const rollouts = openRollouts((key) => cluster.deployment(`${key}-vcp`), clock.nowMs);
  const keyOfDeployment = ({ namespace, name }: Pick<PoolObject, 'namespace' | 'name'>) => objectKeyOf(namespace, `${name}-vcp`);
  const deploymentOf = (pool: Pick<PoolObject, 'namespace' | 'name'>) => cluster.deployment(keyOfDeployment(pool));
  const liveDeployment = (pool: PoolObject) => applier.newest('Deployment', keyOfDeployment(pool));

  function replicasOf(pool: PoolObject, scaling: Compiled['scaling'], memory: Memory): number {
    memory.begunWith ??= deploymentOf(pool)?.wanted ?? scaling.minReplicas;
    return memory.fleet?.givingUp.replicas ?? memory.begunWith;
  }

  /** The pool's objects as they are to be now. */
  function planOf(pool: PoolObject, { generation, compiled: { spec } }: Acting, memory: Memory, replicas: number) {
    const live = liveDeployment(pool);
    const isMounting = memory.mounting?.generation === pool.generation;
    const { keys, surplus } = wantedKeys({
      acting: keysOf(spec),
      // One that the ledger would refuse gets no pods of its own.
      newest: pool.declared.accepted && isMounting ? keysOf(pool.declared.spec) : undefined,
      mounted: mountedKeys(live),
      formerCalls: memory.formerCallsOver === pool.generation ? 'over' : 'may live',
    });
    if (memory.surplus?.generation !== generation || !surplus) {
      memory.surplus = surplus ? { generation, sinceMs: clock.nowMs() } : undefined;
      memory.quietSinceMs = undefined;
    }
    return rollouts.pace(deps.planChildren({ pool, spec, replicas, keys }), {
      key: objectKeyOf(pool.namespace, pool.name),
      // The team's own edit, also while it is not acted on yet.
      declaredAnew: isMounting || (memory.plannedFor ?? memory.status?.observedGeneration) !== generation,
      live,
      deployment: deploymentOf(pool),
      pools: cluster.poolCount(),
    });
  }

  /** Milliseconds in which nothing is tried again. A number of workers that has changed is, unless the server fails altogether. */
  function pausedMs({ retry }: Memory, { generation }: PoolObject, replicas: number): number {
    const holds = retry !== undefined && retry.generation === generation && (retry.replicas === 'any' || retry.replicas === replicas);
    return holds ? Math.max(0, retry.atMs - clock.nowMs()) : 0;
  }

  /** Keeps what came of it, and says when to look again. */
  function note({ generation }: PoolObject, memory: Memory, { basis, replicas, behind }: Basis, applied: AppliedPlan): Made {
    const { troubles, failing, failure, paths } = applied;
    const nowMs = clock.nowMs();
    memory.troubles = troubles;
    memory.failing = failing.length === 0 ? undefined : { sinceMs: memory.failing?.sinceMs ?? nowMs, troubles: failing };
    memory.behind = behind;
    if (failing.length > 0) {
      const failures = (memory.retry?.failures ?? 0) + 1;
      const delayMs = Math.max(retryAfterMs(failure), backoffMs(backoff, failures, deps.random));
      memory.retry = { generation, replicas: 'any', failures, atMs: nowMs + delayMs };
      return { waits: [delayMs], failure };
    }
    memory.retry = troubles.length === 0 ? undefined : { generation, replicas, failures: 0, atMs: nowMs + tryAgainMs };
    if (behind !== undefined || troubles.length > 0) return { waits: [tryAgainMs], failure };
    memory.applied = { basis, paths };
    return { waits: applier.haveSeen(paths) ? [] : [unseenMs], failure: undefined };
  }

  async function make(pool: PoolObject, acting: Acting, memory: Memory, signal: AbortSignal): Promise<Made> {
    const replicas = replicasOf(pool, acting.compiled.scaling, memory);
    const { changes, formerCallsOver, mounting } = memory;
    const basis = JSON.stringify([acting.generation, pool.generation, replicas, changes, formerCallsOver, mounting?.generation]);
    if (memory.applied?.basis === basis && applier.haveSeen(memory.applied.paths)) return nothing;
    const waitMs = pausedMs(memory, pool, replicas);
    if (waitMs > 0) return { waits: [waitMs], failure: undefined };
    memory.applied = undefined;
    const { plan, behind } = planOf(pool, acting, memory, replicas);
    memory.plannedFor = acting.generation;
    return note(pool, memory, { basis, replicas, behind }, await applier.apply(plan, pool.uid, signal));
  }

  return {
    make,
    deploymentOf,
    liveDeployment,
    haveSeenDeployment: (pool) => applier.haveSeen([childPath('Deployment', keyOfDeployment(pool))]),
    forget: rollouts.forget,
  };
}
