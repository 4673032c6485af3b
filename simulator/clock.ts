/** Time, so that tests can hold it. Instants are milliseconds since 1970, with fractions. */
export type Clock = {
  readonly nowMs: () => number;
  /** Runs something at an instant (at once, but never before returning, when it has passed). Gives what cancels it. */
  readonly at: (dueMs: number, run: () => void) => () => void;
};

/** Longest span that a Node timer holds; beyond it, it would fire at once. */
const longestTimerMs = 2 ** 31 - 1;

/** The machine's clock: monotonic since the process started, so that spans are right when the wall clock is set. */
export function systemClock(): Clock {
  const nowMs = () => Math.round((performance.timeOrigin + performance.now()) * 1000) / 1000;
  const at = (dueMs: number, run: () => void): (() => void) => {
    const fire = () => (dueMs > nowMs() ? arm() : run());
    const arm = () => {
      timer = setTimeout(fire, Math.min(Math.max(0, dueMs - nowMs()), longestTimerMs));
    };
    let timer: NodeJS.Timeout | undefined;
    arm();
    return () => clearTimeout(timer);
  };
  return { nowMs, at };
}

/** Waits; false when the signal ended the waiting. */
export function sleep(clock: Clock, spanMs: number, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return Promise.resolve(false);
  return new Promise((resolve) => {
    const stop = () => {
      cancel();
      resolve(false);
    };
    const cancel = clock.at(clock.nowMs() + spanMs, () => {
      signal.removeEventListener('abort', stop);
      resolve(true);
    });
    signal.addEventListener('abort', stop, { once: true });
  });
}
