import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { signalProcess } from '../../standalone/postmaster.ts';
import { endingsInARow, restartDelayMs } from '../../standalone/restart.ts';
import { openWire, type Wire } from './proxy.ts';

/** A worker process that can be hurt, with wires of its own to ledger and provider. It is started again when it ends. */
export type ChaosWorker = {
  readonly name: string;
  /** Where it serves; undefined while it does not. */
  readonly port: number | undefined;
  readonly ledger: Wire;
  readonly provider: Wire;
  /** Sends a signal; false while there is no such process. */
  signal(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): boolean;
  /** Sets its wall clock off by so much. */
  setClock(offsetMs: number): Promise<void>;
  /** Drains it and ends it when it takes longer than `patienceMs`. It does not come back. */
  drain(patienceMs: number): Promise<void>;
  kill(): Promise<void>;
};

export type WorkerSettings = {
  readonly ledgerPort: number;
  readonly providerPort: number;
  readonly directory: string;
  /** The environment, given the ports of the worker's wires. */
  readonly environment: (ports: { readonly ledger: number; readonly provider: number }) => Readonly<Record<string, string>>;
  readonly note: (what: string) => void;
};

const program = fileURLToPath(new URL('../../workers/main.ts', import.meta.url));
const clockModule = new URL('./clock.ts', import.meta.url).href;
const serving = z.object({ kind: z.literal('serving'), port: z.int() });
const startsWithinMs = 60_000;

/** Starts a worker and resolves when it serves. */
export async function startWorker(name: string, settings: WorkerSettings): Promise<ChaosWorker> {
  const ledger = await openWire(settings.ledgerPort);
  const provider = await openWire(settings.providerPort);
  const clockFile = join(settings.directory, `${name}.clock`);
  await writeFile(clockFile, '0\n');
  const log = createWriteStream(join(settings.directory, `${name}.log`), { flags: 'a', mode: 0o600 });
  const environment = {
    ...settings.environment({ ledger: ledger.port, provider: provider.port }),
    // Any free one, another with every start: one that was kept for it could be somebody else's by then.
    TRUNKLINE_PORT: '0',
    TRUNKLINE_HOST: '127.0.0.1',
    TRUNKLINE_WORKER_NAME: name,
    CHAOS_CLOCK: clockFile,
    NODE_OPTIONS: `--import ${clockModule}`,
  };
  let child: ChildProcess | undefined;
  let port: number | undefined;
  let leaving = false;
  let endings = 0;
  let startedMs = 0;
  let restart: NodeJS.Timeout | undefined;
  const first = Promise.withResolvers<void>();

  const start = (): void => {
    startedMs = performance.now();
    const started = spawn(process.execPath, ['--max-semi-space-size=2', program], {
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    child = started;
    for (const stream of [started.stdout, started.stderr]) stream?.pipe(log, { end: false });
    started.on('message', (message) => {
      const said = serving.safeParse(message);
      if (!said.success) return;
      port = said.data.port;
      first.resolve();
    });
    started.on('error', (error) => settings.note(`${name}: ${error.message}`));
    started.once('exit', (code, signal) => ended(code === null ? `${signal}` : `status ${code}`));
  };

  const ended = (how: string): void => {
    child = undefined;
    port = undefined;
    if (leaving) return;
    settings.note(`${name} ended (${how})`);
    endings = endingsInARow(endings, performance.now() - startedMs);
    restart = setTimeout(start, restartDelayMs(endings));
  };

  const leave = async (signal: 'SIGTERM' | 'SIGKILL', patienceMs: number): Promise<void> => {
    leaving = true;
    clearTimeout(restart);
    const leaver = child;
    if (leaver !== undefined) await endOf(leaver, signal, patienceMs);
    await Promise.all([ledger.close(), provider.close()]);
    log.end();
  };

  start();
  const tooLate = setTimeout(
    () => first.reject(new Error(`${name} does not serve within ${startsWithinMs / 1_000} s: see its log`)),
    startsWithinMs,
  );
  try {
    await first.promise;
  } catch (error) {
    await leave('SIGKILL', 0);
    throw error;
  } finally {
    clearTimeout(tooLate);
  }
  return {
    name,
    get port() {
      return port;
    },
    ledger,
    provider,
    signal: (signal) => child?.pid !== undefined && signalProcess(child.pid, signal),
    setClock: (offsetMs) => writeFile(clockFile, `${Math.round(offsetMs)}\n`),
    drain: (patienceMs) => leave('SIGTERM', patienceMs),
    kill: () => leave('SIGKILL', 0),
  };
}

function endOf(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL', patienceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const force = setTimeout(() => child.kill('SIGKILL'), patienceMs);
    child.once('exit', () => {
      clearTimeout(force);
      resolve();
    });
    child.kill(signal);
  });
}
