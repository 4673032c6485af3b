import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { freeName } from '../../standalone/member.ts';

/** Fleets of real processes that grow and shrink. */

type Counts = {
  readonly size: number;
  readonly most: number;
  readonly crashes: number;
  readonly serving: number;
  readonly starting: number;
  readonly draining: number;
};

async function openFleet(startTimeoutMs = 60_000) {
  const directory = await mkdtemp(join('/tmp', 'trunkline-fleet-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const port = await freePort();
  const program = fileURLToPath(new URL('./fixtures/fleet.ts', import.meta.url));
  const child = spawn(process.execPath, [program, String(port), directory, String(startTimeoutMs)], { stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const told: Counts[] = [];
  child.stdout.setEncoding('utf8').on('data', (text: string) =>
    told.push(
      ...text
        .trim()
        .split('\n')
        .map((line): Counts => JSON.parse(line)),
    ),
  );

  const until = async (what: Partial<Counts>): Promise<void> => {
    const isIt = (counts: Counts | undefined) =>
      counts !== undefined && Object.entries({ ...counts, ...what }).every(([key, value]) => Reflect.get(counts, key) === value);
    for (const startedMs = performance.now(); performance.now() - startedMs < 30_000; await sleep(20)) if (isIt(told.at(-1))) return;
    throw new Error(`never had ${JSON.stringify(what)}, but ${JSON.stringify(told.at(-1))}`);
  };
  await until({ serving: 1 });
  return {
    directory,
    resize: (size: number) => child.stdin.write(`${size}\n`),
    until,
    told,
    /** Begins a request: who answers it is known at once, the answer when it is whole. */
    async begin(ms: number) {
      const answer = await fetch(`http://127.0.0.1:${port}/?ms=${ms}`);
      return { worker: answer.headers.get('x-worker'), whole: answer.text() };
    },
    async end(): Promise<number | null> {
      child.stdin.end();
      await once(child, 'exit');
      return child.exitCode;
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

type Fleet = Awaited<ReturnType<typeof openFleet>>;

/** Requests under way, until every worker has one. */
async function keepBusy(fleet: Fleet, workers: readonly string[]): Promise<readonly Promise<string>[]> {
  const answers: Promise<string>[] = [];
  const missing = new Set<string | null>(workers);
  while (missing.size > 0 && answers.length < 500) {
    const { worker, whole } = await fleet.begin(3_000);
    missing.delete(worker);
    answers.push(whole);
  }
  expect([...missing], 'workers that nobody could reach').toEqual([]);
  return answers;
}

describe('a fleet', () => {
  test('grows, and shrinks without cutting what was begun', { timeout: 90_000 }, async () => {
    const fleet = await openFleet();
    fleet.resize(3);
    await fleet.until({ size: 3, serving: 3, starting: 0 });
    expect(fleet.told).toContainEqual(expect.objectContaining({ size: 3, starting: 2 }));

    const answers = await keepBusy(fleet, ['worker-1', 'worker-2', 'worker-3']);
    fleet.resize(1);
    await fleet.until({ size: 1, serving: 1, draining: 2 });
    expect(new Set(await Promise.all(answers))).toEqual(new Set(['whole']));
    await fleet.until({ serving: 1, draining: 0 });

    // The dispatcher was known, and stays.
    expect((await fleet.begin(0)).worker).toBe('worker-1');
    expect(fleet.told.at(-1)).toMatchObject({ most: 3, crashes: 0 });
    expect(await fleet.end()).toBe(0);
  });

  test('that changes its mind while workers drain starts others, and all leave at its end', { timeout: 90_000 }, async () => {
    const fleet = await openFleet();
    fleet.resize(2);
    await fleet.until({ serving: 2 });
    const answers = await keepBusy(fleet, ['worker-1', 'worker-2']);
    fleet.resize(1);
    await fleet.until({ draining: 1 });
    fleet.resize(2);
    await fleet.until({ size: 2, serving: 2, draining: 1 });
    expect(new Set(await Promise.all(answers))).toEqual(new Set(['whole']));
    await fleet.until({ draining: 0 });
    expect(await fleet.end()).toBe(0);
  });

  test('starts a worker anew that hangs while it starts', { timeout: 60_000 }, async () => {
    const fleet = await openFleet(5_000);
    await writeFile(join(fleet.directory, 'hangs'), '');
    fleet.resize(2);
    await fleet.until({ serving: 1, starting: 1, crashes: 0 });
    await fleet.until({ serving: 2, starting: 0, crashes: 1 });
    expect(await fleet.end()).toBe(0);
  });
});

test('a new worker takes the first name that is free', () => {
  expect(freeName([])).toBe('worker-1');
  expect(freeName([{ name: 'worker-1' }, { name: 'worker-3' }])).toBe('worker-2');
});
