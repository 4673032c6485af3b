import type { PoolStatus } from '../../crds/status.ts';
import type { Api } from '../runtime/api.ts';
import { applyObject } from '../runtime/apply.ts';
import type { Clock } from '../runtime/clock.ts';
import { objectPath } from '../runtime/resource.ts';
import type { PoolObject } from './declared.ts';
import { type ObjectKey, objectKeyOf } from './keys.ts';
import { everyday } from './news.ts';
import { fieldManager, ownPart, pools, versionNumber } from './resources.ts';

/**
 * Writes what is told of pools into their objects: answers at once, figures twice a minute at most, and all pools together ten a second. Objects live in
 * etcd, which all of the cluster shares.
 */
export type Reporter = {
  /** Milliseconds until it is worth to look again; undefined: everything is told. */
  readonly report: (pool: PoolObject, status: PoolStatus, signal: AbortSignal) => Promise<number | undefined>;
  readonly forget: (key: ObjectKey) => void;
};

const figuresEveryMs = 30_000;
const writesPerSecond = 10;
/** Answers are written at once and count as well: figures wait for a thousand of them, and no longer than this. */
const longestDebtMs = 5_000;

/** `object`: our last write, until a watch has shown it. */
type Told = { readonly uid: string; readonly answers: string; readonly object: unknown; readonly atMs: number };

export function openReporter(api: Api, clock: Clock): Reporter {
  const told = new Map<ObjectKey, Told>();
  let nextWriteMs = 0;

  function stillUnseen(key: ObjectKey, { version }: PoolObject): Told | undefined {
    const before = told.get(key);
    if (before?.object === undefined || versionNumber(before.object) > version) return before;
    const seen = { ...before, object: undefined };
    told.set(key, seen);
    return seen;
  }

  async function report(pool: PoolObject, status: PoolStatus, signal: AbortSignal): Promise<number | undefined> {
    const key = objectKeyOf(pool.namespace, pool.name);
    const before = stillUnseen(key, pool);
    const answers = JSON.stringify(answersOf(status));
    const isNews = before?.uid !== pool.uid || before.answers !== answers;
    const nowMs = clock.nowMs();
    const dueInMs = isNews ? 0 : before.atMs + figuresEveryMs - nowMs;
    const desired = {
      apiVersion: pools.apiVersion,
      kind: 'VoiceCapacityPool',
      metadata: { name: pool.name, namespace: pool.namespace },
      status,
    };
    if (dueInMs > 0) return dueInMs;
    if (!isNews && nextWriteMs > nowMs) return nextWriteMs - nowMs;

    // Before the request: others are under way at the same time.
    nextWriteMs = Math.min(Math.max(nowMs, nextWriteMs) + 1_000 / writesPerSecond, nowMs + longestDebtMs);
    const live = before?.uid === pool.uid && before.object !== undefined ? before.object : JSON.parse(pool.live);
    const path = objectPath(pools, pool.namespace, pool.name);
    const applied = await applyObject(api, path, { desired, live, owner: { manager: fieldManager, subresource: 'status' } }, signal);
    if (applied.changed === 'nothing') nextWriteMs -= 1_000 / writesPerSecond;
    const object = applied.changed === 'applied' ? ownPart(applied.object) : before?.object;
    told.set(key, { uid: pool.uid, answers, object, atMs: applied.changed === 'applied' ? nowMs : (before?.atMs ?? nowMs) });
    return undefined;
  }

  return { report, forget: (key) => told.delete(key) };
}

/** What people and programs wait for; the rest are figures: messages too, and what comes and goes with the load. */
function answersOf({ observedGeneration, policy, ledgerId, conditions, lastDecision, overrides }: PoolStatus): unknown {
  return {
    observedGeneration,
    policy,
    ledgerId,
    conditions: conditions
      ?.filter(({ type }) => !everyday.includes(type))
      .map(({ type, status, reason, observedGeneration: generation }) => ({ type, status, reason, generation })),
    replicas: lastDecision?.replicas,
    overrides: overrides?.map(({ kind, class: of }) => ({ kind, of })),
  };
}
