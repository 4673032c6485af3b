import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Report, ready, report } from '../simulator/contract.ts';
import { endingsInARow, restartDelayMs } from './restart.ts';
import { rotatingLog } from './rotating-log.ts';

/**
 * The simulated provider with its callers and callees: a process of its own, so that what it counts is not counted by us. It lives in a session of its
 * own, where Ctrl-C does not reach it, and leaves when the pipe to its input closes, which happens whatever becomes of us. When it ends by itself it is
 * started again on the same port; its truth is on disk.
 */
export type Simulator = {
  readonly url: string;
  /** Begins traffic against the pool that answers at `url`. */
  startTraffic(url: string, token: string): Promise<void>;
  stopTraffic(): Promise<void>;
  report(): Promise<Report>;
  /** The ids that the intake acknowledged, in batches. */
  accepted(): AsyncIterable<readonly string[]>;
  end(): Promise<void>;
};

export type SimulatorOptions = {
  readonly poolFile: string;
  readonly stateDirectory: string;
  readonly secretsDirectory: string;
  readonly speed: number;
  readonly scenarioFile: string | undefined;
  readonly logDirectory: string;
  readonly onEvent: (line: string) => void;
  /** The simulator program; its own for tests. */
  readonly program?: string;
};

/** The simulator does not start or does not answer. */
export class SimulatorFailed extends Error {
  override readonly name = 'SimulatorFailed';
}

const leash = new URL('./leash.ts', import.meta.url).href;
const startTimeoutMs = 30_000;
const endTimeoutMs = 5_000;
const batchSize = 5_000;

/** Starts the simulator and resolves when it listens. @throws SimulatorFailed */
export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  let traffic: { readonly url: string; readonly token: string } | undefined;
  let ending = false;
  let endings = 0;
  let startedMs = performance.now();
  const run = randomUUID();
  let current = await launch(options, run, 0);
  const url = `http://127.0.0.1:${current.port}`;

  const watch = (child: ChildProcess): void => {
    child.once('exit', (code, signal) => {
      if (ending) return;
      endings = endingsInARow(endings, performance.now() - startedMs);
      options.onEvent(`the simulator ended (${code === null ? signal : `status ${code}`}) and starts again`);
      restart(restartDelayMs(endings)).catch((error: Error) => options.onEvent(`the simulator does not start again: ${error.message}`));
    });
  };
  const restart = async (delayMs: number): Promise<void> => {
    await sleep(delayMs);
    if (ending) return;
    startedMs = performance.now();
    current = await launch(options, run, current.port);
    watch(current.child);
    if (traffic !== undefined) await post(url, '/_sim/start', traffic);
  };
  watch(current.child);

  return {
    url,
    startTraffic: async (poolUrl, token) => {
      traffic = { url: poolUrl, token };
      await post(url, '/_sim/start', traffic);
    },
    stopTraffic: async () => {
      traffic = undefined;
      await post(url, '/_sim/stop', {});
    },
    report: async () => report.parse(await (await request(url, '/_sim/report')).json()),
    accepted: () => acceptedIds(url),
    end: () => {
      ending = true;
      return endProcess(current.child);
    },
  };
}

async function launch(
  options: SimulatorOptions,
  run: string,
  port: number,
): Promise<{ readonly child: ChildProcess; readonly port: number }> {
  const program = options.program ?? fileURLToPath(new URL('../simulator/main.ts', import.meta.url));
  const args = ['--pool', options.poolFile, '--state', options.stateDirectory, '--speed', String(options.speed)];
  args.push('--secrets', options.secretsDirectory, '--port', String(port), '--run', run);
  if (options.scenarioFile !== undefined) args.push('--scenario', options.scenarioFile);
  const child = spawn(process.execPath, ['--import', leash, program, ...args], { stdio: ['pipe', 'pipe', 'pipe'], detached: true });
  const log = rotatingLog(join(options.logDirectory, 'simulator.log'));
  log.on('error', (error) => options.onEvent(`cannot write the simulator's log: ${error.message}`));
  // Closing this pipe tells the simulator to leave; that it is gone already is no error.
  child.stdin.on('error', () => undefined);
  child.stderr.pipe(log, { end: false });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said = `${said}${chunk.toString('utf8')}`.slice(-2_000);
  });
  try {
    return { child, port: await readyPort(child, () => said) };
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
}

function readyPort(child: ChildProcess, said: () => string): Promise<number> {
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => reject(new SimulatorFailed(`the simulator does not start: ${why} ${said().trim()}`.trim()));
    const timeout = setTimeout(() => fail('no answer within 30 s.'), startTimeoutMs);
    child.once('error', (error) => fail(error.message));
    child.once('exit', (code, signal) => fail(`it ended (${code === null ? signal : `status ${code}`}).`));
    if (child.stdout === null) return fail('it has no output.');
    createInterface({ input: child.stdout }).once('line', (line) => {
      clearTimeout(timeout);
      try {
        resolve(ready.parse(JSON.parse(line)).port);
      } catch (error) {
        fail(`it said "${line.slice(0, 200)}" (${error instanceof Error ? error.name : error}).`);
      }
    });
  });
}

async function post(url: string, path: string, body: unknown): Promise<void> {
  await request(url, path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
}

async function request(url: string, path: string, init: RequestInit = {}): Promise<Response> {
  const response = await fetch(new URL(path, url), { ...init, signal: AbortSignal.timeout(60_000) });
  if (!response.ok) throw new SimulatorFailed(`${path} answered ${response.status}: ${(await response.text()).slice(0, 300)}`);
  return response;
}

async function* acceptedIds(url: string): AsyncIterable<readonly string[]> {
  const { body } = await request(url, '/_sim/accepted');
  if (body === null) return;
  let batch: string[] = [];
  for await (const line of createInterface({ input: Readable.fromWeb(body), crlfDelay: Number.POSITIVE_INFINITY })) {
    const id = acceptedId(line);
    if (id !== undefined) batch.push(id);
    if (batch.length >= batchSize) {
      yield batch;
      batch = [];
    }
  }
  if (batch.length > 0) yield batch;
}

/** A line is the id as a JSON string, or an object that has it as `id`. */
function acceptedId(line: string): string | undefined {
  if (line.trim() === '') return undefined;
  const value: unknown = JSON.parse(line);
  if (typeof value === 'string') return value;
  if (typeof value === 'object' && value !== null && 'id' in value && typeof value.id === 'string') return value.id;
  throw new SimulatorFailed(`/_sim/accepted has a line that is no session id: ${line.slice(0, 100)}`);
}

function endProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    const force = setTimeout(() => child.kill('SIGKILL'), endTimeoutMs);
    child.once('exit', () => {
      clearTimeout(force);
      resolve();
    });
    child.stdin?.end();
    child.kill('SIGTERM');
  });
}
