import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type RunningPostgres, startPostgres } from '../../standalone/embedded-postgres.ts';
import { isRunning, runningPostmaster, stopPostmaster } from '../../standalone/postmaster.ts';

const owner = fileURLToPath(new URL('./fixtures/postgres-owner.ts', import.meta.url));
const asRoot = process.getuid?.() === 0;

async function emptyDirectory(mode = 0o711): Promise<string> {
  const directory = await mkdtemp(join('/tmp', 'trunkline-postgres-'));
  await chmod(directory, mode);
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return join(directory, 'postgres');
}

/** Starts a server that is stopped when the test is over. */
async function started(directory: string): Promise<{ readonly server: RunningPostgres; readonly said: readonly string[] }> {
  const said: string[] = [];
  const server = await startPostgres({ directory, log: (line) => said.push(line) });
  onTestFinished(() => server.stop());
  return { server, said };
}

/** A server whose owner, another process, is killed: it stays behind. */
async function orphan(directory: string): Promise<{ readonly pid: number; readonly url: string }> {
  const child = spawn(process.execPath, [owner, directory], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(createInterface({ input: child.stdout }), 'line');
  child.kill('SIGKILL');
  await once(child, 'exit');
  return JSON.parse(String(line));
}

async function query(url: string, text: string): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

describe('embedded PostgreSQL', () => {
  test('keeps its data, durable and private, from one start to the next', async () => {
    const directory = await emptyDirectory();
    const first = await startPostgres({ directory, log: () => undefined });
    await query(first.url, 'create table kept as select 42 as answer');
    const settings = await query(
      first.url,
      `select name, setting from pg_settings where name in ('fsync', 'synchronous_commit', 'max_connections', 'listen_addresses', 'server_encoding') order by name`,
    );
    await first.stop();
    expect(settings).toEqual([
      { name: 'fsync', setting: 'on' },
      { name: 'listen_addresses', setting: '127.0.0.1' },
      { name: 'max_connections', setting: '200' },
      { name: 'server_encoding', setting: 'UTF8' },
      { name: 'synchronous_commit', setting: 'on' },
    ]);
    expect((await stat(join(await dataOf(directory), '..', 'password'))).mode & 0o777).toBe(0o600);

    const { server } = await started(directory);
    expect(await query(server.url, 'select answer from kept')).toEqual([{ answer: 42 }]);
    expect(server.reattached).toBe(false);
  });

  test('lets nobody in without its password', async () => {
    const { server } = await started(await emptyDirectory());
    const guess = new URL(server.url);
    guess.password = 'postgres';
    await expect(query(guess.href, 'select 1')).rejects.toThrow(/password authentication failed/);
  });

  test('is taken over when its owner was killed', async () => {
    const directory = await emptyDirectory();
    const left = await orphan(directory);
    expect(await isRunning(left.pid)).toBe(true);
    await query(left.url, 'create table kept as select 42 as answer');

    const { server } = await started(directory);
    expect(server).toMatchObject({ reattached: true, pid: left.pid, url: left.url });
    expect(await query(server.url, 'select answer from kept')).toEqual([{ answer: 42 }]);
    await server.stop();
    expect(await isRunning(left.pid)).toBe(false);
  });

  test('is stopped and started again when what was left behind does not answer', async () => {
    const directory = await emptyDirectory();
    const left = await orphan(directory);
    process.kill(left.pid, 'SIGSTOP');
    onTestFinished(() => stopPostmaster(left.pid, 100));

    const { server, said } = await started(directory);
    expect(server.reattached).toBe(false);
    expect(server.pid).not.toBe(left.pid);
    expect(said).toContainEqual(expect.stringContaining('does not answer'));
    expect(await query(server.url, 'select 1 as one')).toEqual([{ one: 1 }]);
  }, 120_000);

  test('recovers what was committed when the server itself was killed', async () => {
    const directory = await emptyDirectory();
    const left = await orphan(directory);
    await query(left.url, 'create table kept as select 42 as answer');
    process.kill(left.pid, 'SIGKILL');

    const { server } = await started(directory);
    expect(server.reattached).toBe(false);
    expect(await query(server.url, 'select answer from kept')).toEqual([{ answer: 42 }]);
  });

  test('is not fooled by a lock file that names another process', async () => {
    const directory = await emptyDirectory();
    const first = await startPostgres({ directory, log: () => undefined });
    const data = await dataOf(directory);
    const lockFile = (await readFile(join(data, 'postmaster.pid'), 'utf8')).split('\n');
    await first.stop();
    await writeFile(join(data, 'postmaster.pid'), [process.pid, ...lockFile.slice(1)].join('\n'));

    expect(await runningPostmaster(data)).toBeUndefined();
    const { server } = await started(directory);
    expect(await query(server.url, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  test('is made anew when the first start was killed half-way', async () => {
    const directory = await emptyDirectory();
    const first = await startPostgres({ directory, log: () => undefined });
    await first.stop();
    const data = await dataOf(directory);
    await rename(data, `${data}.unfinished`);
    await mkdir(data);

    const { server } = await started(directory);
    expect(await query(server.url, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  test('says that its password is gone rather than fail to connect', async () => {
    const directory = await emptyDirectory();
    const first = await startPostgres({ directory, log: () => undefined });
    await first.stop();
    await rm(join(await dataOf(directory), '..', 'password'));
    await expect(startPostgres({ directory, log: () => undefined })).rejects.toThrow(/password is missing/);
  });

  test.runIf(asRoot)('runs for root below a directory that only root may enter', async () => {
    const directory = await emptyDirectory(0o700);
    const { server } = await started(directory);
    expect(await query(server.url, 'select 1 as one')).toEqual([{ one: 1 }]);
    const place = (await readFile(join(directory, 'elsewhere'), 'utf8')).trim();
    expect(await readFile(join(place, 'belongs-to'), 'utf8')).toBe(`${directory}\n`);
    onTestFinished(() => rm(place, { recursive: true, force: true }));
  });
});

/** The data directory, wherever it had to go. */
async function dataOf(directory: string): Promise<string> {
  const elsewhere = await readFile(join(directory, 'elsewhere'), 'utf8').catch(() => directory);
  return join(elsewhere.trim(), 'data');
}
