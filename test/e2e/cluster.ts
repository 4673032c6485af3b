import { execFile } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';

/** The cluster that KUBECONFIG names, through kubectl. */

/** kubectl said no, or does not reach the cluster. */
export class KubectlFailed extends Error {
  override readonly name = 'KubectlFailed';
}

/** Something did not come about in time. */
export class TooLate extends Error {
  override readonly name = 'TooLate';
}

export type Cluster = {
  /** What kubectl prints. @throws KubectlFailed */
  readonly kubectl: (args: readonly string[], input?: string) => Promise<string>;
  /** Asks again and again for what is not there yet, and returns it. An API server that is away for a while is asked again. @throws TooLate */
  readonly until: <T>(what: string, withinMs: number, ask: () => Promise<T | undefined>) => Promise<T>;
  readonly pause: (spanMs: number) => Promise<void>;
};

const lookEveryMs = 250;
const commandWithinMs = 120_000;
const largestOutput = 256 * 1024 * 1024;

export function openCluster(stop: AbortSignal): Cluster {
  const kubectl = (args: readonly string[], input = ''): Promise<string> =>
    new Promise((resolve, reject) => {
      stop.throwIfAborted();
      const options = { timeout: commandWithinMs, maxBuffer: largestOutput };
      const child = execFile('kubectl', [...args], options, (error, out, err) => {
        if (error === null) resolve(out);
        else reject(new KubectlFailed(`kubectl ${args.slice(0, 6).join(' ')}: ${err.trim() || error.message}`, { cause: error }));
      });
      child.stdin?.on('error', (error) => reject(new KubectlFailed(`kubectl reads no input: ${error.message}`)));
      child.stdin?.end(input);
    });

  async function until<T>(what: string, withinMs: number, ask: () => Promise<T | undefined>): Promise<T> {
    const deadlineMs = performance.now() + withinMs;
    for (let failure: unknown; ; ) {
      try {
        const found = await ask();
        if (found !== undefined) return found;
        failure = undefined;
      } catch (error) {
        if (!(error instanceof KubectlFailed)) throw error;
        failure = error;
      }
      if (performance.now() > deadlineMs) throw new TooLate(`${what}: not within ${withinMs / 1_000} s`, { cause: failure });
      await pause(lookEveryMs, undefined, { signal: stop });
    }
  }

  return { kubectl, until, pause: (spanMs) => pause(spanMs, undefined, { signal: stop }) };
}
