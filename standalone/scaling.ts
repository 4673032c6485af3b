import { setTimeout as sleep } from 'node:timers/promises';
import { scalingPolicyOf } from '../capacity/scaling/compile.ts';
import { describeDecision } from '../capacity/scaling/explain.ts';
import { type FleetReading, signalsOf } from '../capacity/scaling/fleet.ts';
import { type ScalingPolicy, tickMs } from '../capacity/scaling/policy.ts';
import { type Remembered, type Step, stepScaling } from '../capacity/scaling/step.ts';
import type { Dispensable } from '../capacity/scaling/victims.ts';
import type { Database } from '../ledger/database.ts';
import type { PoolId } from '../ledger/policy.ts';
import { writeDecisions } from '../ledger/scaling/decisions.ts';
import { readFleets } from '../ledger/scaling/signals.ts';
import { troubleOf } from '../ledger/trouble.ts';
import type { Declaration } from './declaration.ts';
import type { Fleet } from './fleet.ts';

/** Lets the number of worker processes follow the load, by the decisions that an operator would take. */

export type Bounds = { readonly min: number; readonly max: number };

/**
 * The workers of a pool on one machine, unless the command line says it: at least what is declared, and at most that or one for each processor. A worker
 * is busy on one processor, so more of them only take memory from each other.
 */
export function boundsOf({ manifest }: Declaration, processors: number): Bounds {
  const { minReplicas, maxReplicas } = manifest.spec.scaling;
  return { min: minReplicas, max: Math.max(minReplicas, Math.min(maxReplicas, processors)) };
}

export type Scaling = { stop(): Promise<void> };

export function followLoad(options: {
  readonly database: Database;
  readonly poolId: PoolId;
  readonly declaration: Declaration;
  readonly bounds: Bounds;
  readonly fleet: Fleet;
  readonly wallClock: () => number;
  /** Told of every change of the number, and why. */
  readonly onEvent: (line: string) => void;
}): Scaling {
  const { database, poolId, declaration, bounds, fleet } = options;
  const policy: ScalingPolicy = { ...scalingPolicyOf(declaration.manifest.spec), minReplicas: bounds.min, maxReplicas: bounds.max };
  const stopping = new AbortController();
  let remembered: Remembered | undefined;

  async function tick(): Promise<void> {
    const reading = await read();
    if (stopping.signal.aborted) return;
    const signals = signalsOf(reading, { policy: declaration.policy, scaling: policy, workers: fleet.counts(), ageMs: 0 });
    const step = stepScaling(remembered, signals, policy, options.wallClock());
    remembered = step.remembered;
    const { replicas, previous } = step.decision;
    if (replicas !== previous) options.onEvent(describeDecision(step.decision));
    fleet.resize(replicas, new Map((reading?.workers ?? []).map((worker) => [worker.name, knownOf(worker)])), policy.handler);
    await tell(step);
  }

  /** Without a ledger nothing is known, and so nothing is taken away. */
  const read = (): Promise<FleetReading | undefined> => unlessAway(async () => (await readFleets(database, [poolId])).get(poolId));

  /** What the ledger did not take is told again with the next tick. */
  let owed: Step['news'] = 'none';
  async function tell({ decision, news }: Step): Promise<void> {
    if (news !== 'none' && owed !== 'changed') owed = news;
    if (owed === 'none') return;
    const changed = owed === 'changed';
    const taken = await unlessAway(() => writeDecisions(database, [{ poolId, decision, changed }]).then(() => true));
    if (taken === true) owed = 'none';
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      await tick().catch((error: Error) => options.onEvent(`workers stay as many as they are: ${error.message}`));
      await sleep(tickMs, undefined, { signal: stopping.signal }).catch((error: Error) => {
        if (error.name !== 'AbortError') throw error;
      });
    }
  }

  const running = run();
  return {
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

function knownOf({ sessions, dispatching }: FleetReading['workers'][number]): Pick<Dispensable, 'sessions' | 'dispatching'> {
  return { sessions: sessions ?? undefined, dispatching };
}

/** That the ledger is away is shown already, several times a second. */
async function unlessAway<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (troubleOf(error) === 'defect') throw error;
    return undefined;
  }
}
