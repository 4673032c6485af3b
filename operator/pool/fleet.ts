import type { Decision } from '../../capacity/scaling/decision.ts';
import { type Counted, type FleetReading, signalsOf } from '../../capacity/scaling/fleet.ts';
import { type Remembered, type Step, stepScaling } from '../../capacity/scaling/step.ts';
import type { PoolStanding } from '../../ledger/pools/readings.ts';
import type { Compiled } from './declared.ts';
import { type FleetPod, type GivingUp, type Leaving, stepGivingUp } from './giving-up.ts';
import type { ObservedDeployment, ObservedPod, ObservedPool } from './observed.ts';

/** The workers of one pool between two looks: how many there should be and why, and which of them leave. */
export type Fleet = {
  readonly remembered: Remembered;
  readonly givingUp: GivingUp;
  readonly lastDecision: { readonly decision: Decision; readonly atMs: number };
};

export type FleetLook = {
  readonly compiled: Compiled;
  readonly pods: readonly ObservedPod[];
  readonly deployment: ObservedDeployment | undefined;
  /** How many this operator found or made before its first look; undefined: it has done neither yet. */
  readonly begunWith: number | undefined;
  readonly standing: PoolStanding | undefined;
  readonly load: FleetReading | undefined;
  /** How long ago the ledger was read. */
  readonly ageMs: number;
  readonly wallMs: number;
  /** Monotonic. */
  readonly nowMs: number;
};

/** An operator that begins without its ledger waits so long for it. */
const beginsWithoutMs = 60_000;

/**
 * Whether a fleet may be decided on for the first time. Workers that an operator before this one has asked to leave are in the ledger only: who decides before
 * it was read calls them back. `nowMs`: on the clock of `sinceMs`.
 */
export function mayBegin({ ledger, refusal }: Pick<ObservedPool, 'ledger' | 'refusal'>, nowMs: number): boolean {
  if (ledger.kind === 'read') return true;
  // What is refused is not read.
  if (ledger.kind === 'not-asked') return refusal !== undefined;
  return nowMs - ledger.sinceMs >= beginsWithoutMs;
}

/** One tick. An operator that has just begun starts from what runs, and gives up the workers that it finds asked to. */
export function stepFleet(before: Fleet | undefined, look: FleetLook): { readonly fleet: Fleet; readonly step: Step } {
  const { compiled, wallMs } = look;
  const givingUp = before?.givingUp ?? asFound(look);
  const workers = countWorkers(look, givingUp);
  const { ageMs, pods } = look;
  const on = { policy: compiled.policy, scaling: compiled.scaling, workers, ageMs, beforeStartMs: beforeStartMs(pods) };
  const signals = signalsOf(look.load, on);
  const step = stepScaling(before?.remembered, signals, compiled.scaling, wallMs);
  const next = stepGivingUp(givingUp, fleetPods(look), {
    wanted: step.decision.replicas,
    nowMs: look.nowMs,
    ledger: look.standing === undefined ? 'silent' : 'read',
    drainTimeoutMs: compiled.drainTimeoutMs,
    handler: compiled.scaling.handler,
    rollingOut: look.deployment !== undefined && look.deployment.updated < look.deployment.replicas,
  });
  const lastDecision =
    before === undefined || step.news === 'changed'
      ? { decision: step.decision, atMs: wallMs }
      : { ...before.lastDecision, decision: step.decision };
  return { fleet: { remembered: step.remembered, givingUp: next, lastDecision }, step };
}

/** From the making of a pod to the start of its worker, in milliseconds. */
export function beforeStartMs(pods: readonly ObservedPod[]): ReadonlyMap<string, number> {
  return new Map(
    pods.flatMap(({ name, createdMs, runsSinceMs, restarted }) =>
      runsSinceMs === undefined || restarted ? [] : [[name, Math.max(0, runsSinceMs - createdMs)]],
    ),
  );
}

function asFound({ compiled, deployment, begunWith, standing, pods, nowMs }: FleetLook): GivingUp {
  const asked = new Set((standing?.workers ?? []).filter(({ drainAsked }) => drainAsked).map(({ name }) => name));
  const leaving: readonly (readonly [string, Leaving])[] = pods
    .filter(({ name, terminating }) => asked.has(name) && !terminating)
    .map(({ name }) => [name, { sinceMs: nowMs, askedMs: nowMs, releasedMs: undefined }]);
  return { replicas: begunWith ?? deployment?.wanted ?? compiled.scaling.minReplicas, leaving: new Map(leaving) };
}

/**
 * Replicas that the cluster has not made a pod for are starting too. Pods beyond the replicas are not counted: a rollout has them for a moment, and who begins
 * in that moment would take them for wanted.
 */
function countWorkers({ pods }: FleetLook, { replicas, leaving }: GivingUp): Counted {
  const here = pods.filter(({ terminating }) => !terminating);
  const staying = here.filter(({ name }) => !leaving.has(name));
  const draining = pods.length - staying.length;
  const drainingStill = [...leaving.values()].filter(({ releasedMs }) => releasedMs === undefined).length;
  const stay = Math.max(0, replicas - drainingStill);
  const serving = Math.min(stay, staying.filter(({ ready }) => ready).length);
  return { serving, starting: stay - serving, draining };
}

function fleetPods({ pods, standing, load }: FleetLook): readonly FleetPod[] {
  // A container that started again has two rows for a while; the later one speaks for the pod.
  const standings = new Map((standing?.workers ?? []).map((worker) => [worker.name, worker]));
  const loads = new Map((load?.workers ?? []).map((worker) => [worker.name, worker]));
  return pods
    .filter(({ terminating }) => !terminating)
    .map(({ name, ready, createdMs }) => {
      const known = standings.get(name);
      return {
        name,
        // One that the ledger has heard of has served, or is about to: it is asked before it is let go.
        state: ready || known !== undefined ? 'serving' : 'starting',
        sessions: loads.get(name)?.sessions ?? undefined,
        dispatching: loads.get(name)?.dispatching ?? false,
        startedMs: createdMs,
        drained: known?.state === 'drained',
        asked: known === undefined || known.drainAsked,
        ready,
      };
    });
}
