import { setImmediate as macrotask } from 'node:timers/promises';
import type { Clock } from '../../../operator/runtime/clock.ts';

/** A clock that a test moves: timers run in the order of their times, and what they start comes to rest before the next one. */
export type VirtualClock = Clock & { readonly advance: (ms: number) => Promise<void> };

export function virtualClock(): VirtualClock {
  const timers = new Map<symbol, { readonly atMs: number; readonly run: () => void }>();
  let nowMs = 0;
  return {
    nowMs: () => nowMs,
    setTimer: (delayMs, run) => {
      const id = Symbol('timer');
      timers.set(id, { atMs: nowMs + Math.max(0, delayMs), run });
      return () => timers.delete(id);
    },
    advance: async (ms) => {
      const untilMs = nowMs + ms;
      await macrotask();
      for (;;) {
        const due = [...timers].filter(([, { atMs }]) => atMs <= untilMs).sort(([, a], [, b]) => a.atMs - b.atMs)[0];
        if (due === undefined) break;
        const [id, { atMs, run }] = due;
        timers.delete(id);
        nowMs = atMs;
        run();
        await macrotask();
      }
      nowMs = untilMs;
    },
  };
}
