import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished, vi } from 'vitest';
import { salesPool } from './intake/serving.ts';

/** A worker process as a pod runs it: nobody it can talk to but its address, its signals and its files. */
export type Pod = {
  readonly child: ChildProcess;
  readonly url: string;
  /** What it logged so far, a line each. */
  readonly said: () => readonly string[];
  readonly ready: () => Promise<{ readonly status: number; readonly text: string }>;
  /** Resolves when it serves. */
  readonly serving: () => Promise<void>;
  /** SIGTERM; resolves with its exit code and how long that took. */
  readonly leave: () => Promise<{ readonly code: number | null; readonly ms: number }>;
};

const program = fileURLToPath(new URL('../../workers/main.ts', import.meta.url));

/** A directory of secrets with the keys of the sales pool, and of the ledger's URL if it is given. */
export async function aSecretsDirectory(ledgerUrl?: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'trunkline-pod-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  for (const project of ['north', 'south']) await writeSecret(directory, `vapi-${project}`, 'apiKey', `key-${project}`);
  if (ledgerUrl !== undefined) await writeSecret(directory, 'ledger', 'url', ledgerUrl);
  return directory;
}

export async function writeSecret(directory: string, name: string, key: string, value: string): Promise<void> {
  await mkdir(join(directory, name), { recursive: true });
  await writeFile(join(directory, name, key), value);
}

/** Starts a worker on a port of its own. `pool`: its key, unless it is the sales pool on one machine. */
export async function startPod(on: {
  readonly name: string;
  readonly secrets: string;
  readonly providerUrl: string;
  readonly pool?: string;
  readonly peerPort?: number;
}): Promise<Pod> {
  const port = await freePort();
  const lines: string[] = [];
  const child = spawn(process.execPath, [program], {
    env: {
      ...process.env,
      TRUNKLINE_LEDGER_URL_FILE: join(on.secrets, 'ledger', 'url'),
      TRUNKLINE_POOL: on.pool ?? salesPool.metadata.name,
      TRUNKLINE_SECRETS: on.secrets,
      TRUNKLINE_PORT: String(port),
      TRUNKLINE_HOST: '127.0.0.1',
      TRUNKLINE_PROVIDER_URL: on.providerUrl,
      TRUNKLINE_WORKER_NAME: on.name,
      TRUNKLINE_PEER_PORT: String(on.peerPort ?? 0),
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => lines.push(...text.trim().split('\n')));
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  const url = `http://127.0.0.1:${port}`;
  const ready = async () => {
    const answer = await fetch(`${url}/readyz`);
    return { status: answer.status, text: (await answer.text()).trim() };
  };
  return {
    child,
    url,
    said: () => lines,
    ready,
    serving: async () => {
      await vi.waitFor(async () => expectReady(await ready()), { timeout: 20_000, interval: 30 });
    },
    leave: async () => {
      const startedMs = performance.now();
      child.kill('SIGTERM');
      const [code] = await once(child, 'exit');
      return { code, ms: performance.now() - startedMs };
    },
  };
}

function expectReady({ status, text }: Awaited<ReturnType<Pod['ready']>>): void {
  if (status !== 200) throw new Error(`not ready: ${text}`);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
