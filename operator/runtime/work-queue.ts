import { retryAfterMs } from './api-error.ts';
import { type Backoff, backoffMs } from './backoff.ts';
import type { Clock, Random } from './clock.ts';

/**
 * A queue of keys that need work. A key waits once however often it is added, never runs twice at a time, and runs once more when it is added while it
 * runs: the work looks at the world as it is, so what happened in between needs no record. Its length is bounded by the number of different keys.
 */
export type WorkQueue<Key extends string> = {
  /** Wants work on this key now. Before the end of its backoff too: something new was seen. */
  readonly add: (key: Key) => void;
  /** Keys that wait, run, and wait for their time. */
  readonly size: () => { readonly waiting: number; readonly running: number; readonly later: number };
  /** Resolves when the signal has aborted and the last running work has ended. */
  readonly ended: Promise<void>;
};

/** When to look at the key again if nothing is seen before. */
export type NextLook = { readonly look: 'when-added' } | { readonly look: 'after'; readonly delayMs: number };

export type Work<Key extends string> = {
  /** Does the work; a failure is tried again, later each time, and never before a time that the API server asked for. */
  readonly run: (key: Key, signal: AbortSignal) => Promise<NextLook>;
  readonly onError: (key: Key, error: unknown, retryInMs: number) => void;
  readonly concurrency: number;
  readonly backoff: Backoff;
  readonly clock: Clock;
  readonly random: Random;
};

type Running = { addedAgain: boolean };

/** Opens a queue that works until the signal aborts. */
export function openWorkQueue<Key extends string>(work: Work<Key>, signal: AbortSignal): WorkQueue<Key> {
  const waiting = new Set<Key>();
  const running = new Map<Key, Running>();
  const later = new Map<Key, () => void>();
  const failures = new Map<Key, number>();
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();

  function add(key: Key): void {
    if (signal.aborted) return;
    later.get(key)?.();
    later.delete(key);
    const run = running.get(key);
    if (run === undefined) waiting.add(key);
    else run.addedAgain = true;
    startWhatFits();
  }

  function startWhatFits(): void {
    for (const key of waiting) {
      if (signal.aborted || running.size >= work.concurrency) return;
      waiting.delete(key);
      const run: Running = { addedAgain: false };
      running.set(key, run);
      void runOnce(key).then((delayMs) => settle(key, run, delayMs));
    }
  }

  /** The delay to the next look, if there is to be one. */
  async function runOnce(key: Key): Promise<number | undefined> {
    try {
      const next = await work.run(key, signal);
      failures.delete(key);
      return next.look === 'after' ? next.delayMs : undefined;
    } catch (error) {
      if (signal.aborted) return undefined;
      const inARow = (failures.get(key) ?? 0) + 1;
      failures.set(key, inARow);
      const retryInMs = Math.max(retryAfterMs(error), backoffMs(work.backoff, inARow, work.random));
      work.onError(key, error, retryInMs);
      return retryInMs;
    }
  }

  function settle(key: Key, { addedAgain }: Running, delayMs: number | undefined): void {
    running.delete(key);
    if (signal.aborted) {
      if (running.size === 0) end();
      return;
    }
    if (addedAgain) waiting.add(key);
    else if (delayMs !== undefined)
      later.set(
        key,
        work.clock.setTimer(delayMs, () => add(key)),
      );
    startWhatFits();
  }

  function stop(): void {
    for (const cancel of later.values()) cancel();
    later.clear();
    waiting.clear();
    if (running.size === 0) end();
  }
  if (signal.aborted) stop();
  else signal.addEventListener('abort', stop, { once: true });

  return { add, ended, size: () => ({ waiting: waiting.size, running: running.size, later: later.size }) };
}
