import { join } from 'node:path';
import { type RunningPostgres, startPostgres } from '../../standalone/embedded-postgres.ts';
import { isRunning, signalProcess, stopPostmaster } from '../../standalone/postmaster.ts';
import { childrenOf } from './processes.ts';

/** The seed's PostgreSQL: a real server that can be killed and started again on the same port. */
export type DatabaseServer = {
  readonly port: number;
  /** Its data. */
  readonly directory: string;
  /** The server's address under another port: through a proxy. */
  urlAt(port: number): string;
  /** Postmaster first, then everything that it started. */
  processes(): Promise<readonly number[]>;
  /** kill -9 of the postmaster and all its backends. */
  kill(): Promise<void>;
  /** Ends it in order: `fast` disconnects everybody, `immediate` leaves the log to be recovered from. */
  shutDown(how: 'fast' | 'immediate'): Promise<void>;
  /** Starts it when it does not run. */
  start(): Promise<void>;
  /** From now on this is the server that runs in another directory; the former one is dead and stays so. */
  takeOver(directory: string): Promise<void>;
  stop(): Promise<void>;
};

export async function startDatabaseServer(
  home: string,
  { log, environment }: { readonly log: (line: string) => void; readonly environment: Readonly<Record<string, string>> },
): Promise<DatabaseServer> {
  let directory = home;
  let running: RunningPostgres = await startPostgres({ directory, log, environment });
  const portOf = ({ url }: RunningPostgres): number => Number(new URL(url).port);

  const processes = async (): Promise<readonly number[]> => [running.pid, ...(await childrenOf(running.pid))];

  return {
    get port() {
      return portOf(running);
    },
    get directory() {
      return join(directory, 'data');
    },
    urlAt(through) {
      const there = new URL(running.url);
      there.port = String(through);
      return there.href;
    },
    processes,
    async kill() {
      // Backends first: without their postmaster they would leave by themselves, in better order than a power cut.
      const [postmaster, ...backends] = await processes();
      for (const pid of [...backends, ...(postmaster === undefined ? [] : [postmaster])]) signalProcess(pid, 'SIGKILL');
      await running.stop();
    },
    async shutDown(how) {
      if (how === 'fast') return running.stop();
      signalProcess(running.pid, 'SIGQUIT');
      await stopPostmaster(running.pid);
      await running.stop();
    },
    async start() {
      if (await isRunning(running.pid)) return;
      running = await startPostgres({ directory, log, environment, port: portOf(running) });
    },
    async takeOver(other) {
      running = await startPostgres({ directory: other, log, environment });
      directory = other;
    },
    stop: () => running.stop(),
  };
}
