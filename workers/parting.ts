import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { troubleOf } from '../ledger/trouble.ts';

/**
 * The last that a worker tells the ledger. One that is away or silent keeps nobody from leaving: that the worker is gone shows by its connections, which
 * end with the process, and what was not told others find out.
 */
export type Parting = {
  /** Tells it, and waits no longer than until the time of all is over. @throws whatever is no trouble of the ledger */
  tell(what: string, telling: () => Promise<unknown>): Promise<void>;
};

/** `withinMs`: for all that is told, from now on. */
export function openParting(deps: { readonly withinMs: number; readonly now: () => number; readonly log: Logger }): Parting {
  const deadlineMs = deps.now() + deps.withinMs;
  return {
    async tell(what, telling) {
      const over = new AbortController();
      const late = sleep(Math.max(0, deadlineMs - deps.now()), 'late' as const, { signal: over.signal }).catch(() => 'told' as const);
      try {
        const how = await Promise.race([telling().then(() => 'told' as const), late]);
        if (how === 'late') deps.log.warn(`${what}: not waited for any longer, others find out`);
      } catch (error) {
        if (troubleOf(error) === 'defect') throw error;
        deps.log.warn({ err: error }, `${what}: the ledger is away, others find out`);
      } finally {
        over.abort();
      }
    },
  };
}
