import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

const endsWithinMs = 20_000;

/** The operator as a process of its own, and what is measured of it from outside. */
export type MeasuredOperator = {
  /** When the process was started, milliseconds since 1970. */
  readonly startedMs: number;
  /** Largest resident size so far, in MB. */
  readonly largestMb: () => Promise<number>;
  /** p99 of how late the event loop was since the last reading, in milliseconds. */
  readonly loopLagMs: () => Promise<number>;
  readonly stop: () => Promise<void>;
};

/** Starts it as the image does: its flags, and code that was compiled when the image was built. `directory`: for that code. */
export async function startOperator(
  environment: Readonly<Record<string, string>>,
  directory: string,
  say: (line: string) => void,
): Promise<MeasuredOperator> {
  const flags = ['--max-semi-space-size=2', '--optimize-for-size'];
  const env = { ...process.env, NODE_COMPILE_CACHE: directory, ...environment, TRUNKLINE_HEALTH_PORT: '0' };
  await run(process.execPath, [...flags, 'roles/warm-up.ts'], { env });
  const startedMs = Date.now();
  const child: ChildProcess = spawn(process.execPath, [...flags, 'roles/main.ts', 'operator'], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let log = '';
  const { promise: port, resolve, reject } = Promise.withResolvers<number>();
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    log += text;
    const found = /"port":(\d+)/.exec(log)?.[1];
    if (found !== undefined) resolve(Number(found));
    for (const line of text.split('\n')) if (/"level":[456]0/.test(line)) say(line.slice(0, 500));
  });
  child.once('exit', (code) => reject(new Error(`the operator ended with ${code}: ${log.slice(-2_000)}`)));
  const url = `http://127.0.0.1:${await port}`;
  return {
    startedMs,
    largestMb: async () => Number(/VmHWM:\s+(\d+) kB/.exec(await readFile(`/proc/${child.pid}/status`, 'utf8'))?.[1]) / 1_024,
    loopLagMs: async () => {
      const text = await (await fetch(`${url}/metrics`)).text();
      return Number(/^nodejs_eventloop_lag_p99_seconds (\S+)$/m.exec(text)?.[1]) * 1_000;
    },
    stop: async () => {
      child.kill('SIGTERM');
      // Node itself may stand still for ever while it ends, when a thread of its compiler waits for the collector (nodejs/node#54918). A kubelet kills it then.
      const late = setTimeout(() => {
        say('the operator does not end: killed');
        child.kill('SIGKILL');
      }, endsWithinMs);
      await once(child, 'exit');
      clearTimeout(late);
    },
  };
}
