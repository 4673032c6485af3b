import { createWriteStream } from 'node:fs';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Database, openDatabase } from '../../ledger/database.ts';
import { migrate } from '../../ledger/migrate.ts';
import { type PoolId, writePolicy } from '../../ledger/policy.ts';
import { ensureToken } from '../../ledger/tokens.ts';
import { readView } from '../../ledger/views.ts';
import { seeded } from '../../simulator/random.ts';
import { inventSecrets } from '../../standalone/secrets.ts';
import { type Simulator, startSimulator } from '../../standalone/simulator.ts';
import { type DatabaseServer, startDatabaseServer } from './database-server.ts';
import { openFront } from './front.ts';
import { openWire, type Wire } from './proxy.ts';
import type { Draw } from './seed.ts';
import { openServerClock, type ServerClock } from './server-clock.ts';
import { mountSmallDisk } from './small-disk.ts';
import { openTeam, type Team } from './team/team.ts';
import { type ChaosWorker, startWorker } from './workers.ts';

/** Everything that runs during a seed, the way `trunkline up` composes it, with wires that can be hurt between the parts. */
export type World = {
  readonly draw: Draw;
  /** Everything that the seed leaves on disk. */
  readonly directory: string;
  readonly logs: string;
  readonly server: DatabaseServer;
  /** The server's own clock, when a fault of the seed needs one. */
  readonly serverClock: ServerClock | undefined;
  /** The harness's own connections to the ledger, on a wire that nobody hurts. */
  readonly database: Database;
  /** That wire: it follows the ledger when another server takes over. */
  readonly ownWire: Wire;
  readonly poolId: PoolId;
  readonly simulator: Simulator;
  readonly team: Team;
  readonly workers: readonly ChaosWorker[];
  /** Where callers and leads arrive. */
  readonly url: string;
  readonly token: string;
  /** Spans of time that the ledger has lost for good: the wall clock's milliseconds. */
  readonly forgotten: Forgotten[];
  /** Writes down what was done, and when. */
  note(what: string): void;
};

export type Forgotten = { readonly fromMs: number; readonly toMs: number };

const dispatchedWithinMs = 30_000;

/** Starts all parts and resolves when the pool is dispatched. What is started is stopped with `resources`. */
export async function startWorld(draw: Draw, directory: string, resources: AsyncDisposableStack): Promise<World> {
  const logs = join(directory, 'log');
  const secrets = join(directory, 'secrets');
  await mkdir(logs, { recursive: true });
  // PostgreSQL's own user passes through when we are root.
  await chmod(directory, 0o711);
  const note = openNotes(join(logs, 'harness.ndjson'), resources);
  const files = await writeFiles(draw, directory);
  await mkdir(secrets, { mode: 0o700 });
  await inventSecrets(draw.spec, secrets);
  const team = await openTeam({
    spec: draw.spec,
    secretsDirectory: secrets,
    manners: draw.team.manners,
    random: seeded(draw.seed, 'manners'),
  });
  resources.defer(() => team.close());

  if (draw.faults.some(({ family }) => family.disk === 'small')) {
    const disk = await mountSmallDisk(join(directory, 'postgres'));
    resources.defer(() => disk.unmount());
  }
  const serverClock = draw.faults.some(({ family }) => family.clock === 'own') ? await openServerClock(directory) : undefined;
  const [server, simulator] = await Promise.all([
    startDatabaseServer(join(directory, 'postgres'), {
      log: (line) => note(`PostgreSQL: ${line}`),
      environment: serverClock?.environment ?? {},
    }).then((started) => {
      resources.defer(() => started.stop());
      return started;
    }),
    startSimulator({
      poolFile: files.pool,
      stateDirectory: directory,
      secretsDirectory: secrets,
      speed: draw.speed,
      scenarioFile: files.scenario,
      logDirectory: logs,
      onEvent: note,
    }).then((started) => {
      resources.defer(() => started.end());
      return started;
    }),
  ]);
  const ownWire = await openWire(server.port);
  resources.defer(() => ownWire.close());
  const database = openDatabase(server.urlAt(ownWire.port), {
    applicationName: 'chaos harness',
    maxConnections: 4,
    onError: (error) => note(`harness lost its connection: ${error.message}`),
  });
  resources.defer(() => database.end());
  const token = `tl_${'chaos'.repeat(8)}`;
  const poolId = await putIntoForce(database, draw, team, token);

  const workers: ChaosWorker[] = [];
  const front = await openFront(() => workers.flatMap(({ port }) => port ?? []));
  resources.defer(() => front.close());
  const url = `http://127.0.0.1:${front.port}`;
  const started = Array.from({ length: draw.workers }, async (_, index) => {
    const worker = await startWorker(`worker-${index + 1}`, {
      ledgerPort: server.port,
      providerPort: Number(new URL(simulator.url).port),
      directory: logs,
      environment: (ports) => ({
        TRUNKLINE_LEDGER_URL: server.urlAt(ports.ledger),
        TRUNKLINE_POOL: draw.pool.name,
        TRUNKLINE_SECRETS: secrets,
        TRUNKLINE_PUBLIC_URL: url,
        TRUNKLINE_PROVIDER_URL: `http://127.0.0.1:${ports.provider}`,
      }),
      note,
    });
    resources.defer(() => worker.kill());
    return worker;
  });
  // In their order, not in that in which they came up: faults name them by it.
  workers.push(...(await Promise.all(started)));
  const world: World = {
    draw,
    directory,
    logs,
    server,
    serverClock,
    database,
    ownWire,
    poolId,
    simulator,
    team,
    workers,
    url,
    token,
    forgotten: [],
    note,
  };
  await untilDispatched(world);
  return world;
}

function openNotes(file: string, resources: AsyncDisposableStack): (what: string) => void {
  const notes = createWriteStream(file, { flags: 'a' });
  resources.defer(() => new Promise<void>((resolve) => notes.end(resolve)));
  return (what) => {
    // What ends last may still have something to say when nobody listens any more.
    if (!notes.writableEnded) notes.write(`${JSON.stringify({ at: new Date().toISOString(), what })}\n`);
  };
}

/** Pool, scenario and leads as files; JSON is YAML. */
async function writeFiles(draw: Draw, directory: string): Promise<{ readonly pool: string; readonly scenario: string }> {
  const files = { pool: join(directory, 'pool.yaml'), scenario: join(directory, 'scenario.yaml') };
  await writeFile(files.pool, JSON.stringify(draw.pool.manifest, undefined, 2));
  await writeFile(files.scenario, JSON.stringify(draw.scenario, undefined, 2));
  for (const [name, text] of Object.entries(draw.files)) await writeFile(join(directory, name), text);
  return files;
}

async function putIntoForce(database: Database, draw: Draw, team: Team, token: string): Promise<PoolId> {
  await migrate(database);
  const { poolId } = await writePolicy(database, draw.pool.name, team.placed(draw.spec));
  await ensureToken(database, poolId, token);
  return poolId;
}

async function untilDispatched({ database, poolId }: World): Promise<void> {
  const deadlineMs = performance.now() + dispatchedWithinMs;
  while (performance.now() < deadlineMs) {
    const seen = await readView(database, poolId);
    if (seen !== undefined && seen.ageMs < 2_000) return;
    await sleep(50);
  }
  throw new Error('no dispatcher was elected before anything was hurt');
}
