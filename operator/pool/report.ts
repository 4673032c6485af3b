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
const betweenWritesMs = 100;
/** Answers are written at once and take room as well: figures wait for a thousand of them, and no longer than this. */
const longestDebtMs = 5_000;

/** `object`: our last write, until a watch has shown it. */
type Told = { readonly uid: string; readonly answers: string; readonly object: unknown; readonly atMs: number };

export function openReporter(api: Api, clock: Clock): Reporter {
  const told = new Map<ObjectKey, Told>();
  const turns = openTurns(clock);

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
    if (dueInMs > 0) return dueInMs;
    const turnInMs = isNews ? turns.takeAtOnce(key) : turns.take(key);
    if (turnInMs > 0) return turnInMs;

    const path = objectPath(pools, pool.namespace, pool.name);
    const live = before?.uid === pool.uid && before.object !== undefined ? before.object : JSON.parse(pool.live);
    const desired = {
      apiVersion: pools.apiVersion,
      kind: 'VoiceCapacityPool',
      metadata: { name: pool.name, namespace: pool.namespace },
      status,
    };
    const applied = await applyObject(api, path, { desired, live, owner: { manager: fieldManager, subresource: 'status' } }, signal);
    const object = applied.changed === 'applied' ? ownPart(applied.object) : before?.object;
    told.set(key, { uid: pool.uid, answers, object, atMs: applied.changed === 'applied' ? nowMs : (before?.atMs ?? nowMs) });
    return undefined;
  }

  function forget(key: ObjectKey): void {
    told.delete(key);
    turns.giveUp(key);
  }

  return { report, forget };
}

/**
 * Spreads writes over time. Who has to wait gets a time of its own: if all came back at the same time, one of them could write and the others would come in
 * vain, again and again.
 */
function openTurns(clock: Clock) {
  const reserved = new Map<ObjectKey, number>();
  let nextMs = 0;

  return {
    /** Milliseconds until it is this one's turn; 0: it is, and is taken. */
    take(key: ObjectKey): number {
      const nowMs = clock.nowMs();
      const atMs = reserved.get(key) ?? Math.max(nowMs, nextMs);
      if (!reserved.has(key)) nextMs = atMs + betweenWritesMs;
      if (atMs > nowMs) reserved.set(key, atMs);
      else reserved.delete(key);
      return Math.max(0, atMs - nowMs);
    },
    /** What cannot wait takes the room of others, up to a bound. */
    takeAtOnce(key: ObjectKey): 0 {
      reserved.delete(key);
      const nowMs = clock.nowMs();
      nextMs = Math.max(nextMs, Math.min(Math.max(nowMs, nextMs) + betweenWritesMs, nowMs + longestDebtMs));
      return 0;
    },
    giveUp: (key: ObjectKey) => void reserved.delete(key),
  };
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
