import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

/**
 * The state directory of one pool on one machine: `postgres/`, `log/`, `simulator/`, `secrets/`, `token`, `url`, and `lock`, which keeps a second
 * supervisor out.
 */
export type State = {
  readonly directory: string;
  readonly postgres: string;
  readonly logs: string;
  readonly secrets: string;
  readonly tokenFile: string;
  readonly urlFile: string;
  release(): Promise<void>;
};

/** Another supervisor runs on this state directory. */
export class StateInUse extends Error {
  override readonly name = 'StateInUse';
}

const run = promisify(execFile);

/** Opens a state directory, making it first if there is none, and locks it. @throws StateInUse */
export async function openState(directory: string): Promise<State> {
  // PostgreSQL's own user must pass through when we are root; what is secret in here has modes of its own.
  const mode = process.getuid?.() === 0 ? 0o711 : 0o700;
  const logs = join(directory, 'log');
  await mkdir(directory, { recursive: true, mode });
  await chmod(directory, mode);
  await mkdir(logs, { recursive: true, mode: 0o700 });
  const release = await lock(join(directory, 'lock'));
  return {
    directory,
    postgres: join(directory, 'postgres'),
    logs,
    secrets: join(directory, 'secrets'),
    tokenFile: join(directory, 'token'),
    urlFile: join(directory, 'url'),
    release,
  };
}

/** The pool's intake token: made once, kept in a file that only its owner reads. */
export async function ownToken(file: string): Promise<string> {
  const kept = await readIfThere(file);
  if (kept !== undefined && kept.trim() !== '') return kept.trim();
  const token = `tl_${randomBytes(32).toString('base64url')}`;
  await writeFile(file, `${token}\n`, { mode: 0o600 });
  return token;
}

/**
 * Takes the lock, also from a supervisor that was killed. The file names a process by its pid and its start, so that another process that got the pid
 * later does not hold it. It appears complete (written aside, then linked), so nobody reads half of it.
 */
async function lock(file: string): Promise<() => Promise<void>> {
  const own = `${process.pid} ${(await startOf(process.pid)) ?? 'unknown'}\n`;
  const aside = `${file}.${process.pid}`;
  await writeFile(aside, own, { mode: 0o600 });
  try {
    for (let tries = 0; tries < 3; tries += 1) {
      if (await linked(aside, file)) return () => rm(file, { force: true });
      const holder = (await readIfThere(file)) ?? '';
      if (await lives(holder)) throw inUse(file, holder);
      // Two may find the lock stale at once. Whoever moves away a lock that is not the stale one puts it back and gives way.
      const moved = `${aside}.stale`;
      await rename(file, moved).catch(ignoreMissing);
      const found = (await readIfThere(moved)) ?? holder;
      if (found !== holder && (await lives(found))) {
        await linked(moved, file);
        await rm(moved, { force: true });
        throw inUse(file, found);
      }
      await rm(moved, { force: true });
    }
    throw inUse(file, 'another');
  } finally {
    await rm(aside, { force: true });
  }
}

function inUse(file: string, holder: string): StateInUse {
  return new StateInUse(`process ${holder.split(' ')[0]} already runs this pool here (${file}): stop it, or give another --state`);
}

async function linked(from: string, to: string): Promise<boolean> {
  return link(from, to).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') return false;
      throw error;
    },
  );
}

async function lives(holder: string): Promise<boolean> {
  const [pid, ...started] = holder.trim().split(' ');
  return pid !== undefined && /^\d+$/.test(pid) && (await startOf(Number(pid))) === started.join(' ');
}

/** When a process started, in whatever form the system tells it; undefined when there is no such process. */
async function startOf(pid: number): Promise<string | undefined> {
  if (process.platform === 'linux') {
    const stat = await readIfThere(`/proc/${pid}/stat`);
    const boot = await readIfThere('/proc/sys/kernel/random/boot_id');
    // The second field is the program's name in parentheses and may hold spaces; the state is the 3rd field, the start the 22nd.
    const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields === undefined || fields[0] === 'Z' ? undefined : `${boot?.trim()} ${fields[19]}`;
  }
  return run('ps', ['-o', 'lstart=', '-p', String(pid)]).then(
    ({ stdout }) => stdout.trim(),
    () => undefined,
  );
}

async function readIfThere(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ESRCH') return undefined;
    throw error;
  });
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}
