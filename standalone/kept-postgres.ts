import { setTimeout as sleep } from 'node:timers/promises';
import { type RunningPostgres, startPostgres } from './embedded-postgres.ts';
import { isRunning } from './postmaster.ts';
import { endingsInARow, restartDelayMs } from './restart.ts';

/** An embedded server that is started again, on the same port, when it dies while we live. */
export type KeptPostgres = { readonly url: string; readonly reattached: boolean; stop(): Promise<void> };

const lookEveryMs = 500;

/** @throws PostgresMissing, NoPostgresAccount, PostgresFailed */
export async function keepPostgres(options: {
  readonly directory: string;
  readonly log: (line: string) => void;
  /** The port to listen on; any free one unless given. */
  readonly port?: number;
  /** Settings of the server over our own. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Told when the server died, and why it does not come back. */
  readonly onEvent: (line: string) => void;
}): Promise<KeptPostgres> {
  const first = await startPostgres(options);
  const stopping = new AbortController();
  const watching = watch(first, options, stopping.signal);
  return {
    url: first.url,
    reattached: first.reattached,
    stop: async () => {
      stopping.abort();
      const newest = await watching;
      await newest.stop();
    },
  };
}

/** Looks at the server until told to stop, and returns the one that runs then. */
async function watch(first: RunningPostgres, options: Parameters<typeof keepPostgres>[0], stopped: AbortSignal): Promise<RunningPostgres> {
  const port = Number(new URL(first.url).port);
  let server = first;
  let startedMs = performance.now();
  let endings = 0;
  while (await untilNext(lookEveryMs, stopped)) {
    if (await isRunning(server.pid)) continue;
    endings = endingsInARow(endings, performance.now() - startedMs);
    options.onEvent('PostgreSQL died and starts again');
    if (!(await untilNext(restartDelayMs(endings), stopped))) break;
    try {
      server = await startPostgres({ ...options, port });
      startedMs = performance.now();
    } catch (error) {
      options.onEvent(error instanceof Error ? error.message : String(error));
    }
  }
  return server;
}

/** Waits; false when told to stop meanwhile. */
async function untilNext(ms: number, stopped: AbortSignal): Promise<boolean> {
  await sleep(ms, undefined, { signal: stopped }).catch((error: Error) => {
    if (error.name !== 'AbortError') throw error;
  });
  return !stopped.aborted;
}
