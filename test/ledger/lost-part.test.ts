import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test, vi } from 'vitest';
import { type Database, openDatabase } from '../../ledger/database.ts';
import { observeLeadership } from '../../ledger/election.ts';
import { readGuard } from '../../ledger/guard.ts';
import { migrate } from '../../ledger/migrate.ts';
import { type PoolId, writePolicy } from '../../ledger/policy.ts';
import { registerWorker } from '../../ledger/workers.ts';
import { type Candidate, openCandidate } from '../../workers/dispatch/candidate.ts';
import { type DatabaseServer, startDatabaseServer } from '../chaos/database-server.ts';
import { startStandby } from '../chaos/standby.ts';
import { silent } from '../workers/data-path.ts';
import { salesPool } from '../workers/intake/serving.ts';

/** What PostgreSQL really does when its newest part is lost: nothing here is told to the product but by the server. */

const copyFiles = promisify(execFile);

async function aServer(): Promise<{ readonly server: DatabaseServer; readonly directory: string }> {
  const directory = await mkdtemp(join(tmpdir(), 'trunkline-lost-'));
  // PostgreSQL's own user passes through when we are root.
  await chmod(directory, 0o711);
  const server = await startDatabaseServer(join(directory, 'postgres'), { log: () => undefined, environment: {} });
  onTestFinished(async () => {
    await server.stop();
    await rm(directory, { recursive: true, force: true });
  });
  return { server, directory };
}

/** A worker's candidate that dispatches the pool on this server. */
async function dispatched(server: DatabaseServer, database: Database, poolId: PoolId): Promise<Candidate> {
  const connection = await database.connect();
  const workerId = await registerWorker(connection, poolId, 'w1');
  connection.release();
  const candidate = openCandidate({
    database,
    ledger: { kind: 'url', url: server.urlAt(server.port) },
    poolId,
    pool: salesPool.metadata.name,
    workerId: () => workerId,
    workerName: 'w1',
    now: () => performance.now(),
    random: Math.random,
    log: silent,
  });
  onTestFinished(() => candidate.close());
  await vi.waitFor(() => expect(candidate.dispatching).toBe(true), { timeout: 20_000, interval: 50 });
  return candidate;
}

function aLedgerOn(server: DatabaseServer): Database {
  const database = openDatabase(server.urlAt(server.port), { applicationName: 'test', maxConnections: 3, onError: () => undefined });
  onTestFinished(() => database.end());
  return database;
}

const beatsOf = async (database: Database, poolId: PoolId) => (await observeLeadership(database, poolId)).mark?.beats ?? 0;

const untilBeats = (database: Database, poolId: PoolId, least: number) =>
  vi.waitFor(async () => expect(await beatsOf(database, poolId)).toBeGreaterThan(least), { timeout: 20_000, interval: 50 });

test('a replica that is promoted without the last seconds is guarded by whoever is elected on it', async () => {
  const { server, directory } = await aServer();
  const database = aLedgerOn(server);
  await migrate(database);
  const { poolId } = await writePolicy(database, salesPool.metadata.name, salesPool.spec);
  const candidate = await dispatched(server, database, poolId);
  const standby = await startStandby(server, join(directory, 'standby'), new AbortController().signal);
  await untilBeats(database, poolId, (await beatsOf(database, poolId)) + 2);
  expect(await readGuard(database, poolId)).toBeUndefined();
  await candidate.withdraw();
  await server.kill();
  await standby.wire.close();
  await standby.promote();
  await server.takeOver(standby.directory);

  const promoted = aLedgerOn(server);
  await dispatched(server, promoted, poolId);
  expect(await readGuard(promoted, poolId)).toMatchObject({ reason: 'NewTimeline' });
}, 60_000);

test('a backup that is put back under a worker that lives is guarded, because it remembers more', async () => {
  const { server, directory } = await aServer();
  const database = aLedgerOn(server);
  await migrate(database);
  const { poolId } = await writePolicy(database, salesPool.metadata.name, salesPool.spec);
  const copy = join(directory, 'backup');
  const candidate = await dispatched(server, database, poolId);
  await server.shutDown('fast');
  await copyFiles('cp', ['-a', server.directory, copy]);
  await server.start();

  await vi.waitFor(() => expect(candidate.dispatching).toBe(true), { timeout: 20_000, interval: 50 });
  await untilBeats(database, poolId, (await beatsOf(database, poolId)) + 2);
  expect(await readGuard(database, poolId)).toBeUndefined();
  await server.shutDown('fast');
  await rm(server.directory, { recursive: true });
  await copyFiles('cp', ['-a', copy, server.directory]);
  await server.start();
  await vi.waitFor(async () => expect(await readGuard(database, poolId)).toMatchObject({ reason: 'WentBack' }), {
    timeout: 20_000,
    interval: 50,
  });
  expect(candidate.guarded).toBe(true);
}, 60_000);
