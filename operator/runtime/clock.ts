/** Time as the runtime sees it: one clock that never steps, and timers on it. Tests bring a clock that they move by hand. */
export type Clock = {
  /** Milliseconds since some moment of this process. It never steps, and says nothing about the time of day. */
  readonly nowMs: () => number;
  /** Runs once after the delay, unless it is cancelled by what this returns. */
  readonly setTimer: (delayMs: number, run: () => void) => () => void;
};

/** A number in [0, 1). */
export type Random = () => number;

export const processClock: Clock = {
  nowMs: () => performance.now(),
  setTimer: (delayMs, run) => {
    const timer = setTimeout(run, Math.max(0, delayMs));
    return () => clearTimeout(timer);
  },
};

/** Waits so long, or until the signal aborts; never rejects. */
export function sleep(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const settle = () => {
      cancel();
      signal.removeEventListener('abort', settle);
      resolve();
    };
    const cancel = clock.setTimer(delayMs, settle);
    signal.addEventListener('abort', settle, { once: true });
  });
}
