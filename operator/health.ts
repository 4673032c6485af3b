import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Metrics } from './metrics.ts';

/** What probes and scrapes see of the operator. */
export type Health = {
  readonly port: number;
  readonly close: () => Promise<void>;
};

/**
 * starting: nothing is known of the cluster yet. candidate: another one leads, or is looked for; this one stands ready. leading: it acts, once its
 * copies of a namespace are complete (`listed`).
 */
export type Phase =
  | { readonly is: 'starting' }
  | { readonly is: 'candidate' }
  | { readonly is: 'leading'; readonly listed: boolean; readonly silentMs: number; readonly unreadNamespaces: number };

/** Beyond the longest watch and all its renewals. An API server that is away for minutes is no reason to start again: nothing would be better then. */
const silentTooLongMs = 900_000;
/** On the mean of a minute: such a process does not come to its work. */
const lagTooLongMs = 2_000;
const lagWindowMs = 60_000;

/** Whether the process should be started again, and why. */
export function illness(phase: Phase, lagMs: number): string | undefined {
  if (lagMs > lagTooLongMs) return `the process is ${Math.round(lagMs)} ms late`;
  if (phase.is === 'leading' && phase.silentMs > silentTooLongMs)
    return `a watch has been silent for ${Math.round(phase.silentMs / 1_000)} s`;
  return undefined;
}

/** Serves /livez, /readyz and /metrics. */
export async function serveHealth(port: number, metrics: Metrics, phase: () => Phase): Promise<Health> {
  const delay = monitorEventLoopDelay({ resolution: 20 });
  delay.enable();
  const reset = setInterval(() => delay.reset(), lagWindowMs);
  reset.unref();

  const server = createServer((request, response) => {
    const answer = (status: number, body: string, type = 'text/plain') => response.writeHead(status, { 'content-type': type }).end(body);
    switch (request.url) {
      case '/livez': {
        const ill = illness(phase(), Number.isNaN(delay.mean) ? 0 : delay.mean / 1e6);
        answer(ill === undefined ? 200 : 503, `${ill ?? 'ok'}\n`);
        return;
      }
      case '/readyz': {
        const now = phase();
        const ready = now.is === 'candidate' || (now.is === 'leading' && now.listed);
        answer(ready ? 200 : 503, `${now.is}\n`);
        return;
      }
      case '/metrics':
        // Here, as an operator that leads and has nothing to work on yet does nothing that could set them.
        tellWatches(metrics, phase());
        metrics.registry.metrics().then(
          (text) => answer(200, text, metrics.registry.contentType),
          (error: unknown) => answer(500, `${error instanceof Error ? error.message : 'no metrics'}\n`),
        );
        return;
      default:
        answer(404, 'not found\n');
    }
  });
  server.requestTimeout = 10_000;
  server.listen(port);
  await once(server, 'listening');
  return {
    port: portOf(server),
    close: async () => {
      clearInterval(reset);
      delay.disable();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function tellWatches({ watchSilence, unreadNamespaces }: Metrics, now: Phase): void {
  if (now.is !== 'leading') return;
  watchSilence.set(now.silentMs / 1_000);
  unreadNamespaces.set(now.unreadNamespaces);
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the health server listens at no port');
  return address.port;
}
