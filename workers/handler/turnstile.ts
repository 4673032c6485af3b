/**
 * Lets so many in at once, makes so many more wait in order, and turns the rest away: what waits is bounded, and nobody waits longer than their own
 * signal says.
 */
export type Turnstile = {
  /** `in` must be followed by {@link Turnstile.leave}. */
  enter(signal: AbortSignal): Promise<'in' | 'full' | 'gave-up'>;
  leave(): void;
};

export function openTurnstile(bounds: { readonly inside: number; readonly waiting: number }): Turnstile {
  const waiting = new Set<() => void>();
  let inside = 0;

  return {
    async enter(signal) {
      if (signal.aborted) return 'gave-up';
      if (inside < bounds.inside) {
        inside += 1;
        return 'in';
      }
      if (waiting.size >= bounds.waiting) return 'full';
      return new Promise((resolve) => {
        const giveUp = () => {
          waiting.delete(goIn);
          resolve('gave-up');
        };
        const goIn = () => {
          signal.removeEventListener('abort', giveUp);
          resolve('in');
        };
        signal.addEventListener('abort', giveUp, { once: true });
        waiting.add(goIn);
      });
    },
    leave() {
      const [next] = waiting;
      if (next === undefined) {
        inside -= 1;
        return;
      }
      // The place is handed on, so that nobody who comes now gets in between.
      waiting.delete(next);
      next();
    },
  };
}
