/** Sleep that a NOTIFY ends. A wake-up that comes while awake makes the next sleep end at once, so none is lost. */
export type Wake = {
  ring(): void;
  sleep(ms: number, signal: AbortSignal): Promise<'rung' | 'slept'>;
};

export function openWake(): Wake {
  let rung = false;
  let end: ((how: 'rung' | 'slept') => void) | undefined;
  return {
    ring() {
      rung = true;
      end?.('rung');
    },
    sleep(ms, signal) {
      if (rung || signal.aborted) {
        rung = false;
        return Promise.resolve('rung');
      }
      return new Promise((resolve) => {
        const settle = (how: 'rung' | 'slept') => {
          clearTimeout(timer);
          signal.removeEventListener('abort', aborted);
          end = undefined;
          rung = false;
          resolve(how);
        };
        const aborted = () => settle('slept');
        const timer = setTimeout(() => settle('slept'), Math.max(0, ms));
        signal.addEventListener('abort', aborted, { once: true });
        end = settle;
      });
    },
  };
}
