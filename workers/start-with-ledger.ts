import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { LedgerUrlMissing } from '../ledger/address.ts';
import { LedgerBehind } from '../ledger/migrate.ts';
import { PolicyUnreadable } from '../ledger/stored-policy.ts';
import { troubleOf } from '../ledger/trouble.ts';
import { PoolUnknown } from './policy-watch.ts';

const pauseMs = 500;

/** What keeps a worker waiting is said when it changes, and again after so many tries. */
const sayAgainAfter = 60;

/** What others put right: an operator or a supervisor that is still about to, or a person. */
const comesLater = [LedgerUrlMissing, LedgerBehind, PoolUnknown, PolicyUnreadable];

/**
 * Does what a worker cannot start without, again and again while the ledger is away or not made ready for it: a process that ended for it would be started
 * again ever later, and be missing when the ledger is there. Any other failure is thrown.
 */
export async function onceTheLedgerAnswers<T>(begin: () => T | Promise<T>, log: Logger, signal: AbortSignal): Promise<T> {
  let said = '';
  for (let tries = 0; ; tries += 1) {
    try {
      return await begin();
    } catch (error) {
      const waitsFor = awaited(error);
      if (waitsFor === undefined) throw error;
      if (waitsFor !== said || tries % sayAgainAfter === 0) log.warn({ err: error }, `${waitsFor}: waiting for it`);
      said = waitsFor;
    }
    await sleep(pauseMs, undefined, { signal });
  }
}

function awaited(error: unknown): string | undefined {
  if (error instanceof Error && comesLater.some((kind) => error instanceof kind)) return error.message;
  return troubleOf(error) === 'away' ? 'the ledger is away' : undefined;
}
