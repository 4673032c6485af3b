import type { Worker } from 'node:cluster';
import { join } from 'node:path';
import { z } from 'zod';
import { rotatingLog } from './rotating-log.ts';

/** One worker of a fleet on this machine: its process, its log, its end. */

export type Member = {
  readonly name: string;
  /** Absent between its end and its next start. */
  worker?: Worker;
  startedMs: number;
  serving: boolean;
  endings: number;
  lastLine: string;
  restart?: NodeJS.Timeout;
  /** Set when it is to leave for good; resolves when it has. */
  leaving?: Promise<void>;
};

/** What a worker says when it can be sent requests. */
export const servingMessage = z.object({ kind: z.literal('serving'), port: z.int() });

/** The first of `worker-1`, `worker-2`, … that nobody has: names of workers that have left are given again, and their logs go on. */
export function freeName(members: Iterable<{ readonly name: string }>): string {
  const taken = new Set([...members].map(({ name }) => name));
  for (let number = 1; ; number += 1) {
    if (!taken.has(`worker-${number}`)) return `worker-${number}`;
  }
}

/** Appends what a worker writes to its log, and remembers its last line, which says why it ended. */
export function keepLog(worker: Worker, member: Member, directory: string): void {
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

/** Asks a worker to leave, and makes it when it takes longer than that. Resolves when it is gone. */
export function endWorker(worker: Worker | undefined, signal: 'SIGTERM' | 'SIGKILL', patienceMs: number): Promise<void> {
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
