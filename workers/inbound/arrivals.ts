/** Callers of this worker who wait for the dispatcher's word. Bounded by the lines that the provider has. */
export type Arrivals = {
  /** Resolves when the attempt is admitted, or after `waitMs` without. */
  wait(attemptId: string, waitMs: number): Promise<'admitted' | 'timeout'>;
  /** Hands on that attempts were admitted; returns those that nobody waits for here. */
  admit(attemptIds: readonly string[]): readonly string[];
  readonly waiting: number;
};

export function openArrivals(): Arrivals {
  const waiters = new Map<string, (verdict: 'admitted' | 'timeout') => void>();
  // A word may come before its waiter does: the dispatcher is fast, and the statement that entered the caller answers late.
  const early = new Map<string, NodeJS.Timeout>();
  return {
    get waiting() {
      return waiters.size;
    },
    wait(attemptId, waitMs) {
      const known = early.get(attemptId);
      if (known !== undefined) {
        clearTimeout(known);
        early.delete(attemptId);
        return Promise.resolve('admitted');
      }
      return new Promise((resolve) => {
        const timer = setTimeout(() => settle('timeout'), waitMs);
        const settle = (verdict: 'admitted' | 'timeout') => {
          clearTimeout(timer);
          waiters.delete(attemptId);
          resolve(verdict);
        };
        waiters.set(attemptId, settle);
      });
    },
    admit(attemptIds) {
      const others: string[] = [];
      for (const id of attemptIds) {
        const settle = waiters.get(id);
        if (settle !== undefined) {
          settle('admitted');
          continue;
        }
        others.push(id);
        early.set(id, setTimeout(() => early.delete(id), 2_000).unref());
      }
      return others;
    },
  };
}
