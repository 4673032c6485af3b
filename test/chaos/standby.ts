import { execFile, spawn } from 'node:child_process';
import { appendFile, chown, copyFile, mkdir, open, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { freePort } from '../../standalone/ports.ts';
import { type Account, postgresAccount, reachableBinaries } from '../../standalone/postgres-account.ts';
import { findPostgres } from '../../standalone/postgres-binaries.ts';
import { runningPostmaster, stopPostmaster } from '../../standalone/postmaster.ts';
import type { DatabaseServer } from './database-server.ts';
import { openWire, type Wire } from './proxy.ts';
import { until } from './waiting.ts';

/** A hot standby of the seed's server: copied while that one works, and kept up by streaming over a wire that can be hurt. */
export type Standby = {
  /** Holds `data` and `password`, as every server's directory does. */
  readonly directory: string;
  /** What the standby hears of its primary comes over this. */
  readonly wire: Wire;
  /** Makes it a primary, with what it has heard. */
  promote(): Promise<void>;
};

const run = promisify(execFile);
const streamsWithinMs = 8_000;

/** Files of the primary's that a copy must not have: who runs there, and a log that the standby fetches itself. */
const notCopied = ['postmaster.pid', 'postmaster.opts', 'pg_wal'];

/** Makes the copy and resolves when it streams. */
export async function startStandby(primary: DatabaseServer, directory: string, signal: AbortSignal): Promise<Standby> {
  const account = await postgresAccount();
  const wire = await openWire(primary.port);
  const data = join(directory, 'data');
  await mkdir(directory, { recursive: true, mode: 0o711 });
  const client = new pg.Client({ connectionString: primary.urlAt(primary.port) });
  client.on('error', () => undefined); // its next statement fails
  await client.connect();
  let works = false;
  try {
    await client.query(`select pg_backup_start('standby', true)`);
    await copyRunning(primary.directory, data);
    const { rows } = await client.query<{ labelfile: string }>('select labelfile from pg_backup_stop(false)');
    await makeStandby({ data, label: rows[0]?.labelfile ?? '', url: new URL(primary.urlAt(wire.port)), account });
    await copyFile(join(primary.directory, '..', 'password'), join(directory, 'password'));
    const port = await launch(directory, account);
    const streams = await until(
      async () => {
        const { rows: found } = await client.query(`select from pg_stat_replication where state = 'streaming' and replay_lsn is not null`);
        return found.length > 0 ? 'yes' : undefined;
      },
      { ms: streamsWithinMs, everyMs: 50, signal },
    );
    if (streams === undefined)
      throw new Error(`the standby does not stream within ${streamsWithinMs / 1_000} s: see ${directory}/standby.log`);
    works = true;
    const url = primary.urlAt(port);
    return { directory, wire, promote: () => promote(url) };
  } finally {
    await client.end().catch(() => undefined);
    const left = works ? undefined : await runningPostmaster(data);
    if (left !== undefined) await stopPostmaster(left.pid);
  }
}

/** Copies the files of a server at work: some vanish meanwhile, which its log makes good. */
async function copyRunning(from: string, to: string): Promise<void> {
  await run('cp', ['-a', from, to]).catch((error: { readonly stderr?: string }) => {
    const real = (error.stderr ?? '').split('\n').filter((line) => line !== '' && !line.includes('No such file or directory'));
    if (real.length > 0) throw new Error(`cannot copy ${from}: ${real[0]}`);
  });
  for (const name of notCopied) await rm(join(to, name), { recursive: true, force: true });
}

async function makeStandby(of: {
  readonly data: string;
  readonly label: string;
  readonly url: URL;
  readonly account: Account | undefined;
}): Promise<void> {
  const { data, label, url, account } = of;
  const own = async (path: string): Promise<void> => {
    if (account !== undefined) await chown(path, account.uid, account.gid);
  };
  await mkdir(join(data, 'pg_wal'), { mode: 0o700 });
  for (const [name, text] of Object.entries({ backup_label: label, 'standby.signal': '' })) {
    await writeFile(join(data, name), text, { mode: 0o600 });
    await own(join(data, name));
  }
  await own(join(data, 'pg_wal'));
  const conninfo = `host=127.0.0.1 port=${url.port} user=${url.username} password=${url.password} application_name=standby`;
  await appendFile(join(data, 'postgresql.auto.conf'), `primary_conninfo = '${conninfo}'\n`);
}

async function launch(directory: string, account: Account | undefined): Promise<number> {
  const found = await findPostgres();
  const binaries = account === undefined ? found : await reachableBinaries(found, account);
  const port = await freePort();
  const log = await open(join(directory, 'standby.log'), 'w', 0o600);
  const settings = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'max_connections=200', 'log_min_messages=warning'];
  const data = join(directory, 'data');
  const child = spawn(binaries.postgres, ['-D', data, '-p', String(port), ...settings.flatMap((one) => ['-c', one])], {
    ...account,
    cwd: '/',
    env: { PATH: process.env['PATH'], LANG: 'C', LC_ALL: 'C', TZ: 'UTC' },
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
  });
  child.on('error', (error) => void log.write(`${error.message}\n`));
  child.unref();
  // `ready` is also what a hot standby calls itself, once it can be read.
  const ready = await until(async () => ((await runningPostmaster(data))?.status === 'ready' ? 'yes' : undefined), {
    ms: streamsWithinMs,
    everyMs: 30,
    signal: new AbortController().signal,
  });
  await log.close();
  if (ready === undefined) throw new Error(`the standby does not start: see ${directory}/standby.log`);
  return port;
}

async function promote(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined); // its next statement fails
  await client.connect();
  try {
    await client.query('select pg_promote(true, 10)');
  } finally {
    await client.end();
  }
}
