import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { runningPostmaster, stopPostmaster } from '../../standalone/postmaster.ts';

/** Programs of ours as processes, with what they say and leave behind. */

export type Command = {
  readonly child: ChildProcess;
  /** What came on standard output, and on standard error, so far. */
  readonly out: () => string;
  readonly err: () => string;
  /** Exit status, or the signal that ended it, once both streams are read. */
  readonly ended: Promise<number | string>;
};

/** Starts a program of the project; it does not outlive the test. */
export function startCommand(args: readonly string[], env: Readonly<Record<string, string>> = {}): Command {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    err += text;
  });
  const ended = once(child, 'close').then(([code, signal]) => code ?? signal);
  return { child, out: () => out, err: () => err, ended };
}

/** A state directory for `trunkline up` that the server's user can reach, gone with the test, its orphaned server too. */
export async function stateDirectory(): Promise<string> {
  const directory = await mkdtemp(join('/tmp', 'trunkline-state-'));
  await chmod(directory, 0o711);
  onTestFinished(async () => {
    const left = await runningPostmaster(join(directory, 'state/postgres/data')).catch(() => undefined);
    if (left !== undefined) await stopPostmaster(left.pid);
    await rm(directory, { recursive: true, force: true });
  });
  return join(directory, 'state');
}
