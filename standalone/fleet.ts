import cluster, { type Worker } from 'node:cluster';
import { fileURLToPath } from 'node:url';
import type { Statefulness } from '../capacity/scaling/policy.ts';
import { type Dispensable, victimsOf } from '../capacity/scaling/victims.ts';
import { endWorker, freeName, keepLog, type Member, servingMessage } from './member.ts';
import { endingsInARow, restartDelayMs } from './restart.ts';

/**
 * The workers of a pool on one machine: child processes behind one listening address, started again when they end. They share our terminal's process
 * group and so hear Ctrl-C too; they ignore it, because only the supervisor knows whether it means to drain. When the supervisor dies, the channel to
 * it closes and they leave.
 */
export type Fleet = {
  /** Workers that are wanted. */
  readonly size: number;
  /** The most that were wanted at the same time. */
  readonly most: number;
  /** Workers that answer requests, that do not yet, and that are on their way out. */
  counts(): { readonly serving: number; readonly starting: number; readonly draining: number };
  /** How many workers ended without being asked to. */
  crashes(): number;
  /** Starts workers, or drains those that `known` says least about, until as many are left as are wanted. Returns at once. */
  resize(size: number, known: ReadonlyMap<string, Pick<Dispensable, 'sessions' | 'dispatching'>>, handler: Statefulness): void;
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
  /** How long a worker may take until it serves; a minute unless a test says otherwise. */
  readonly startTimeoutMs?: number;
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

/** Endings in a row, before anything ever served, after which starting again is pointless. */
const hopeless = 4;
/** Long enough for a busy machine; whoever does not serve by then never will, and is started anew. */
const startTimeoutMs = 60_000;
/** A drain that takes longer than the worker's own bound plus this is no drain. */
const graceMs = 5_000;

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
  const members = new Set<Member>();
  let { size } = options;
  let most = size;
  let crashes = 0;
  let leaving = false;
  let everServed = false;
  let isUp = false;
  const patienceMs = options.startTimeoutMs ?? startTimeoutMs;
  const ready = Promise.withResolvers<void>();
  const staying = (): readonly Member[] => [...members].filter((member) => member.leaving === undefined);

  const add = (): void => {
    const member: Member = { name: freeName(members), startedMs: 0, serving: false, endings: 0, lastLine: '' };
    members.add(member);
    start(member);
  };

  const start = (member: Member): void => {
    delete member.restart;
    member.startedMs = performance.now();
    const worker = cluster.fork({ ...options.environment, TRUNKLINE_WORKER_NAME: member.name });
    member.worker = worker;
    keepLog(worker, member, options.logDirectory);
    // Until the fleet is up, all of its workers have one time together.
    const late = isUp ? setTimeout(() => giveUp(member, worker), patienceMs) : undefined;
    worker.on('message', (message: unknown) => {
      if (!servingMessage.safeParse(message).success) return;
      clearTimeout(late);
      member.serving = true;
      everServed = true;
      if (staying().every((one) => one.serving)) ready.resolve();
    });
    // An IPC channel that breaks is followed by the exit, which is what counts.
    worker.on('error', (error) => {
      member.lastLine = error.message;
    });
    worker.once('exit', (code, signal) => {
      clearTimeout(late);
      ended(member, code === null ? signal : `status ${code}`);
    });
  };

  /** A worker that hangs while it starts counts as one that will serve, and would keep others from being started. */
  const giveUp = (member: Member, worker: Worker): void => {
    member.lastLine = `does not serve within ${patienceMs / 1_000} s, see its log`;
    worker.process.kill('SIGKILL');
  };

  const ended = (member: Member, how: string): void => {
    delete member.worker;
    member.serving = false;
    if (leaving || member.leaving !== undefined) return;
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

  /** Ends a worker for good: it leaves the fleet when it has. */
  const dismiss = (member: Member, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
    clearTimeout(member.restart);
    if (signal === 'SIGKILL') member.worker?.process.kill(signal);
    member.leaving ??= endWorker(member.worker, signal, options.drainTimeoutMs + graceMs).then(() => void members.delete(member));
    return member.leaving;
  };

  const leave = async (signal: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
    leaving = true;
    await Promise.all([...members].map((member) => dismiss(member, signal)));
  };

  for (let started = 0; started < size; started += 1) add();
  const timeout = setTimeout(() => ready.reject(new FleetFailed('the workers do not serve within a minute: see their logs')), patienceMs);
  try {
    await ready.promise;
    isUp = true;
  } catch (error) {
    await leave('SIGKILL');
    throw error;
  } finally {
    clearTimeout(timeout);
  }
  return {
    get size() {
      return size;
    },
    get most() {
      return most;
    },
    counts() {
      const stay = staying();
      const serving = stay.filter((member) => member.serving).length;
      return { serving, starting: stay.length - serving, draining: members.size - stay.length };
    },
    crashes: () => crashes,
    resize(wanted, known, handler) {
      if (leaving) return;
      size = wanted;
      most = Math.max(most, size);
      const stay = staying();
      for (let missing = wanted - stay.length; missing > 0; missing -= 1) add();
      const names = victimsOf(
        stay.map((member) => dispensable(member, known)),
        stay.length - wanted,
        handler,
      );
      for (const member of stay.filter(({ name }) => names.includes(name))) void dismiss(member, 'SIGTERM');
    },
    drain: () => leave('SIGTERM'),
    kill: () => leave('SIGKILL'),
  };
}

function dispensable({ name, serving, startedMs }: Member, known: Parameters<Fleet['resize']>[1]): Dispensable {
  const { sessions, dispatching = false } = known.get(name) ?? {};
  return { name, state: serving ? 'serving' : 'starting', sessions, dispatching, startedMs };
}
