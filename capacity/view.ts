import type { ClassName, PoolName, ProjectName, SubscriptionName, UpstreamName } from '../crds/values.ts';
import type { Blocked, Guarded } from './admission/snapshot.ts';
import type { Direction, Policy } from './policy/policy.ts';

/**
 * The pool at one instant, as its dispatcher sees it. Published in the ledger a few times a second; `GET /v1/pool`, `status`, `explain`, the live
 * view and the metrics all show this and nothing else, so that they never disagree. Plain JSON; absent figures are null.
 */
export type PoolView = {
  readonly pool: PoolName;
  /** The ledger's clock, milliseconds since 1970. A view older than a few seconds means that no dispatcher is at work. */
  readonly atMs: number;
  readonly epoch: number;
  readonly policyVersion: number;
  readonly mode: Policy['mode'];
  readonly holds: { readonly pool: boolean; readonly classes: readonly ClassName[] };
  /** Set while nothing is admitted because the ledger lost its newest part. */
  readonly guard?: Guarded & { readonly sinceMs: number };
  readonly slots: { readonly inUse: number; readonly ceiling: number; readonly limit: number };
  readonly directions: Readonly<Record<Direction, { readonly inUse: number; readonly limit: number | null }>>;
  readonly subscriptions: readonly SubscriptionView[];
  readonly upstreams: readonly { readonly name: UpstreamName; readonly unitsInUse: number; readonly limit: number | null }[];
  readonly projects: readonly ProjectView[];
  readonly classes: readonly ClassView[];
  /** Outbound creations admitted in the last second. */
  readonly callsPerSecond: number;
  /** What the number of workers goes by beside slots and queues. A dispatcher of an earlier release does not say it. */
  readonly load?: PoolLoad;
  /** The newest decisions, newest first, at most 20. */
  readonly decisions: readonly DecisionView[];
};

export type PoolLoad = {
  /** Callers, over the last minute. */
  readonly arrivalsPerSecond: number;
  /** Mean length of the newest sessions; null until one has ended. */
  readonly sessionMs: number | null;
};

export type SubscriptionView = {
  readonly name: SubscriptionName;
  readonly limit: number;
  readonly learnedLimit: number | null;
  readonly ceiling: number;
  readonly inUse: number;
  readonly cooling: number;
  readonly withheld: number;
  readonly foreign: number;
  readonly probing: boolean;
  readonly releaseLagMs: number;
};

export type ProjectView = {
  readonly name: ProjectName;
  readonly subscription: SubscriptionName;
  readonly inUse: number;
  readonly paused: string | null;
};

export type ClassView = {
  readonly name: ClassName;
  readonly priority: number;
  readonly direction: Direction | 'Any';
  readonly queued: number;
  readonly inUse: number;
  readonly reserved: number;
  readonly withheld: number;
  readonly limit: number | null;
  readonly oldestWaitMs: number | null;
  /** Waiting times of the sessions admitted in the last minute. */
  readonly waitMs: Percentiles | null;
  /** Sessions that left the queue in the last minute; what `Retry-After` of a full queue is computed from. */
  readonly leftPerMinute: number;
  readonly blocked: Blocked | null;
};

export type Percentiles = { readonly p50: number; readonly p95: number; readonly p99: number };

/** A project with a `why` of mode Observe: where the session would have been admitted. */
export type DecisionView = {
  readonly atMs: number;
  readonly seq: number;
  readonly class: ClassName;
  readonly session: string;
  readonly project: ProjectName | null;
  readonly why: Blocked | null;
};
