import cluster, { type Worker } from 'node:cluster';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { endingsInARow, restartDelayMs } from './restart.ts';
import { rotatingLog } from './rotating-log.ts';

/**
 * The workers of a pool on one machine: child processes behind one listening address, started again when they end. They share our terminal's process
 * group and so hear Ctrl-C too; they ignore it, because only the supervisor knows whether it means to drain. When the supervisor dies, the channel to
 * it closes and they leave.
 */
export type Fleet = {
  readonly size: number;
  /** How many workers answer requests now. */
  serving(): number;
  /** How many workers ended without being asked to. */
  crashes(): number;
  /** Asks every worker to finish and leave, and ends those that do not. Resolves when none is left. */
  drain(): Promise<void>;
  /** Ends every worker at once. */
  kill(): Promise<void>;
};

export type FleetOptions = {
  readonly size: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly logDirectory: string;
  readonly drainTimeoutMs: number;
  /** Told of what a person should know: a worker that ended, and when it comes back. */
  readonly onEvent: (line: string) => void;
  /** The worker program; its own for tests. */
  readonly program?: string;
};

/**
 * A worker waits for others most of its time, and there are many of it: memory counts more than the last bit of speed. V8 keeps three times as much
 * without these (270 MB rather than 150 with the dispatcher in it), most of it garbage of the start.
 */
const memoryFlags = ['--max-semi-space-size=2', '--optimize-for-size'];

/** The workers do not come up; the message ends with the last that one of them said. */
export class FleetFailed extends Error {
  override readonly name = 'FleetFailed';
}

const servingMessage = z.object({ kind: z.literal('serving'), port: z.int() });

/** Endings in a row, before anything ever served, after which starting again is pointless. */
const hopeless = 4;
const startTimeoutMs = 60_000;
/** A drain that takes longer than the worker's own bound plus this is no drain. */
const graceMs = 5_000;

type Member = {
  readonly name: string;
  worker: Worker | undefined;
  startedMs: number;
  serving: boolean;
  endings: number;
  lastLine: string;
  restart: NodeJS.Timeout | undefined;
};

/** Starts the workers and resolves when all of them serve. @throws FleetFailed */
export async function startFleet(options: FleetOptions): Promise<Fleet> {
  // Workers accept connections themselves. Handed out by the supervisor, as is the default, a connection on its way to a worker that dies just then would
  // hang for ever; and the supervisor would be in the way of every request.
  cluster.schedulingPolicy = cluster.SCHED_NONE;
  cluster.setupPrimary({
    exec: options.program ?? fileURLToPath(new URL('../workers/main.ts', import.meta.url)),
    execArgv: [...process.execArgv, ...memoryFlags],
    args: [],
    silent: true,
  });
  const members: readonly Member[] = Array.from({ length: options.size }, (_, index) => ({
    name: `worker-${index + 1}`,
    worker: undefined,
    startedMs: 0,
    serving: false,
    endings: 0,
    lastLine: '',
    restart: undefined,
  }));
  let crashes = 0;
  let leaving = false;
  let everServed = false;
  const ready = Promise.withResolvers<void>();

  const start = (member: Member): void => {
    member.restart = undefined;
    member.startedMs = performance.now();
    const worker = cluster.fork({ ...options.environment, TRUNKLINE_WORKER_NAME: member.name });
    member.worker = worker;
    keepLog(worker, member, options.logDirectory);
    worker.on('message', (message: unknown) => {
      if (!servingMessage.safeParse(message).success) return;
      member.serving = true;
      everServed = true;
      if (members.every((one) => one.serving)) ready.resolve();
    });
    // An IPC channel that breaks is followed by the exit, which is what counts.
    worker.on('error', (error) => {
      member.lastLine = error.message;
    });
    worker.once('exit', (code, signal) => ended(member, code === null ? signal : `status ${code}`));
  };

  const ended = (member: Member, how: string): void => {
    member.worker = undefined;
    member.serving = false;
    if (leaving) return;
    crashes += 1;
    member.endings = endingsInARow(member.endings, performance.now() - member.startedMs);
    const said = member.lastLine === '' ? '' : `: ${member.lastLine}`;
    if (!everServed && member.endings >= hopeless) {
      ready.reject(new FleetFailed(`${member.name} ends at once (${how})${said}`));
      return;
    }
    const delayMs = restartDelayMs(member.endings);
    options.onEvent(`${member.name} ended (${how})${said}; starts again in ${delayMs / 1_000} s`);
    member.restart = setTimeout(() => start(member), delayMs);
  };

  const leave = async (signal: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
    leaving = true;
    for (const member of members) clearTimeout(member.restart);
    await Promise.all(members.map((member) => endWorker(member.worker, signal, options.drainTimeoutMs + graceMs)));
  };

  for (const member of members) start(member);
  const timeout = setTimeout(
    () => ready.reject(new FleetFailed('the workers do not serve within a minute: see their logs')),
    startTimeoutMs,
  );
  try {
    await ready.promise;
  } catch (error) {
    await leave('SIGKILL');
    throw error;
  } finally {
    clearTimeout(timeout);
  }
  return {
    size: options.size,
    serving: () => members.filter((member) => member.serving).length,
    crashes: () => crashes,
    drain: () => leave('SIGTERM'),
    kill: () => leave('SIGKILL'),
  };
}

/** Appends what a worker writes to its log, and remembers its last line, which says why it ended. */
function keepLog(worker: Worker, member: Member, directory: string): void {
  const log = rotatingLog(join(directory, `${member.name}.log`));
  log.on('error', (error) => {
    member.lastLine = `log: ${error.message}`;
  });
  for (const stream of [worker.process.stdout, worker.process.stderr]) {
    if (stream === null) continue;
    stream.pipe(log, { end: false });
    stream.on('data', (chunk: Buffer) => {
      const line = chunk.toString('utf8').trim().split('\n').at(-1);
      if (line !== undefined && line !== '') member.lastLine = readable(line);
    });
  }
}

/** The message of a line of JSON log, or the line itself; short enough for one line on a terminal. */
function readable(line: string): string {
  let text = line;
  try {
    const parsed = z.object({ msg: z.string(), err: z.object({ message: z.string() }).optional() }).safeParse(JSON.parse(line));
    if (parsed.success) text = parsed.data.err === undefined ? parsed.data.msg : `${parsed.data.msg}: ${parsed.data.err.message}`;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return text.slice(0, 300);
}

function endWorker(worker: Worker | undefined, signal: 'SIGTERM' | 'SIGKILL', patienceMs: number): Promise<void> {
  if (worker === undefined) return Promise.resolve();
  return new Promise((resolve) => {
    const force = setTimeout(() => worker.process.kill('SIGKILL'), patienceMs);
    worker.once('exit', () => {
      clearTimeout(force);
      resolve();
    });
    worker.process.kill(signal);
  });
}
