import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { poolToken, type Serving, serveIntake } from '../workers/intake/serving.ts';

const cli = new URL('../../cli/main.ts', import.meta.url).pathname;

export type Ran = { readonly status: number | null; readonly stdout: string; readonly stderr: string };

/** A running pool, a folder with its state directory as `trunkline up` leaves it, and the command line in that folder. */
export type Terminal = {
  readonly intake: Serving;
  readonly folder: string;
  readonly run: (...args: readonly string[]) => Promise<Ran>;
};

export async function openTerminal(): Promise<Terminal> {
  const intake = await serveIntake();
  const folder = await aFolder();
  const state = join(folder, 'state');
  await writeState(state, intake.url, poolToken);
  return { intake, folder, run: (...args) => trunkline(folder, {}, [...args, '--state', state]) };
}

export async function aFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'trunkline-cli-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export async function writeState(directory: string, url: string, token: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, 'url'), `${url}\n`);
  await writeFile(join(directory, 'token'), `${token}\n`);
}

export function trunkline(cwd: string, env: NodeJS.ProcessEnv, args: readonly string[]): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [cli, ...args], { cwd, env: { PATH: process.env['PATH'], ...env } });
    const out = { stdout: '', stderr: '' };
    child.stdout.on('data', (text) => {
      out.stdout += text;
    });
    child.stderr.on('data', (text) => {
      out.stderr += text;
    });
    child.once('error', reject);
    child.once('close', (status) => resolve({ status, ...out }));
  });
}
