import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { access, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { isRunning, runningPostmaster } from '../../standalone/postmaster.ts';
import { type Command, startCommand, stateDirectory } from '../support/command.ts';

/**
 * The supervisor with real processes and a real PostgreSQL. Worker and simulator are stand-ins that keep their side of the contract and do nothing
 * else; what the real ones do is tested with them.
 */

const fixture = fileURLToPath(new URL('./fixtures/up.ts', import.meta.url));
const pool = fileURLToPath(new URL('../../crds/samples/trial.yaml', import.meta.url));

function startUp(
  state: string,
  options: { readonly port?: number; readonly seconds?: number; readonly env?: Record<string, string> } = {},
): Command {
  return startCommand([fixture, pool, state, String(options.port ?? 0), String(options.seconds ?? 0)], options.env);
}

/** Waits until something is true; says what it waited for when that never comes. */
async function eventually(what: string, look: () => boolean | Promise<boolean>, withinMs = 30_000): Promise<void> {
  for (const startedMs = performance.now(); performance.now() - startedMs < withinMs; await sleep(50)) {
    if (await look()) return;
  }
  throw new Error(`never happened: ${what}`);
}

async function serving(run: Command, state: string): Promise<string> {
  await eventually(`the workers serve; it said: ${run.err()}`, () => {
    if (run.child.exitCode !== null) throw new Error(`it ended: ${run.err()}`);
    return /workers at http/.test(run.err());
  });
  return (await readFile(join(state, 'url'), 'utf8')).trim();
}

/** The processes of the two workers, by what they logged last. */
async function workerPids(state: string): Promise<readonly number[]> {
  const logs = await Promise.all([1, 2].map((worker) => readFile(join(state, `log/worker-${worker}.log`), 'utf8')));
  return logs.map((log) => Number(/"pid":(\d+)/.exec(log.trim().split('\n').at(-1) ?? '')?.[1]));
}

describe('trunkline up', () => {
  test('starts everything, finishes by itself and sums up', async () => {
    const state = await stateDirectory();
    const run = startUp(state, { seconds: 1 });
    expect(await run.ended, run.err()).toBe(0);
    expect(JSON.parse(run.out().trim().split('\n').at(-1) ?? '')).toMatchObject({
      pool: 'trial',
      accepted: 0,
      queued: 0,
      lost: 0,
      workers: 2,
      workerCrashes: 0,
      dispatchMs: null,
    });
    for (const line of ['PostgreSQL ready', 'Pool in force', 'Simulated provider ready', 'Workers serving', 'state/token']) {
      expect(run.err()).toContain(line);
    }
    expect((await stat(join(state, 'token'))).mode & 0o777).toBe(0o600);
    expect(run.err()).not.toContain((await readFile(join(state, 'token'), 'utf8')).trim());
    await access(join(state, 'secrets/vapi-main-front/apiKey'));
    await access(join(state, 'log/worker-1.log'));
    await expect(access(join(state, 'lock'))).rejects.toThrow(/ENOENT/);
    expect(await runningPostmaster(join(state, 'postgres/data'))).toBeUndefined();
  });

  test('counts as lost what was acknowledged and is nowhere', async () => {
    const state = await stateDirectory();
    await mkdir(state, { recursive: true });
    await writeFile(join(state, 'accepted'), `${JSON.stringify(randomUUID())}\n${JSON.stringify({ id: randomUUID() })}\n`);
    const run = startUp(state, { seconds: 1 });
    expect(await run.ended, run.err()).toBe(0);
    expect(JSON.parse(run.out())).toMatchObject({ lost: 2 });
  });

  test('keeps token and secrets for the next run', async () => {
    const state = await stateDirectory();
    const kept = async (): Promise<readonly string[]> =>
      Promise.all(['token', 'secrets/vapi-main-front/apiKey'].map((file) => readFile(join(state, file), 'utf8')));
    expect(await startUp(state, { seconds: 1 }).ended).toBe(0);
    const before = await kept();
    expect(await startUp(state, { seconds: 1 }).ended).toBe(0);
    expect(await kept()).toEqual(before);
  });

  test('starts a worker again that ended, while the other serves', async () => {
    const state = await stateDirectory();
    const run = startUp(state);
    const url = await serving(run, state);
    const before = await workerPids(state);
    await fetch(`${url}/crash`);
    await eventually('there is a new worker, and the other is the same', async () => {
      const now = await workerPids(state);
      return now.filter((pid) => before.includes(pid)).length === 1 && now.every((pid) => pid > 0);
    });
    for (let requests = 0; requests < 20; requests += 1) expect((await fetch(url)).status).toBe(200);
    expect(run.err()).toMatch(/worker-\d ended \(status 7\)/);
    run.child.kill('SIGINT');
    expect(await run.ended, run.err()).toBe(0);
    expect(JSON.parse(run.out())).toMatchObject({ workerCrashes: 1 });
  });

  test('starts PostgreSQL again that died, at the same address', async () => {
    const state = await stateDirectory();
    const run = startUp(state);
    await serving(run, state);
    const data = join(state, 'postgres/data');
    const before = await runningPostmaster(data);
    process.kill(before?.pid ?? 0, 'SIGKILL');
    await eventually('another server runs', async () => {
      const now = await runningPostmaster(data);
      return now !== undefined && now.pid !== before?.pid && now.status === 'ready' && now.port === before?.port;
    });
    expect(run.err()).toContain('PostgreSQL died and starts again');
    run.child.kill('SIGINT');
    expect(await run.ended, run.err()).toBe(0);
  });

  test('leaves no worker and no simulator behind when it is killed, and the next run takes over', async () => {
    const state = await stateDirectory();
    const run = startUp(state);
    await serving(run, state);
    const children = [...(await workerPids(state)), Number(await readFile(join(state, 'simulator.pid'), 'utf8'))];
    const orphan = await runningPostmaster(join(state, 'postgres/data'));
    run.child.kill('SIGKILL');
    expect(await run.ended).toBe('SIGKILL');
    await eventually('they are gone', async () => {
      const alive = await Promise.all(children.map(isRunning));
      return !alive.includes(true);
    });
    expect(await isRunning(orphan?.pid ?? 0)).toBe(true);

    const next = startUp(state, { seconds: 1 });
    expect(await next.ended, next.err()).toBe(0);
    expect(next.err()).toContain('took over the server that a killed run left behind');
    expect(await isRunning(orphan?.pid ?? 0)).toBe(false);
  });

  test('lets only one run have a state directory', async () => {
    const state = await stateDirectory();
    const first = startUp(state);
    await serving(first, state);
    const second = startUp(state);
    expect(await second.ended).toBe(3);
    expect(second.err()).toMatch(new RegExp(`StateInUse: process ${first.child.pid} already runs this pool here`));
    first.child.kill('SIGTERM');
    expect(await first.ended, first.err()).toBe(0);
  });

  test('takes three signals of one key press for one, and the next for "at once"', async () => {
    const state = await stateDirectory();
    const run = startUp(state, { env: { FIXTURE_IGNORES_SIGTERM: '1' } });
    await serving(run, state);
    for (let copies = 0; copies < 3; copies += 1) run.child.kill('SIGINT');
    await eventually('it finishes', () => run.err().includes('Finishing'));
    await sleep(700);
    expect(run.child.exitCode).toBeNull();
    run.child.kill('SIGINT');
    expect(await run.ended, run.err()).toBe(130);
    expect(run.err()).toContain('stopped at once');
    expect(await runningPostmaster(join(state, 'postgres/data'))).toBeUndefined();
  });

  test('gives up when no worker comes up, with what a worker said last', async () => {
    const state = await stateDirectory();
    const run = startUp(state, { env: { FIXTURE_FAILS: 'no such module: seller' } });
    expect(await run.ended).toBe(3);
    expect(run.err()).toMatch(/FleetFailed: worker-\d ends at once \(status 1\): no such module: seller/);
    expect(await runningPostmaster(join(state, 'postgres/data'))).toBeUndefined();
  });

  test('says that the port is taken before it starts anything', async () => {
    const state = await stateDirectory();
    const other = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void other.close());
    await once(other, 'listening');
    const address = other.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const run = startUp(state, { port });
    expect(await run.ended).toBe(3);
    expect(run.err()).toContain(`port ${port} is taken by another program`);
    await expect(access(join(state, 'postgres'))).rejects.toThrow(/ENOENT/);
  });
});
