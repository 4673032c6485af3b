import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { troubleOf } from '../ledger/trouble.ts';

const pauseMs = 500;

/**
 * Does what a worker cannot start without, again and again while the ledger is away: a process that ended for it would be started again ever later, and
 * be missing when the ledger is back. Any other failure is thrown.
 */
export async function onceTheLedgerAnswers<T>(begin: () => Promise<T>, log: Logger, signal: AbortSignal): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await begin();
    } catch (error) {
      if (troubleOf(error) !== 'away') throw error;
      if (tries === 1) log.warn({ err: error }, 'the ledger is away: waiting for it');
    }
    await sleep(pauseMs, undefined, { signal });
  }
}
