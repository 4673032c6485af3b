/**
 * What a person or a service manager asks of a running pool: the first request is to finish, the second to stop at once. One press of Ctrl-C can
 * reach us three times over: from the terminal, from npm and from the launcher; what comes within a moment is one request.
 */
export type Interrupts = {
  readonly finish: AbortSignal;
  readonly stopNow: AbortSignal;
  /** Gives the signals back to their default. */
  release(): void;
};

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const oneRequestMs = 300;

export function watchInterrupts(): Interrupts {
  const finish = new AbortController();
  const stopNow = new AbortController();
  let lastMs = Number.NEGATIVE_INFINITY;
  const onSignal = (): void => {
    const nowMs = performance.now();
    const sameRequest = nowMs - lastMs < oneRequestMs;
    lastMs = nowMs;
    if (sameRequest) return;
    if (finish.signal.aborted) stopNow.abort();
    else finish.abort();
  };
  for (const signal of signals) process.on(signal, onSignal);
  return {
    finish: finish.signal,
    stopNow: stopNow.signal,
    release: () => {
      for (const signal of signals) process.off(signal, onSignal);
    },
  };
}
