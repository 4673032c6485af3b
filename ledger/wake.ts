import type { Database } from './database.ts';
import type { PoolId } from './policy.ts';
import type { WorkerId } from './workers.ts';

/**
 * Wake-ups. A NOTIFY only says "look now": what happened is in tables, and everybody polls as well. Every NOTIFY takes a lock that all commits of
 * the database share, so a process sends the first at once and then at most one per gap.
 */

export const dispatcherChannel = (poolId: PoolId) => `trunkline_dispatch_${poolId}`;
export const workerChannel = (workerId: WorkerId) => `trunkline_worker_${workerId}`;

const gapMs = 5;

/** Returns a function that wakes the pool's dispatcher, coalesced. `onError` hears of a NOTIFY that failed; polling covers it. */
export function createWaker(database: Database, poolId: PoolId, onError: (error: unknown) => void): () => void {
  let state: 'idle' | 'sent' | 'again' = 'idle';
  const send = () => {
    state = 'sent';
    database.query('select pg_notify($1, $2)', [dispatcherChannel(poolId), '']).catch(onError);
    setTimeout(() => {
      if (state === 'again') send();
      else state = 'idle';
    }, gapMs);
  };
  return () => {
    if (state === 'idle') send();
    else state = 'again';
  };
}
