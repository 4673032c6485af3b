import { execFile, spawn } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { PostgresBinaries } from './postgres-binaries.ts';
import { runningPostmaster, stopPostmaster } from './postmaster.ts';

/**
 * PostgreSQL refuses to run as root. When we are root, it runs as the user `postgres`, who must reach its programs and its data: under a home
 * directory that only root may enter (`/root`, a 0700 checkout), both are kept in a place of their own instead.
 */

const run = promisify(execFile);

/** The user and group that the server runs as; undefined when that is ourselves. */
export type Account = { readonly uid: number; readonly gid: number };

/** Where root keeps what the server's user must reach. */
const sharedHome = '/var/lib/trunkline';

/** No account could be found or made for the server. */
export class NoPostgresAccount extends Error {
  override readonly name = 'NoPostgresAccount';
}

/** The account to run the server with: our own, or as root that of `postgres`, made when it is missing. @throws NoPostgresAccount */
export async function postgresAccount(): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const existing = await lookUp();
  if (existing !== undefined) return existing;
  try {
    await run('useradd', ['--system', '--user-group', '--no-create-home', '--shell', '/bin/false', 'postgres']);
  } catch (error) {
    throw new NoPostgresAccount(
      'PostgreSQL cannot run as root and no user "postgres" could be made: run as another user, or make that user',
      {
        cause: error,
      },
    );
  }
  const made = await lookUp();
  if (made === undefined) throw new NoPostgresAccount('the user "postgres" was made but cannot be looked up: run as another user');
  return made;
}

async function lookUp(): Promise<Account | undefined> {
  const ids = await Promise.allSettled([run('id', ['-u', 'postgres']), run('id', ['-g', 'postgres'])]);
  const [uid, gid] = ids.map((id) => (id.status === 'fulfilled' ? Number.parseInt(id.value.stdout, 10) : Number.NaN));
  return uid !== undefined && gid !== undefined && uid >= 0 && gid >= 0 ? { uid, gid } : undefined;
}

/** Whether that account can enter a directory; asked of the system as that account, because modes alone do not tell. */
export function canEnter(directory: string, account: Account): Promise<boolean> {
  return new Promise((resolve) => {
    // libuv changes to `cwd` before it drops root, so the directory is an argument and not the working directory.
    const child = spawn('/bin/sh', ['-c', 'cd -- "$1"', 'sh', directory], { ...account, cwd: '/', stdio: 'ignore' });
    child.once('error', () => resolve(false));
    child.once('close', (code) => resolve(code === 0));
  });
}

/** The binaries at a place where the account can run them: where they are, or a copy of this version shared by all of root's pools. */
export async function reachableBinaries(binaries: PostgresBinaries, account: Account): Promise<PostgresBinaries> {
  if (await canEnter(join(binaries.home, 'bin'), account)) return binaries;
  const packaged: unknown = JSON.parse(await readFile(join(binaries.home, '..', 'package.json'), 'utf8'));
  const version = typeof packaged === 'object' && packaged !== null && 'version' in packaged ? String(packaged.version) : 'unknown';
  const home = join(sharedHome, `postgres-${version}-${process.arch}`);
  if (!(await isDirectory(home))) {
    await mkdir(sharedHome, { recursive: true, mode: 0o755 });
    const unfinished = await mkdtemp(join(sharedHome, 'copying-'));
    await cp(binaries.home, join(unfinished, 'native'), { recursive: true, verbatimSymlinks: true });
    // Two may copy at once: whose rename comes second finds the directory there and drops its own.
    await rename(join(unfinished, 'native'), home).catch(async (error) => {
      if (!(await isDirectory(home))) throw error;
    });
    await rm(unfinished, { recursive: true, force: true });
  }
  return { initdb: join(home, 'bin', 'initdb'), postgres: join(home, 'bin', 'postgres'), home };
}

/**
 * The directory for the server's data: `wanted` when the account reaches it, else one under `/var/lib/trunkline`, remembered in the file
 * `wanted/elsewhere` so that the next start finds it and removing `wanted` forgets it.
 */
export async function reachableDirectory(wanted: string, account: Account): Promise<string> {
  if (await canEnter(wanted, account)) return wanted;
  const pointer = join(wanted, 'elsewhere');
  const known = (await readIfThere(pointer))?.trim();
  if (known !== undefined && (await isDirectory(known))) return known;
  await mkdir(sharedHome, { recursive: true, mode: 0o755 });
  await sweepForgotten();
  const directory = await mkdtemp(join(sharedHome, 'pool-'));
  await chmod(directory, 0o711);
  await writeFile(join(directory, 'belongs-to'), `${wanted}\n`);
  await writeFile(pointer, `${directory}\n`);
  return directory;
}

/** Removes databases whose owner is gone: the state directory that pointed to them was deleted. */
async function sweepForgotten(): Promise<void> {
  const names = (await readdir(sharedHome)).filter((name) => name.startsWith('pool-'));
  for (const directory of names.map((name) => join(sharedHome, name))) {
    const owner = (await readIfThere(join(directory, 'belongs-to')))?.trim();
    if (owner === undefined || (await readIfThere(join(owner, 'elsewhere')))?.trim() === directory) continue;
    const left = (await isDirectory(join(directory, 'data'))) ? await runningPostmaster(join(directory, 'data')) : undefined;
    if (left !== undefined) await stopPostmaster(left.pid);
    await rm(directory, { recursive: true, force: true });
  }
}

async function readIfThere(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw error;
  });
}

async function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    (entry) => entry.isDirectory(),
    () => false,
  );
}
