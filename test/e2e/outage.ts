import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type Cluster, KubectlFailed } from './cluster.ts';

/**
 * Takes the API server away by a command that the user gives, as only who made a cluster knows how; and makes sure of it: nobody answered for a while, and
 * who answers afterwards was started since. A command that does something else would let every promise about an outage hold.
 */

export type Outage = {
  /** When it was asked for the first time in vain. */
  readonly awayMs: number;
  /** When one that was started anew answered. */
  readonly backMs: number;
};

/** The command did not do what it is for. */
export class NoOutage extends Error {
  override readonly name = 'NoOutage';
}

const lookEveryMs = 250;

/**
 * `command`: a line for the shell. It may end before the API server is back, or even before it is gone, if somebody else starts it again.
 * `backWithinMs`: counted from the end of the command.
 * @throws NoOutage, TooLate
 */
export async function restartApiServer(command: string, cluster: Cluster, now: () => number, backWithinMs = 120_000): Promise<Outage> {
  const before = await bornAt(cluster);
  let awayMs: number | undefined;
  let backMs: number | undefined;
  const look = async (): Promise<true | undefined> => {
    const askedMs = now();
    const born = await bornAt(cluster).catch(unlessAway);
    if (born === undefined) awayMs ??= askedMs;
    backMs = born === undefined || born === before ? undefined : (backMs ?? now());
    return backMs === undefined ? undefined : true;
  };

  const { ended, isRunning } = run(command);
  while (isRunning()) {
    await look();
    await cluster.pause(lookEveryMs);
  }
  const complaint = await ended;
  if (complaint !== undefined) throw new NoOutage(`the command that restarts the API server ${complaint}: ${command}`);
  await cluster.until('an API server that was started anew answers', backWithinMs, look);
  if (awayMs === undefined || backMs === undefined) throw new NoOutage('the API server was restarted, and was never seen away');
  return { awayMs, backMs };
}

/** When the process that answers was started: seconds since 1970, as it says itself. @throws KubectlFailed while none is ready */
async function bornAt({ kubectl }: Cluster): Promise<string> {
  await kubectl(['get', '--raw', '/readyz', '--request-timeout=5s']);
  const metrics = await kubectl(['get', '--raw', '/metrics', '--request-timeout=10s']);
  const born = /^process_start_time_seconds (\S+)$/m.exec(metrics)?.[1];
  if (born === undefined) throw new NoOutage('the API server does not say when it was started: nobody could tell whether it was restarted');
  return born;
}

function unlessAway(error: unknown): undefined {
  if (!(error instanceof KubectlFailed)) throw error;
}

/** In a process group of its own: it goes on when the run is interrupted, as it would leave a cluster without its API server otherwise. */
function run(command: string): { readonly ended: Promise<string | undefined>; readonly isRunning: () => boolean } {
  const child = spawn(command, { shell: true, detached: true, stdio: ['ignore', 2, 2] });
  let isRunning = true;
  const ended = once(child, 'exit')
    .then(
      ([code, signal]: unknown[]) => (code === 0 ? undefined : `ended with ${code ?? signal}`),
      (error: Error) => `did not start (${error.message})`,
    )
    .finally(() => {
      isRunning = false;
    });
  return { ended, isRunning: () => isRunning };
}
