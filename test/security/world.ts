import { type ChildProcess, execFile, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import pg from 'pg';
import { inject } from 'vitest';
import { z } from 'zod';
import { poolManifest } from '../../crds/pool.ts';
import { type Database, openDatabase } from '../../ledger/database.ts';
import { migrate } from '../../ledger/migrate.ts';
import { type PoolId, writePolicy } from '../../ledger/policy.ts';
import { ensureToken } from '../../ledger/tokens.ts';
import { portOf } from '../providers/vapi/http-server.ts';

/** A real worker process over a real ledger, with a handler and a provider that a test can turn hostile. It outlives single tests. */
export type World = {
  readonly port: number;
  readonly database: Database;
  readonly poolId: PoolId;
  /** What the team's handler answers from now on. */
  setHandler(answer: Answer): void;
  setProvider(answer: Answer): void;
  /** Undefined while the worker lives; else how it ended. */
  ended(): string | undefined;
  rssBytes(): Promise<number>;
  /** Everything that the worker wrote so far. */
  output(): string;
  close(): Promise<void>;
};

export type Answer = (request: http.IncomingMessage, response: http.ServerResponse) => void;

/** What must never stand in what the worker writes. */
export const secrets = {
  token: 'tl_token-that-nobody-may-read',
  apiKey: 'key-that-nobody-may-read',
  signing: 'signing-secret-that-nobody-may-read',
  shared: 'shared-secret-that-nobody-may-read',
} as const;
export const person = { name: 'Zebulon Quartermaine', number: '+14155557391', wish: 'wants the divorce papers' } as const;

const emptyList: Answer = (_request, response) => void response.writeHead(200, { 'content-type': 'application/json' }).end('[]');
const nothing: Answer = (_request, response) => void response.writeHead(200).end();

/**
 * What the worker may keep. With room, the collector lets garbage lie (deep lines leave 2 MB each, and the process grows to 900 MB while 160 MB are in
 * use); with this little, whatever is kept too long ends the process.
 */
const heapMebibytes = 256;

const program = fileURLToPath(new URL('../../workers/main.ts', import.meta.url));
const serving = z.object({ kind: z.literal('serving'), port: z.number() });

/** While its pool holds, it takes everything and dials nobody. */
export async function openWorld(mode: 'Hold' | 'Active' = 'Hold', lines = 10): Promise<World> {
  const ledger = await openLedger();
  const handler = await openServer(nothing);
  const provider = await openServer(emptyList);
  const pool = poolOf(mode, lines, handler.url);
  const { poolId } = await writePolicy(ledger.database, pool.metadata.name, pool.spec);
  await ensureToken(ledger.database, poolId, secrets.token);
  const directory = await writeSecrets();
  const env = {
    ...process.env,
    NODE_OPTIONS: `--max-old-space-size=${heapMebibytes}`,
    TRUNKLINE_LEDGER_URL: ledger.url,
    TRUNKLINE_POOL: pool.metadata.name,
    TRUNKLINE_SECRETS: directory,
    TRUNKLINE_PORT: '0',
    TRUNKLINE_HOST: '127.0.0.1',
    TRUNKLINE_PROVIDER_URL: provider.url,
    TRUNKLINE_WORKER_NAME: 'besieged',
  };
  const child = fork(program, { env, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
  const written: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (text: string) => written.push(text));
  const [message] = await once(child, 'message');
  return {
    port: serving.parse(message).port,
    database: ledger.database,
    poolId,
    setHandler: handler.set,
    setProvider: provider.set,
    ended: () => (child.exitCode === null && child.signalCode === null ? undefined : `${child.exitCode ?? child.signalCode}`),
    rssBytes: () => rssOf(child),
    output: () => written.join(''),
    async close() {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      await Promise.all([handler.close(), provider.close(), rm(directory, { recursive: true })]);
      await ledger.close();
    },
  };
}

/** Three projects, each verified in its own way, and one campaign. */
function poolOf(mode: 'Hold' | 'Active', lines: number, handlerUrl: string) {
  const project = (name: string, more: object) => ({
    name,
    apiKeySecretRef: { name: 'vapi', key: 'apiKey' },
    assistants: [{ name: 'seller', id: `seller-${name}` }],
    ...more,
  });
  const hmac = { type: 'Hmac', credentialId: 'credential-1' };
  return poolManifest.parse({
    apiVersion: 'trunkline.dev/v1alpha1',
    kind: 'VoiceCapacityPool',
    metadata: { name: 'besieged' },
    spec: {
      mode,
      handler: { url: handlerUrl, timeout: '2s' },
      subscriptions: [
        {
          name: 'main',
          concurrencyLimit: lines,
          projects: [
            project('signed', {
              webhookSecretRef: { name: 'vapi', key: 'signing' },
              webhookAuth: hmac,
              phoneNumbers: [{ id: 'number-signed', number: '+14155550100' }],
            }),
            project('shared', { webhookSecretRef: { name: 'vapi', key: 'shared' }, phoneNumbers: [{ id: 'n2', number: '+14155550101' }] }),
            project('unproven', { phoneNumbers: [{ id: 'n3', number: '+14155550102' }] }),
          ],
        },
      ],
      classes: [
        { name: 'reception', priority: 1000, direction: 'Inbound', assistant: 'seller', match: { dialled: ['+14155550101'] } },
        { name: 'campaign', priority: 100, direction: 'Outbound', assistant: 'seller', queue: { maxDepth: 50_000 } },
      ],
    },
  });
}

async function writeSecrets(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'trunkline-security-'));
  await mkdir(join(directory, 'vapi'));
  for (const key of ['apiKey', 'signing', 'shared'] as const) await writeFile(join(directory, 'vapi', key), secrets[key]);
  return directory;
}

async function openLedger() {
  const name = `t_${randomBytes(6).toString('hex')}`;
  const admin = new pg.Client({ connectionString: inject('postgresUrl') });
  await admin.connect();
  await admin.query(`create database ${name}`);
  const url = new URL(inject('postgresUrl'));
  url.pathname = `/${name}`;
  const database = openDatabase(url.href, { applicationName: 'test', maxConnections: 3, onError: () => undefined });
  await migrate(database);
  const close = async () => {
    await database.end();
    await admin.query(`drop database if exists ${name} with (force)`);
    await admin.end();
  };
  return { database, url: url.href, close };
}

async function openServer(first: Answer) {
  let answer = first;
  const server = http.createServer((request, response) => {
    request.resume();
    response.on('error', () => response.destroy());
    answer(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${portOf(server.address())}`,
    set: (next: Answer) => {
      answer = next;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function rssOf(child: ChildProcess): Promise<number> {
  const { stdout } = await promisify(execFile)('ps', ['-o', 'rss=', '-p', String(child.pid)]);
  return Number(stdout.trim()) * 1_024;
}
