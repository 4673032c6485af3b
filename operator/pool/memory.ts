import type { PoolStatus } from '../../crds/status.ts';
import { type Compiled, type PoolObject, readStatus } from './declared.ts';
import type { Fleet } from './fleet.ts';
import type { ChildTrouble } from './observed.ts';

/** What an operator remembers of a pool between two looks at it. Gone with the pool, and with the operator: all of it can be found out again. */
export type Memory = {
  readonly uid: string;
  readonly sinceMs: number;
  /** Since when the ledger could have been read for it: its first status waits a while for that. */
  readableSinceMs: number;
  /** The newest declaration that could be acted on. While a later one is refused, the fleet is kept and scaled by this one. */
  acting: Acting | undefined;
  fleet: Fleet | undefined;
  /** Workers that the Deployment was made or found with, until the first decision. */
  begunWith: number | undefined;
  troubles: readonly ChildTrouble[];
  /** Objects that the API server fails to take, and since when. */
  failing: { readonly sinceMs: number; readonly troubles: readonly ChildTrouble[] } | undefined;
  /** Pools whose rollout it waits for; undefined: it waits for none. */
  behind: number | undefined;
  /** How often others have changed its objects. */
  changes: number;
  /** When its objects are tried again that the API server did not take, unless what they are made by has changed. */
  retry: Retry | undefined;
  /** Generation by which its objects were planned last. */
  plannedFor: number | undefined;
  /** Since when pods get keys that the newest declaration names and the one that is acted on does not. */
  mounting: { readonly generation: number; readonly sinceMs: number } | undefined;
  /** Since when pods have keys that the declaration of this generation does not name. */
  surplus: { readonly generation: number; readonly sinceMs: number } | undefined;
  /** Since when no call of a removed project lives. */
  quietSinceMs: number | undefined;
  /** Generation with which no call of a removed project lived any more. */
  formerCallsOver: number | undefined;
  /** What its objects were made by last, if nothing was in the way of it: they are as planned while all of this stays. */
  applied: Applied | undefined;
  /** What the last look at the ledger found, in short: the pool is looked at when it is different. */
  seen: string;
  status: PoolStatus | undefined;
};

export type Acting = { readonly generation: number; readonly compiled: Compiled };

/** `basis`: everything that the objects are planned by, in short. */
export type Applied = { readonly basis: string; readonly paths: readonly string[] };

/** `replicas`: workers that were wanted; with others it is tried at once. `failures`: in a row. */
export type Retry = { readonly generation: number; readonly replicas: number | 'any'; readonly failures: number; readonly atMs: number };

/** What passes within this time is nobody's business: a conflict, a server that starts again. */
const failsAfterMs = 10_000;

export function freshMemory(pool: PoolObject, nowMs: number): Memory {
  return {
    uid: pool.uid,
    sinceMs: nowMs,
    readableSinceMs: nowMs,
    acting: undefined,
    fleet: undefined,
    begunWith: undefined,
    troubles: [],
    failing: undefined,
    behind: undefined,
    changes: 0,
    retry: undefined,
    plannedFor: undefined,
    mounting: undefined,
    surplus: undefined,
    quietSinceMs: undefined,
    formerCallsOver: undefined,
    applied: undefined,
    seen: '',
    status: readStatus(pool),
  };
}

/** More pools than this without objects are many. */
const manyUnmade = 8;
/** Longest that a policy waits for the objects of others. */
const othersFirstWithinMs = 60_000;

/**
 * How long a pool's policy waits until the next look, in milliseconds; undefined: no longer. Of many new pools the objects are made before the first policy is
 * written, as nobody acts on a policy before a pod runs, which takes seconds. With 900 unmade ones it is looked at every 15 s: they take the most of that.
 * `unmade`: pools that have no objects yet; `runs`: whether a pod of this one does.
 */
export function othersFirst(
  { sinceMs }: Pick<Memory, 'sinceMs'>,
  { unmade, runs, nowMs }: { readonly unmade: number; readonly runs: boolean; readonly nowMs: number },
): number | undefined {
  if (unmade <= manyUnmade || runs || nowMs - sinceMs >= othersFirstWithinMs) return undefined;
  return Math.min(15_000, Math.max(3_000, unmade * 20));
}

/** What is worth telling of the pool's objects. */
export function troublesOf({ troubles, failing }: Pick<Memory, 'troubles' | 'failing'>, nowMs: number): readonly ChildTrouble[] {
  return failing !== undefined && nowMs - failing.sinceMs >= failsAfterMs ? [...troubles, ...failing.troubles] : troubles;
}
