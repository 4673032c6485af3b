import { execFile } from 'node:child_process';
import { readdir, readFile, readlink, realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

/**
 * The server process of a data directory, found through the `postmaster.pid` that PostgreSQL keeps there. Whoever started it may be dead: killed
 * with kill -9, it leaves the server running; and the file outlives a server that was killed, with a pid that may since belong to something else.
 */
export type Postmaster = {
  readonly pid: number;
  readonly port: number;
  readonly status: 'starting' | 'ready' | 'stopping' | 'standby' | 'unknown';
};

const run = promisify(execFile);

/** The server that runs on a data directory now, or undefined. A pid that is not a server of this very directory counts as none. */
export async function runningPostmaster(dataDirectory: string): Promise<Postmaster | undefined> {
  const found = await readPidFile(dataDirectory);
  if (found === undefined) return undefined;
  return (await isPostmasterOf(found.pid, dataDirectory)) ? found : undefined;
}

/** Reads `postmaster.pid`: line 1 is the pid, line 4 the port, line 8 the status. */
async function readPidFile(dataDirectory: string): Promise<Postmaster | undefined> {
  const text = await readFile(join(dataDirectory, 'postmaster.pid'), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  const lines = text.split('\n').map((line) => line.trim());
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid <= 1) return undefined;
  const statuses = ['starting', 'ready', 'stopping', 'standby'] as const;
  return { pid, port: Number(lines[3] ?? 0), status: statuses.find((status) => status === lines[7]) ?? 'unknown' };
}

async function isPostmasterOf(pid: number, dataDirectory: string): Promise<boolean> {
  const command = await commandLine(pid);
  if (command === undefined) return false;
  const real = await realpath(dataDirectory);
  return command.includes('postgres') && (command.includes(dataDirectory) || command.includes(real));
}

async function commandLine(pid: number): Promise<string | undefined> {
  if (process.platform === 'linux') {
    const text = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    return text === '' ? undefined : text.replaceAll('\0', ' ');
  }
  return run('ps', ['-o', 'command=', '-p', String(pid)]).then(
    ({ stdout }) => stdout,
    () => undefined,
  );
}

/**
 * Stops a server: a fast shutdown (clients are disconnected, nothing is lost), and when that takes longer than `patienceMs` an immediate one, after
 * which the next start recovers from the log.
 */
export async function stopPostmaster(pid: number, patienceMs = 15_000): Promise<void> {
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
    if (!signalProcess(pid, signal)) return;
    if (await isGone(pid, patienceMs)) return;
  }
}

/** Sends a signal; false when there is no such process any more. */
export function signalProcess(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false;
    throw error;
  }
}

/** Whether a process runs. A dead child that its parent has not collected yet still takes signals, but has no command line. */
export async function isRunning(pid: number): Promise<boolean> {
  return signalProcess(pid, 0) && (await commandLine(pid)) !== undefined;
}

async function isGone(pid: number, withinMs: number): Promise<boolean> {
  const startedMs = performance.now();
  while (performance.now() - startedMs < withinMs) {
    if (!(await isRunning(pid))) return true;
    await sleep(20);
  }
  return false;
}

/**
 * Removes a `postmaster.pid` whose server is dead. PostgreSQL does this itself unless the pid looks alive: a dead process not yet collected, or one
 * that got the same pid since. Backends of a killed server end on their own within moments; until they have, the file stays, because a second
 * server beside them would destroy the data.
 */
export async function clearStaleLock(dataDirectory: string): Promise<void> {
  if (process.platform !== 'linux') return;
  const named = await readPidFile(dataDirectory);
  if (named === undefined || (await isPostmasterOf(named.pid, dataDirectory))) return;
  const startedMs = performance.now();
  while ((await processesWithin(dataDirectory)) > 0) {
    if (performance.now() - startedMs > 10_000) return;
    await sleep(50);
  }
  await rm(join(dataDirectory, 'postmaster.pid'), { force: true });
}

/** How many processes work in a directory; every process of a server does so in its data directory. */
async function processesWithin(directory: string): Promise<number> {
  const real = await realpath(directory);
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const places = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/cwd`).catch(() => '')));
  return places.filter((place) => place === real).length;
}
