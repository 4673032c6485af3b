import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { type Cluster, KubectlFailed, openCluster, TooLate } from './cluster.ts';
import { restartApiServer } from './outage.ts';

/** A process that answers what is asked of an API server here, and that commands of the shell end and start again. */
const program = `
  const [port, file] = process.argv.slice(1);
  const answers = { '/readyz': 'ok', '/metrics': 'go_threads 9\\nprocess_start_time_seconds ' + (performance.timeOrigin / 1000) + '\\n' };
  require('node:http').createServer((asked, answer) => answer.end(answers[asked.url])).listen(Number(port), '127.0.0.1', () =>
    require('node:fs').writeFileSync(file, String(process.pid)));`;

async function anApiServer() {
  const folder = await mkdtemp(join(tmpdir(), 'trunkline-outage-'));
  const pidFile = join(folder, 'pid');
  const pid = async () => Number(await readFile(pidFile, 'utf8'));
  const port = await freePort();
  const begin = [process.execPath, '--eval', program, String(port), pidFile] as const;
  const first = spawn(begin[0], begin.slice(1), { stdio: 'ignore' });
  onTestFinished(async () => {
    killIfThere(await pid());
    await rm(folder, { recursive: true, force: true });
  });
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  const kubectl: Cluster['kubectl'] = async ([, , path]) => {
    try {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(500), headers: { connection: 'close' } });
      return await answer.text();
    } catch (error) {
      throw new KubectlFailed('no answer', { cause: error });
    }
  };
  const cluster = { ...openCluster(stop.signal), kubectl };
  await cluster.until('it answers', 20_000, async () => (existsSync(pidFile) ? true : undefined));
  const quoted = begin.map((arg) => `'${arg.replaceAll("'", `'\\''`)}'`).join(' ');
  return {
    cluster,
    kill: `kill -KILL ${await pid()}`,
    pause: `kill -STOP ${first.pid}; sleep 1; kill -CONT ${first.pid}`,
    start: `${quoted} &`,
  };
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

async function freePort(): Promise<number> {
  const holder = createServer().listen(0, '127.0.0.1');
  await once(holder, 'listening');
  const address = holder.address();
  holder.close();
  await once(holder, 'close');
  if (address === null || typeof address === 'string') throw new Error('a port was asked for, and none was given');
  return address.port;
}

const now = () => performance.now();

test('an API server that was killed and started again was away in between', async () => {
  const { cluster, kill, start } = await anApiServer();
  const beganMs = now();
  const { awayMs, backMs } = await restartApiServer(`${kill}; sleep 1; ${start}`, cluster, now);
  expect(awayMs).toBeGreaterThanOrEqual(beganMs);
  expect(backMs - awayMs).toBeGreaterThan(500);
  expect(backMs).toBeLessThanOrEqual(now());
});

test('a command may end before it is gone, where somebody else starts it again', async () => {
  const { cluster, kill, start } = await anApiServer();
  const { awayMs, backMs } = await restartApiServer(`(sleep 1; ${kill}; sleep 1; ${start}) &`, cluster, now);
  expect(backMs - awayMs).toBeGreaterThan(500);
});

test.each([
  { name: 'does nothing', hurt: () => 'true' },
  { name: 'makes it stand still and go on', hurt: ({ pause }: Awaited<ReturnType<typeof anApiServer>>) => pause },
])('a command that $name is no restart', async ({ hurt }) => {
  const server = await anApiServer();
  await expect(restartApiServer(hurt(server), server.cluster, now, 1_000)).rejects.toThrow(TooLate);
});

test('a command that fails is shown, with how it ended', async () => {
  const { cluster } = await anApiServer();
  await expect(restartApiServer('exit 3', cluster, now)).rejects.toThrow('ended with 3: exit 3');
});

test('an API server that does not come back is waited for, and then told', async () => {
  const { cluster, kill } = await anApiServer();
  await expect(restartApiServer(kill, cluster, now, 1_000)).rejects.toThrow('not within 1 s');
});
