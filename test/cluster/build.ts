import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setInterval } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** Our own build of a Kubernetes control plane from its published Go modules: one file, made once, kept outside the tree. */

const sources = fileURLToPath(new URL('servers/', import.meta.url));
const progressEveryMs = 15_000;

/** The file that was built from the sources as they are, if it is there. */
export async function builtServers(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const file = await placeOf(env);
  return existsSync(file) ? file : undefined;
}

/** Builds it, and says every 15 seconds that it still does. */
export async function buildServers(go: string, env: NodeJS.ProcessEnv, tell: (line: string) => void): Promise<string> {
  const file = await placeOf(env);
  const folder = join(file, '..');
  await mkdir(folder, { recursive: true });
  tell('building a Kubernetes control plane for tests, once; it takes some minutes where Go has compiled none of it before');
  const startedMs = performance.now();
  const seconds = () => Math.round((performance.now() - startedMs) / 1_000);

  // Under a name of its own until it is whole: an interrupted build leaves nothing that looks like one.
  const unfinished = `${file}.${process.pid}`;
  const over = new AbortController();
  const telling = tellProgress(() => tell(`still building, ${seconds()} s`), over.signal);
  try {
    await compile(go, unfinished, env);
    await rename(unfinished, file);
  } finally {
    over.abort();
    await telling;
    await rm(unfinished, { force: true });
  }
  tell(`built in ${seconds()} s: ${file}`);
  return file;
}

async function tellProgress(tell: () => void, signal: AbortSignal): Promise<void> {
  try {
    for await (const _ of setInterval(progressEveryMs, undefined, { signal })) tell();
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

function compile(go: string, output: string, env: NodeJS.ProcessEnv): Promise<void> {
  return new Promise((resolve, reject) => {
    const args = ['build', '-mod=readonly', '-trimpath', '-buildvcs=false', '-ldflags=-s -w', '-o', output, '.'];
    const child = spawn(go, args, { cwd: sources, env: { ...env, CGO_ENABLED: '0', GOWORK: 'off' }, stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-4_000);
    });
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`the build of the control plane failed:\n${said.trim()}`));
    });
  });
}

async function placeOf(env: NodeJS.ProcessEnv): Promise<string> {
  const hash = createHash('sha256');
  for (const name of ['go.mod', 'go.sum', 'main.go']) hash.update(await readFile(join(sources, name)));
  const cache = env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  return join(cache, 'trunkline', 'test-cluster', hash.digest('hex').slice(0, 16), 'servers');
}
