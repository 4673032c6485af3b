import type { Database } from './database.ts';
import type { PoolId } from './policy.ts';
import type { WorkerId } from './workers.ts';

/**
 * Wake-ups. A NOTIFY only says "look now": what happened is in tables, and everybody polls as well. Every NOTIFY takes a lock that all commits of
 * the database share, so a process sends the first at once and then at most one per gap.
 */

export const dispatcherChannel = (poolId: PoolId) => `trunkline_dispatch_${poolId}`;
export const workerChannel = (workerId: WorkerId) => `trunkline_worker_${workerId}`;

const gapMs = 1;

/** Wakes the pool's dispatcher, coalesced. */
export type Waker = {
  /** Wakes it now, or at the end of the gap. What it is to see must be committed. */
  wake(): void;
  /**
   * Runs a statement that can notify with its own commit, which saves the way of a second one: `run` gets the channel, or null inside the gap; then
   * the dispatcher is woken after it.
   */
  withCommit<T>(run: (channel: string | null) => Promise<T>): Promise<T>;
};

/** `onError` hears of a NOTIFY that failed; polling covers it. */
export function createWaker(database: Database, poolId: PoolId, onError: (error: unknown) => void): Waker {
  const channel = dispatcherChannel(poolId);
  let state: 'idle' | 'sent' | 'again' = 'idle';
  const beginGap = () => {
    state = 'sent';
    setTimeout(() => {
      if (state === 'again') send();
      else state = 'idle';
    }, gapMs);
  };
  const send = () => {
    beginGap();
    database.query('select pg_notify($1, $2)', [channel, '']).catch(onError);
  };
  const wake = () => {
    if (state === 'idle') send();
    else state = 'again';
  };
  return {
    wake,
    async withCommit(run) {
      if (state === 'idle') {
        beginGap();
        return run(channel);
      }
      const result = await run(null);
      wake();
      return result;
    },
  };
}
