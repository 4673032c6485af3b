import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { ProgramName, Programs } from './programs.ts';

const endWithinMs = 10_000;

/** Programs that run as long as a test wants them, and no longer than the run if they are of our build. What they say goes to `NAME.log` in the folder. */
export class Processes {
  readonly #programs: Programs;
  readonly #folder: string;
  /** In the order in which they were started. */
  readonly #running = new Map<ProgramName, ChildProcess>();
  readonly #failed = new Map<ProgramName, Error>();

  constructor(programs: Programs, folder: string) {
    this.#programs = programs;
    this.#folder = folder;
  }

  start(name: ProgramName, args: readonly string[]): void {
    const program = this.#programs.find(name);
    if (program === undefined) throw new Error(`there is no ${name} in ${this.#programs.from}: have Go build all of them, or add it`);
    const [file, ...first] = program;
    const log = openSync(this.#logOf(name), 'a', 0o600);
    const child = spawn(file, [...first, ...args], { stdio: ['pipe', log, log], env: { ...process.env, TRUNKLINE_TEST_LEASH: 'stdin' } });
    child.once('error', (error) => this.#failed.set(name, error));
    closeSync(log);
    this.#running.set(name, child);
  }

  /** Throws when one of them did not start, or has ended by itself. */
  async mustRun(): Promise<void> {
    for (const [name, error] of this.#failed) throw new Error(`${name} does not start`, { cause: error });
    for (const [name, child] of this.#running) {
      if (child.exitCode === null && child.signalCode === null) continue;
      throw new Error(`${name} ended by itself (${child.exitCode ?? child.signalCode}):\n${await this.lastWords(name)}`);
    }
  }

  /** Ends one; what does not go is killed after ten seconds. */
  async end(name: ProgramName, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.#running.get(name);
    this.#running.delete(name);
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    const over = new AbortController();
    await Promise.race([gone, pause(endWithinMs, undefined, { signal: over.signal }).then(() => child.kill('SIGKILL'))]);
    await gone;
    over.abort();
  }

  /** Ends all, the newest first: those that depend on others before the others. */
  async stop(): Promise<void> {
    for (const name of [...this.#running.keys()].reverse()) await this.end(name, 'SIGTERM');
  }

  /** The end of what one has said. */
  async lastWords(name: ProgramName): Promise<string> {
    return (await readFile(this.#logOf(name), 'utf8')).slice(-3_000);
  }

  #logOf(name: ProgramName): string {
    return join(this.#folder, `${name}.log`);
  }
}
