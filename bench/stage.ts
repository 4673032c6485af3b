import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import pg from 'pg';
import { afterReading, initialReleaseLag, type ReleaseLag, releaseLagMs } from '../capacity/ceiling/release-lag.ts';
import { type PoolManifest, poolManifest } from '../crds/pool.ts';
import { connectionConfig, type Database, openDatabase } from '../ledger/database.ts';
import { writeLimiters } from '../ledger/limiters.ts';
import { migrate } from '../ledger/migrate.ts';
import { type PoolId, writePolicy } from '../ledger/policy.ts';
import { workerChannel } from '../ledger/wake.ts';
import { beatWorker, registerWorker, retireWorker, type WorkerBeat, type WorkerId } from '../ledger/workers.ts';
import type { ToThread } from '../workers/dispatch/thread-protocol.ts';
import type { Setting } from './figure.ts';

/** A ledger with a pool's policy in it, and nobody at work. */
export type Ground = {
  readonly url: string;
  readonly database: Database;
  readonly poolId: PoolId;
};

/** A pool in a ledger, with the dispatcher in its thread as in production, and one worker that the bench plays. */
export type Stage = Ground & { readonly owner: WorkerId };

/** Two campaigns and a reserved inbound line, over as many lines as asked, in projects whose request rates bind nothing. */
export function benchPool(lines: number): PoolManifest {
  return poolManifest.parse({
    apiVersion: 'trunkline.dev/v1alpha1',
    kind: 'VoiceCapacityPool',
    metadata: { name: 'bench' },
    spec: {
      subscriptions: [
        {
          name: 'main',
          concurrencyLimit: lines,
          projects: ['north', 'south', 'east', 'west'].map((name, index) => ({
            name,
            apiKeySecretRef: { name: `vapi-${name}`, key: 'apiKey' },
            webhookSecretRef: { name: `vapi-${name}`, key: 'webhookSecret' },
            requestsPerMinute: 100_000,
            assistants: [
              { name: 'seller', id: `seller-${name}` },
              { name: 'reception', id: `reception-${name}` },
            ],
            phoneNumbers: [{ id: `number-${name}`, number: `+1415555010${index}` }],
          })),
        },
      ],
      classes: [
        { name: 'vip', priority: 1000, direction: 'Inbound', assistant: 'reception', reserved: Math.max(1, Math.floor(lines / 10)) },
        { name: 'callback', priority: 500, direction: 'Outbound', assistant: 'seller', queue: { maxDepth: 1_000_000 } },
        { name: 'campaign', priority: 100, direction: 'Outbound', assistant: 'seller', queue: { maxDepth: 1_000_000 } },
      ],
    },
  });
}

/** A migrated ledger in a database of its own; dropped at the end. */
export async function freshLedger(
  setting: Setting,
  resources: AsyncDisposableStack,
): Promise<{ readonly url: string; readonly database: Database }> {
  const url = await freshDatabase(setting, resources);
  const database = openDatabase(url, { applicationName: 'bench', maxConnections: 4, statementTimeoutMs: 120_000, onError: tell });
  resources.defer(() => database.end());
  await migrate(database);
  return { url, database };
}

/** An empty database, dropped at the end. */
export async function freshDatabase(setting: Setting, resources: AsyncDisposableStack): Promise<string> {
  const name = `bench_${randomBytes(6).toString('hex')}`;
  const admin = await connect(setting.postgresUrl, 'bench admin');
  resources.defer(() => admin.end());
  await admin.query(`create database ${name}`);
  resources.defer(async () => {
    // Connections that were just closed take a moment to go; ended by force, they would say so as an error.
    for (let tries = 0; tries < 100 && (await isInUse(admin, name)); tries += 1) await sleep(10);
    await admin.query(`drop database if exists ${name} with (force)`);
  });
  const url = new URL(setting.postgresUrl);
  url.pathname = `/${name}`;
  return url.href;
}

async function isInUse(admin: pg.Client, name: string): Promise<boolean> {
  const { rows } = await admin.query<{ used: boolean }>('select exists (select from pg_stat_activity where datname = $1) as used', [name]);
  return rows[0]?.used === true;
}

/** Sets the stage in a fresh ledger, without a dispatcher: what is queued now waits until one starts. */
export async function setStage(setting: Setting, manifest: PoolManifest, resources: AsyncDisposableStack): Promise<Stage> {
  return enterStage(await layGround(setting, manifest, resources), resources);
}

/** A fresh ledger with the pool's policy. */
export async function layGround(setting: Setting, manifest: PoolManifest, resources: AsyncDisposableStack): Promise<Ground> {
  return putInForce(await freshLedger(setting, resources), manifest);
}

/** Puts a pool into force in a ledger. */
export async function putInForce(
  { url, database }: { readonly url: string; readonly database: Database },
  manifest: PoolManifest,
): Promise<Ground> {
  const { poolId } = await writePolicy(database, manifest.metadata.name, manifest.spec);
  await writeLimiters(
    database,
    poolId,
    new Map(manifest.spec.subscriptions.map(({ name }) => [`learned/release-lag/${name}`, linesComeBackAtOnce()])),
  );
  return { url, database, poolId };
}

/** Enters the worker that the bench plays; it leaves with `resources`. */
export async function enterStage(ground: Ground, resources: AsyncDisposableStack): Promise<Stage> {
  const liveness = await connect(ground.url, 'bench worker');
  resources.defer(() => liveness.end());
  const owner = await registerWorker(liveness, ground.poolId, 'bench');
  resources.defer(() => retireWorker(ground.database, owner));
  const told: WorkerBeat = { state: 'serving', sessions: 0, startedInMs: 0, appliedVersion: 0, latencyMs: {}, troubles: [] };
  const beats = setInterval(() => void beatWorker(ground.database, owner, told).catch(tell), 500);
  resources.defer(() => clearInterval(beats));
  return { ...ground, owner };
}

/** Learned already: the provider frees a line with the end of its call. What is measured is then the dispatcher and not the provider. */
function linesComeBackAtOnce(): ReleaseLag {
  let lag = initialReleaseLag;
  for (let readings = 0; releaseLagMs(lag) > 0; readings += 1) {
    if (readings > 1_000) throw new Error('the release lag is not learned from readings any more');
    lag = afterReading(lag, { heldMin: 0, heldMax: 0, agesMs: [] });
  }
  return lag;
}

/** Starts the dispatcher's thread and resolves when it is elected. */
export async function startDispatcher({ url, poolId, owner }: Stage, resources: AsyncDisposableStack): Promise<void> {
  const thread = new Worker(new URL('../workers/dispatch/thread.ts', import.meta.url), {
    workerData: { ledger: { kind: 'url', url }, poolId, pool: 'bench', workerName: 'bench' },
  });
  const gone = new Promise<void>((resolve) => thread.once('exit', () => resolve()));
  thread.on('error', tell);
  const begin: ToThread = { kind: 'stand', workerId: owner };
  thread.postMessage(begin);
  resources.defer(async () => {
    const end: ToThread = { kind: 'stop' };
    thread.postMessage(end);
    await gone;
  });
  await new Promise<void>((resolve, reject) => {
    thread.once('message', () => resolve());
    thread.once('error', reject);
    void gone.then(() => reject(new Error('the dispatcher was not elected')));
  });
}

/** Rows of one statement: its trigger keeps them all in memory. */
const rowsAtOnce = 250_000;

/**
 * Queues so many sessions, each to a number of its own. Their ids are ordered in time as the intake's are: with random ones, every admission from a long
 * queue would touch a page of the primary key that nothing touched since the last checkpoint, and write all of it to the log.
 */
export async function enqueue(database: Database, poolId: PoolId, className: string, count: number, from = 0): Promise<void> {
  for (let done = 0; done < count; done += rowsAtOnce) {
    await database.query(
      `insert into session (id, pool_id, class, direction, state, number)
       select uuidv7(), $1, $2, 'Outbound', 'queued', '+1212' || lpad((n + $4)::text, 7, '0') from generate_series(1, $3::int) n`,
      [poolId, className, Math.min(rowsAtOnce, count - done), from + done],
    );
  }
}

/** Hears which attempts are admitted for the stage's worker. */
export async function hearAdmissions(
  stage: Stage,
  resources: AsyncDisposableStack,
  onAdmitted: (ids: readonly string[]) => void,
): Promise<void> {
  const connection = await connect(stage.url, 'bench ears');
  resources.defer(() => connection.end());
  connection.on('notification', ({ payload }) => onAdmitted(payload === undefined || payload === '' ? [] : payload.split(',')));
  await connection.query(`listen ${workerChannel(stage.owner)}`);
}

export async function connect(url: string, applicationName: string): Promise<pg.Client> {
  const client = new pg.Client(connectionConfig(url, { applicationName, statementTimeoutMs: 120_000 }));
  client.on('error', tell);
  await client.connect();
  return client;
}

/** Connections that break are only told of: what needed them fails by itself. */
function tell(error: unknown): void {
  process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
}
