import { setTimeout as sleep } from 'node:timers/promises';

/** Waits; returns at once when the signal aborts. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(Math.max(0, ms), undefined, { signal }).catch((error: Error) => {
    if (error.name !== 'AbortError') throw error;
  });
}

/** Asks again and again until there is an answer; undefined when time or the signal ran out. A failure to ask is no answer. */
export async function until<T>(
  ask: () => Promise<T | undefined>,
  within: { readonly ms: number; readonly everyMs: number; readonly signal: AbortSignal },
): Promise<T | undefined> {
  const deadlineMs = performance.now() + within.ms;
  while (performance.now() < deadlineMs && !within.signal.aborted) {
    const answer = await ask().catch(() => undefined);
    if (answer !== undefined) return answer;
    await pause(within.everyMs, within.signal);
  }
  return undefined;
}
