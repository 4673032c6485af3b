import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Does something again and again until the signal aborts: one at a time, `everyMs` after the last one ended. A failure is told and the next one comes
 * in its time: each of these works repairs itself as soon as what it needs is back.
 */
export async function repeat(
  options: { readonly everyMs: number; readonly onError: (error: unknown) => void; readonly signal: AbortSignal },
  work: () => Promise<void>,
): Promise<void> {
  while (!options.signal.aborted) {
    try {
      await work();
    } catch (error) {
      if (!options.signal.aborted) options.onError(error);
    }
    await sleep(options.everyMs, undefined, { signal: options.signal }).catch((error: unknown) => {
      if (!options.signal.aborted) throw error;
    });
  }
}
