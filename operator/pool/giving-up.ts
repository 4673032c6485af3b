import type { Statefulness } from '../../capacity/scaling/policy.ts';
import { type Dispensable, victimsOf } from '../../capacity/scaling/victims.ts';

/**
 * How a fleet becomes smaller without cutting anything: workers are asked to drain first, and the number of replicas follows once they have and the
 * cluster has seen it. A pod that is not ready is the first that Kubernetes takes away, so it takes those. Pure.
 */
export type GivingUp = {
  /** `spec.replicas` of the Deployment: what is wanted, and what still drains. */
  readonly replicas: number;
  readonly leaving: ReadonlyMap<string, Leaving>;
};

export type Leaving = {
  /** When it was chosen. */
  readonly sinceMs: number;
  /** When the ledger had the ask first, which is when its time begins; undefined: it was not seen there yet. */
  readonly askedMs: number | undefined;
  /** When `replicas` was lowered for it; undefined: it still drains. */
  readonly releasedMs: number | undefined;
};

export type FleetPod = Dispensable & {
  /** It holds nothing any more and waits to be taken away. */
  readonly drained: boolean;
  /** The ledger has the ask that it drains, or has not heard of it: it will not hear of the ask either. */
  readonly asked: boolean;
  /** As the cluster sees it, which is a probe later than the ledger hears of it: of several ready pods it would take any. */
  readonly ready: boolean;
};

/** A pod that was let go, and is still there after so long, was spared: another one was taken in its place. It serves again. */
const sparedAfterMs = 30_000;
/** Beyond its own bound a worker gets so long. */
const graceMs = 5_000;

export type Wanted = {
  readonly wanted: number;
  readonly nowMs: number;
  readonly drainTimeoutMs: number;
  /** While old and new pods stand side by side nobody is chosen: those that go are going already. */
  readonly rollingOut: boolean;
  readonly handler: Statefulness;
  /** Whether anything is known of the workers. While it is not, nobody is asked, and nobody let go: who seems to be gone may hold calls. */
  readonly ledger: 'read' | 'silent';
};

export function stepGivingUp(before: GivingUp, pods: readonly FleetPod[], on: Wanted): GivingUp {
  const { wanted, nowMs, drainTimeoutMs, rollingOut, handler, ledger } = on;
  const here = new Map(pods.map((pod) => [pod.name, pod]));
  const leaving = new Map(
    [...before.leaving].filter(
      ([name, { releasedMs }]) => here.has(name) && (releasedMs === undefined || nowMs - releasedMs < sparedAfterMs),
    ),
  );
  const draining = () => [...leaving].filter(([, { releasedMs }]) => releasedMs === undefined);

  let replicas = before.replicas;
  let staying = replicas - draining().length;
  // The last ones that were asked to go have the most left to give.
  for (const [name] of draining().toSorted(([, one], [, other]) => other.sinceMs - one.sinceMs)) {
    if (staying >= wanted) break;
    leaving.delete(name);
    staying += 1;
  }
  replicas += Math.max(0, wanted - staying);
  if (ledger === 'silent') return { replicas, leaving };
  if (!rollingOut) {
    const spare = Math.max(0, staying - wanted);
    const candidates = pods.filter(({ name }) => !leaving.has(name));
    // What the cluster has not made yet goes first, and there is nobody to ask.
    const unmade = Math.max(0, Math.min(spare, replicas - draining().length - candidates.length));
    replicas -= unmade;
    for (const name of victimsOf(candidates, spare - unmade, handler))
      leaving.set(name, { sinceMs: nowMs, askedMs: undefined, releasedMs: undefined });
  }
  for (const [name, { sinceMs, ...since }] of draining()) {
    const pod = here.get(name);
    const askedMs = since.askedMs ?? (pod?.asked === true ? nowMs : undefined);
    const isLeft = pod === undefined || pod.state === 'starting' || (pod.drained && !pod.ready);
    const isFree = isLeft || (askedMs !== undefined && nowMs - askedMs >= drainTimeoutMs + graceMs);
    leaving.set(name, { sinceMs, askedMs, releasedMs: isFree ? nowMs : undefined });
    if (isFree) replicas -= 1;
  }
  return { replicas, leaving };
}
