import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { z } from 'zod';
import { type PoolManifest, poolManifest } from '../crds/pool.ts';
import { inventSecrets } from '../standalone/secrets.ts';
import type { Setting } from './figure.ts';

/** A pool as a user runs it: `trunkline up --simulate` with PostgreSQL, simulator and workers as processes of their own. */
export type RunningPool = {
  readonly url: string;
  readonly token: string;
  /** When the command was started, milliseconds since 1970. */
  readonly startedAtMs: number;
  readonly pid: number;
  /** Resolves when the command has ended by itself (`--for`), with what it said last: the object of `--json`. */
  summary(): Promise<unknown>;
  /** Calls that the simulated provider has created, as it wrote them down itself. */
  calls(): Promise<readonly Call[]>;
};

export type Call = { readonly number: string | undefined; readonly atMs: number };

const root = fileURLToPath(new URL('..', import.meta.url));
const created = z.object({
  event: z.literal('created'),
  atMs: z.number(),
  call: z.object({ customer: z.object({ number: z.string() }).optional() }),
});

export const wallClockMs = (): number => performance.timeOrigin + performance.now();

/** Starts `trunkline up` in a directory of its own, and resolves when it takes sessions. It is stopped with `resources`. */
export async function runPool(
  setting: Setting,
  { pool, args }: { readonly pool: string; readonly args: readonly string[] },
  resources: AsyncDisposableStack,
): Promise<RunningPool> {
  const directory = await mkdtemp(join(setting.directory, 'up-'));
  await chmod(directory, 0o711);
  const state = join(directory, 'state');
  await mkdir(state, { mode: 0o711 });
  const log = await open(join(state, 'up.log'), 'w');
  resources.defer(() => log.close());
  const outFile = join(state, 'up.out');
  const out = await open(outFile, 'w');
  resources.defer(() => out.close());
  const startedAtMs = wallClockMs();
  const child = spawn(process.execPath, ['cli/trunkline.mjs', 'up', pool, ...args, '--state', state, '--port', '0', '--json'], {
    cwd: root,
    stdio: ['ignore', out.fd, log.fd],
    detached: true,
  });
  // Ctrl-C during a bench does not reach it: it is in a session of its own, so that we alone stop it.
  const onExit = () => void child.kill('SIGINT');
  process.once('exit', onExit);
  resources.defer(async () => {
    process.off('exit', onExit);
    await stop(child);
  });
  const url = await readWhenThere(join(state, 'url'), child, join(state, 'up.log'));
  const token = await readWhenThere(join(state, 'token'), child, join(state, 'up.log'));
  if (child.pid === undefined) throw new Error('trunkline up has no process');
  return {
    url,
    token,
    startedAtMs,
    pid: child.pid,
    summary: async () => {
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      return JSON.parse((await readFile(outFile, 'utf8')).trim().split('\n').at(-1) ?? '');
    },
    calls: () => readCalls(join(state, 'simulator', 'calls.ndjson')),
  };
}

/** Files for {@link runPool}: a pool, and a scenario in which nobody calls and the provider answers at once. */
export async function quietPool(setting: Setting, manifest: object): Promise<PoolFiles> {
  return busyPool(setting, manifest, []);
}

export type PoolFiles = { readonly pool: string; readonly scenario: string };

/** The same with traffic, as scenarios of the simulator describe it. */
export async function busyPool(setting: Setting, manifest: object, traffic: readonly object[]): Promise<PoolFiles> {
  const directory = await mkdtemp(join(setting.directory, 'pool-'));
  const [pool, scenario] = [join(directory, 'pool.yaml'), join(directory, 'scenario.yaml')];
  // JSON is YAML.
  await writeFile(pool, JSON.stringify(manifest));
  await writeFile(scenario, JSON.stringify({ traffic, provider: { latencyMs: { min: 0, max: 0 } } }));
  return { pool, scenario };
}

/** Hands in one session; when it was acknowledged, milliseconds since 1970. */
export async function handIn({ url, token }: RunningPool, className: string, number: string): Promise<number> {
  const response = await fetch(`${url}/v1/sessions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ class: className, direction: 'Outbound', customer: { number } }),
  });
  const atMs = wallClockMs();
  const text = await response.text();
  if (response.status !== 202) throw new Error(`the intake answered ${response.status}: ${text}`);
  return atMs;
}

/** The manifest with its ledger in an existing database, and the directory of secrets that says where. For {@link runPool} with `--secrets`. */
export async function onLedger(
  setting: Setting,
  manifest: PoolManifest,
  ledgerUrl: string,
): Promise<{ readonly manifest: PoolManifest; readonly secrets: string }> {
  const secrets = await mkdtemp(join(setting.directory, 'secrets-'));
  await chmod(secrets, 0o711);
  await mkdir(join(secrets, 'ledger'));
  await writeFile(join(secrets, 'ledger', 'url'), ledgerUrl, { mode: 0o600 });
  await inventSecrets(manifest.spec, secrets);
  const placed = poolManifest.parse({ ...manifest, spec: { ...manifest.spec, ledger: { secretRef: { name: 'ledger', key: 'url' } } } });
  return { manifest: placed, secrets };
}

/** Resident memory of the processes whose parent is `pid` and whose command line has `program` in it, in bytes. */
export async function memoryOfChildren(pid: number, program: string): Promise<readonly number[]> {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'ppid=,rss=,args=']);
  return stdout.split('\n').flatMap((line) => {
    const [parent, kilobytes, ...command] = line.trim().split(/\s+/);
    return Number(parent) === pid && command.join(' ').includes(program) ? [Number(kilobytes) * 1_024] : [];
  });
}

async function readCalls(file: string): Promise<readonly Call[]> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  // The last line may still be being written.
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter((line) => line.includes('"created"'))
    .flatMap((line) => {
      const parsed = created.safeParse(JSON.parse(line));
      return parsed.success ? [{ number: parsed.data.call.customer?.number, atMs: parsed.data.atMs }] : [];
    });
}

async function readWhenThere(file: string, child: ChildProcess, log: string): Promise<string> {
  for (const startedMs = performance.now(); performance.now() - startedMs < 60_000; await sleep(20)) {
    const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '';
      throw error;
    });
    if (text.trim() !== '') return text.trim();
    if (child.exitCode !== null) break;
  }
  throw new Error(`trunkline up does not start: ${(await readFile(log, 'utf8')).slice(-2_000)}`);
}

/** Twice, as a person in a hurry: the second time nothing is waited for. Closer together, the two would count as one. */
async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGINT');
  await Promise.race([gone, sleep(600)]);
  child.kill('SIGINT');
  await gone;
}
