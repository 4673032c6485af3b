import { z } from 'zod';
import type { Manifest } from '../runtime/apply.ts';
import type { ObjectKey } from './keys.ts';
import type { ObservedDeployment } from './observed.ts';
import { templateMark } from './plan/names.ts';
import { isRolledOut } from './taking-up.ts';

/**
 * A new release of the operator may plan other pods for every pool at once. So that a bad one stops early, such a change reaches a tenth of the pools at
 * a time; what a team changes in its own pool is rolled out at once.
 */
export type Rollouts = {
  /** What to apply now: the plan, or the plan with the pods as they are until it is this pool's turn. */
  readonly pace: (plan: readonly Manifest[], on: RolloutOf) => Paced;
  readonly forget: (key: ObjectKey) => void;
};

/** `behind`: how many other pools roll out now, and are waited for; undefined: it waits for none. */
export type Paced = { readonly plan: readonly Manifest[]; readonly behind: number | undefined };

export type RolloutOf = {
  readonly key: ObjectKey;
  /** Whether the team has changed the pool since it was looked at last. */
  readonly declaredAnew: boolean;
  /** The Deployment as it is, and what is read of it. */
  readonly live: unknown;
  readonly deployment: ObservedDeployment | undefined;
  /** How many pools there are. */
  readonly pools: number;
};

const atATime = 0.1;
/** The cluster's counts tell of a rollout a moment after it began. */
const settlesMs = 5_000;

/** A Deployment that is gone rolls nothing. */
const isOver = (deployment: ObservedDeployment | undefined) => deployment === undefined || isRolledOut(deployment);

export function openRollouts(observe: (key: ObjectKey) => ObservedDeployment | undefined, nowMs: () => number): Rollouts {
  const rolling = new Map<ObjectKey, number>();
  /** Pods of pools that wait, as they were when they began to: what hands change of them meanwhile is put back. */
  const waiting = new Map<ObjectKey, z.infer<typeof markedTemplate>>();

  function isTurn({ key, pools }: RolloutOf): boolean {
    for (const [other, sinceMs] of rolling) {
      if (nowMs() - sinceMs >= settlesMs && isOver(observe(other))) rolling.delete(other);
    }
    if (!rolling.has(key) && rolling.size >= Math.max(1, Math.floor(pools * atATime))) return false;
    rolling.set(key, rolling.get(key) ?? nowMs());
    return true;
  }

  function pace(plan: readonly Manifest[], on: RolloutOf): Paced {
    const before = markedTemplate.safeParse(on.live);
    // Where nobody serves there is nothing to be careful with, and a pool that cannot start must not keep others waiting.
    const isOurChange = before.success && !on.declaredAnew && (on.deployment?.ready ?? 0) > 0;
    if (!isOurChange) {
      waiting.delete(on.key);
      return { plan, behind: undefined };
    }
    const { metadata, spec } = waiting.get(on.key) ?? before.data;
    const changes = plan.some((child) => markOf(child) !== undefined && markOf(child) !== metadata.annotations[templateMark]);
    if (!changes || isTurn(on)) {
      waiting.delete(on.key);
      return { plan, behind: undefined };
    }
    waiting.set(on.key, { metadata, spec });
    return {
      plan: plan.map((child) => (markOf(child) === undefined ? child : withPodsOf(child, metadata.annotations, spec.template))),
      behind: rolling.size,
    };
  }

  function forget(key: ObjectKey): void {
    rolling.delete(key);
    waiting.delete(key);
  }

  return { pace, forget };
}

const template = z.looseObject({ metadata: z.looseObject({}) });
const markedTemplate = z.object({
  metadata: z.object({ annotations: z.record(z.string(), z.string()) }),
  spec: z.object({ template }),
});
const planned = z.looseObject({
  kind: z.literal('Deployment'),
  metadata: z.looseObject({ annotations: z.looseObject({ [templateMark]: z.string() }) }),
  spec: z.looseObject({}),
});

function markOf(child: Manifest): unknown {
  const read = planned.safeParse(child);
  return read.success ? read.data.metadata.annotations[templateMark] : undefined;
}

function withPodsOf(child: Manifest, annotations: Readonly<Record<string, string>>, live: z.infer<typeof template>): Manifest {
  const { metadata, spec } = planned.parse(child);
  const { creationTimestamp: _none, ...podMetadata } = live.metadata; // the server writes null there, and takes none
  return {
    ...child,
    metadata: { ...metadata, annotations: { [templateMark]: annotations[templateMark] } },
    spec: { ...spec, template: { ...live, metadata: podMetadata } },
  };
}
