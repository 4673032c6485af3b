import type { ClassName } from '../../crds/values.ts';
import type { Sql } from '../../ledger/database.ts';
import type { PoolId } from '../../ledger/policy.ts';
import { type QueueDepth, queueDepth } from '../../ledger/sessions/depth.ts';

/**
 * Room in the queues. What the ledger says is looked up at most every 250 ms, and again before every batch once a queue is nearly full, so that
 * workers overshoot a class's `maxDepth` by one batch each at most; what this worker queued since is counted in the meantime.
 */
export type QueueRoom = {
  /** The ledger's clock, as well as we know it. */
  nowMs(): Promise<number>;
  /** Takes room for up to `wanted` sessions. `settle` must be called once it is known how many were queued. */
  take(className: ClassName, maxDepth: number, wanted: number): Promise<Room>;
  /** Sessions waiting now, by class; always asked of the ledger. */
  depths(): Promise<ReadonlyMap<ClassName, number>>;
};

export type Room = { readonly granted: number; readonly settle: (queued: number) => void };

const staleMs = 250;
/** Spare places below which the ledger is asked before every batch: more than all workers together can queue in {@link staleMs}. */
const nearlyFull = 10_000;

export function createQueueRoom(database: Sql, poolId: PoolId, now: () => number): QueueRoom {
  let seen: { readonly depth: QueueDepth; readonly atMs: number } | undefined;
  let looking: Promise<QueueDepth> | undefined;
  const open = new Map<ClassName, number>(); // granted, not settled
  const since = new Map<ClassName, number>(); // queued since `seen` was asked for
  let during = new Map<ClassName, number>(); // queued since the look that is under way was asked for

  const look = (): Promise<QueueDepth> => {
    if (looking !== undefined) return looking;
    const askedAtMs = now();
    during = new Map();
    looking = queueDepth(database, poolId)
      .then((depth) => {
        seen = { depth, atMs: askedAtMs };
        since.clear();
        for (const [className, queued] of during) since.set(className, queued);
        return depth;
      })
      .finally(() => {
        looking = undefined;
      });
    return looking;
  };

  const fresh = async (): Promise<QueueDepth> => (seen === undefined || now() - seen.atMs > staleMs ? look() : seen.depth);
  const waiting = (depth: QueueDepth, className: ClassName) =>
    (depth.queued.get(className) ?? 0) + (since.get(className) ?? 0) + (open.get(className) ?? 0);

  return {
    async nowMs() {
      const depth = await fresh();
      return depth.atMs + (seen === undefined ? 0 : now() - seen.atMs);
    },

    async take(className, maxDepth, wanted) {
      let spare = maxDepth - waiting(await fresh(), className);
      if (spare < nearlyFull) spare = maxDepth - waiting(await look(), className);
      const granted = Math.max(0, Math.min(wanted, spare));
      add(open, className, granted);
      return {
        granted,
        settle: (queued) => {
          add(open, className, -granted);
          add(since, className, queued);
          add(during, className, queued);
        },
      };
    },

    async depths() {
      return (await look()).queued;
    },
  };
}

function add(counts: Map<ClassName, number>, className: ClassName, more: number): void {
  counts.set(className, (counts.get(className) ?? 0) + more);
}
