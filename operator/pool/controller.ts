import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Decision } from '../../capacity/scaling/decision.ts';
import { describeDecision } from '../../capacity/scaling/explain.ts';
import { tickMs } from '../../capacity/scaling/policy.ts';
import type { PoolSpec } from '../../crds/pool.ts';
import type { PoolStatus } from '../../crds/status.ts';
import type { LedgerPool } from '../../ledger/pools/closing.ts';
import type { WrittenDecision } from '../../ledger/scaling/decisions.ts';
import { troubleOf } from '../../ledger/trouble.ts';
import type { Api } from '../runtime/api.ts';
import type { Manifest } from '../runtime/apply.ts';
import { type Clock, type Random, sleep } from '../runtime/clock.ts';
import type { Events } from '../runtime/events.ts';
import { type NextLook, openWorkQueue, type WorkQueue } from '../runtime/work-queue.ts';
import { openActing } from './acting.ts';
import { openApplier } from './apply.ts';
import type { PoolObject } from './declared.ts';
import { mayBegin, stepFleet } from './fleet.ts';
import { type ObjectKey, objectKeyOf } from './keys.ts';
import type { LedgerLink } from './ledger-link.ts';
import { freshMemory, type Memory, othersFirst, troublesOf } from './memory.ts';
import { wordsOf } from './news.ts';
import { openObjects } from './objects.ts';
import type { ObservedPool } from './observed.ts';
import type { SecretKeys } from './plan/secret-volumes.ts';
import { openReporter } from './report.ts';
import { type ChildKind, pools as poolResource } from './resources.ts';
import { seenOf } from './seen.ts';
import type { Cluster } from './watches.ts';

/**
 * Makes pools in a cluster be what they are declared to be: what is → what should be → the difference. One pool at a time goes through `reconcile`, when
 * something of it has changed; every two seconds one look at the ledger decides for all pools how many workers they have.
 */
export type Controller = {
  /** Something of this pool has changed. */
  readonly look: (key: ObjectKey) => void;
  /** An object of a pool has changed. */
  readonly lookAtChild: (kind: ChildKind, key: ObjectKey) => void;
  readonly queue: Pick<WorkQueue<ObjectKey>, 'size'>;
  /** Resolves when the signal has aborted and no work runs any more. */
  readonly ended: Promise<void>;
};

/** What turns what is known into what should be: pure. */
export type Planner = {
  readonly planChildren: (input: {
    readonly pool: Pick<PoolObject, 'name' | 'namespace' | 'uid'>;
    readonly spec: PoolSpec;
    readonly replicas: number;
    readonly keys: SecretKeys;
  }) => readonly Manifest[];
  readonly planStatus: (observed: ObservedPool) => PoolStatus;
};

export type ControllerDeps = Planner & {
  readonly api: Api;
  readonly cluster: Cluster;
  readonly ledger: LedgerLink;
  readonly writeDecisions: (decisions: readonly WrittenDecision[]) => Promise<void>;
  readonly events: Events;
  readonly clock: Clock;
  readonly wallClock: () => number;
  readonly random: Random;
  readonly onError: (what: string, error: unknown) => void;
  readonly onReconciled: (seconds: number) => void;
  readonly onFleet: (fleets: readonly { readonly wanted: number; readonly serving: number }[]) => void;
};

const concurrency = 8;
const unseenMs = 5_000;
/** The first status of a pool waits so long for the ledger to be read, and is told without it then. */
const firstReadWithinMs = 10_000;
/** Deleted pools are looked for at once when one goes, and now and then: others may have gone while nobody led. */
const closeEveryMs = 30_000;
/** So many fleets are decided before others get a turn of the process. */
const fleetsATurn = 10;

export function startController(deps: ControllerDeps, signal: AbortSignal): Controller {
  const { api, cluster, ledger, clock } = deps;
  const applier = openApplier(api, cluster, clock);
  const objects = openObjects({ planChildren: deps.planChildren, applier, cluster, clock, random: deps.random });
  const { deploymentOf } = objects;
  const acting = openActing({ ledger, objects, pods: cluster.pods, clock, onError: deps.onError });
  const reporter = openReporter(api, clock);
  const memories = new Map<ObjectKey, Memory>();
  let closeAtMs = clock.nowMs();

  function forget(key: ObjectKey): NextLook {
    memories.delete(key);
    reporter.forget(key);
    objects.forget(key);
    ledger.forget(key);
    closeAtMs = clock.nowMs();
    return { look: 'when-added' };
  }

  function memoryOf(key: ObjectKey, pool: PoolObject): Memory {
    const known = memories.get(key);
    if (known?.uid === pool.uid) return known;
    if (known !== undefined) forget(key);
    const fresh = freshMemory(pool, clock.nowMs());
    memories.set(key, fresh);
    return fresh;
  }

  async function reconcile(key: ObjectKey): Promise<NextLook> {
    const pool = cluster.pool(key);
    if (pool === undefined || pool.deleting) return forget(key);
    const memory = memoryOf(key, pool);
    const { step, current, waits: settling } = await acting.settle(pool, memory);
    const waits = [...settling];
    if (current !== undefined) {
      const made = await objects.make(pool, current, memory, signal);
      waits.push(...made.waits);
      if (made.failure !== undefined && memory.troubles.length === 0) deps.onError(`pool ${key}`, made.failure);
      const isMade = made.failure === undefined && memory.troubles.length === 0;
      const policyWaitsMs = step === 'act' && isMade ? policyWaits(pool, memory) : undefined;
      if (policyWaitsMs !== undefined) {
        memory.readableSinceMs = clock.nowMs();
        return { look: 'after', delayMs: policyWaitsMs };
      }
    }
    if (step === 'act') waits.push(...(await acting.ask(pool, memory)));
    const wait = await tell(pool, memory);
    if (wait !== undefined) waits.push(wait);
    return waits.length === 0 ? { look: 'when-added' } : { look: 'after', delayMs: Math.min(...waits) };
  }

  function policyWaits(pool: PoolObject, memory: Memory): number | undefined {
    const unmade = cluster.poolCount() - memories.size;
    const runs = cluster.pods(objectKeyOf(pool.namespace, pool.name)).some(({ runsSinceMs }) => runsSinceMs !== undefined);
    return othersFirst(memory, { unmade, runs, nowMs: clock.nowMs() });
  }

  /** Writes status and events, as far as there is something new. Milliseconds until there is more to write. */
  async function tell(pool: PoolObject, memory: Memory): Promise<number | undefined> {
    const outlook = ledger.outlook(pool);
    const refusal = ledger.refusal(pool);
    // Nothing has been read yet, and will be with the next tick. What an operator before this one told is nearer to the truth than that nothing is known.
    const willBeRead = ledger.poolId(pool) !== undefined && clock.nowMs() - memory.readableSinceMs < firstReadWithinMs;
    // A declaration that is refused is told at once.
    const isTaken = pool.declared.accepted && refusal === undefined;
    const isUndecided = outlook.kind === 'not-asked' || (outlook.kind === 'read' && memory.fleet === undefined);
    if (isUndecided && isTaken && (memory.status !== undefined || willBeRead)) return unseenMs;
    const status = deps.planStatus({
      wallMs: deps.wallClock(),
      object: { ...pool, status: memory.status },
      children: troublesOf(memory, clock.nowMs()),
      behind: memory.behind,
      mounting: memory.mounting?.generation === pool.generation,
      deployment: deploymentOf(pool),
      pods: cluster.pods(objectKeyOf(pool.namespace, pool.name)),
      ledger: outlook,
      refusal,
      lastDecision: memory.fleet?.lastDecision,
    });
    for (const news of wordsOf(memory.status, status)) say(pool, news);
    memory.status = status;
    return reporter.report(pool, status, signal);
  }

  function say({ namespace, name, uid }: PoolObject, news: ReturnType<typeof wordsOf>[number]): void {
    deps.events.say({ regarding: { apiVersion: poolResource.apiVersion, kind: 'VoiceCapacityPool', namespace, name, uid }, ...news });
  }

  const queue = openWorkQueue<ObjectKey>(
    {
      concurrency,
      clock,
      random: deps.random,
      backoff: { firstMs: 500, longestMs: 60_000 },
      run: async (key) => {
        await nextTurn(); // many pools that need no request would else be one long piece of work
        const startedMs = clock.nowMs();
        try {
          return await reconcile(key);
        } finally {
          deps.onReconciled((clock.nowMs() - startedMs) / 1_000);
        }
      },
      onError: (key, error) => deps.onError(`pool ${key}`, error),
    },
    signal,
  );

  /** Decides for one pool. The decision, if the ledger is to be told. */
  function decide(key: ObjectKey, pool: PoolObject): WrittenDecision | undefined {
    const memory = memories.get(key);
    if (memory?.uid !== pool.uid) return undefined;
    const outlook = ledger.outlook(pool);
    const refusal = ledger.refusal(pool);
    if (memory.acting === undefined || (memory.fleet === undefined && !mayBegin({ ledger: outlook, refusal }, clock.nowMs())))
      return undefined;
    const read = outlook.kind === 'read' ? outlook : undefined;
    const before = memory.fleet;
    const pods = cluster.pods(key);
    const wallMs = deps.wallClock();
    const { fleet, step } = stepFleet(before, {
      compiled: memory.acting.compiled,
      pods,
      deployment: deploymentOf(pool),
      begunWith: memory.begunWith,
      standing: read?.standing,
      load: read?.load,
      ageMs: read?.ageMs ?? 0,
      wallMs,
      nowMs: clock.nowMs(),
    });
    memory.fleet = fleet;
    const seen = seenOf({ replicas: fleet.givingUp.replicas, lastDecision: fleet.lastDecision, ledger: outlook, refusal, pods, wallMs });
    if (seen !== memory.seen) queue.add(key);
    memory.seen = seen;
    if (step.news === 'changed' && step.decision.replicas !== step.decision.previous && before !== undefined)
      sayDecision(pool, step.decision);
    const poolId = ledger.poolId(pool);
    return step.news === 'none' || poolId === undefined ? undefined : { poolId, decision: step.decision, changed: step.news === 'changed' };
  }

  function sayDecision(pool: PoolObject, decision: Decision): void {
    const reason = decision.replicas > decision.previous ? 'ScaledUp' : 'ScaledDown';
    say(pool, { type: 'Normal', reason, action: 'Scaling', note: describeDecision(decision) });
  }

  /** Whether the cluster has the object that declared this pool of the ledger. */
  function isThere({ pool, uid }: LedgerPool): boolean {
    const object = cluster.pool(pool.slice(pool.indexOf('/') + 1));
    return object?.uid === uid && !object.deleting;
  }

  const livingPools = () => cluster.poolKeys().flatMap((key) => cluster.pool(key) ?? []);

  async function tick(): Promise<void> {
    await whileItAnswers('reading the ledger', ledger.read);
    if (signal.aborted) return;
    const living = livingPools();
    const decisions: WrittenDecision[] = [];
    for (const [index, pool] of living.entries()) {
      if (index % fleetsATurn === fleetsATurn - 1) await nextTurn();
      const key = objectKeyOf(pool.namespace, pool.name);
      try {
        const decision = decide(key, pool);
        if (decision !== undefined) decisions.push(decision);
      } catch (error) {
        deps.onError(`workers of pool ${key}`, error); // others are decided on all the same
      }
    }
    deps.onFleet(living.map(fleetOf));
    await whileItAnswers('what the ledger is told', async () => {
      await ledger.ask(living.flatMap(askOf));
      // Each may wait long for a ledger that does not answer, and an operator that is to end has no time for all of them.
      if (signal.aborted) return;
      await deps.writeDecisions(decisions);
      if (signal.aborted) return;
      for (const key of await acting.keysToTake(living, (key) => memories.get(key))) queue.add(key);
      if (signal.aborted || clock.nowMs() < closeAtMs) return;
      closeAtMs = clock.nowMs() + closeEveryMs;
      await ledger.close(isThere);
    });
  }

  function fleetOf(pool: PoolObject) {
    const key = objectKeyOf(pool.namespace, pool.name);
    const serving = cluster.pods(key).filter(({ ready, terminating }) => ready && !terminating).length;
    return { wanted: memories.get(key)?.fleet?.lastDecision.decision.replicas ?? deploymentOf(pool)?.wanted ?? 0, serving };
  }

  function askOf(pool: PoolObject) {
    const poolId = ledger.poolId(pool);
    const outlook = ledger.outlook(pool);
    const leaving = memories.get(objectKeyOf(pool.namespace, pool.name))?.fleet?.givingUp.leaving;
    const asked = outlook.kind === 'read' && outlook.standing.workers.some(({ drainAsked }) => drainAsked);
    if (poolId === undefined || leaving === undefined || (leaving.size === 0 && !asked)) return [];
    return [{ poolId, names: [...leaving.keys()] }];
  }

  async function whileItAnswers(what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (troubleOf(error) === 'defect') deps.onError(what, error);
    }
  }

  async function keepTicking(): Promise<void> {
    while (!signal.aborted) {
      const startedMs = clock.nowMs();
      try {
        await tick();
      } catch (error) {
        deps.onError('scaling', error);
      }
      await sleep(clock, Math.max(0, tickMs - (clock.nowMs() - startedMs)), signal);
    }
  }

  for (const key of cluster.poolKeys()) queue.add(key);
  const ticking = keepTicking();

  function lookAtChild(kind: ChildKind, key: ObjectKey): void {
    // The name of a child says whose it is; who it really belongs to is looked at before it is touched.
    const pool = key.replace(/-vcp$/, '');
    const isOurs = applier.isOwnWrite(kind, key);
    const memory = memories.get(pool);
    if (memory !== undefined && !isOurs) memory.changes += 1;
    // How many workers there are is told of a Deployment whoever wrote it.
    if (!isOurs || kind === 'Deployment') queue.add(pool);
  }

  return { look: queue.add, lookAtChild, queue, ended: Promise.all([queue.ended, ticking]).then(() => undefined) };
}
