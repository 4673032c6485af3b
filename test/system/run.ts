import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { type Command, startCommand } from '../support/command.ts';

/** `trunkline up` as a user starts it: the real command, real workers, real PostgreSQL, the strict simulator as the judge. */

const at = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** The last line of `up --json`, as far as tests look at it. */
const summary = z.object({
  accepted: z.number(),
  ended: z.record(z.string(), z.number()),
  queued: z.number(),
  live: z.number(),
  lost: z.number(),
  classes: z.record(z.string(), z.object({ admitted: z.number(), ended: z.number(), peak: z.number() })),
  subscriptions: z.record(
    z.string(),
    z.object({ limit: z.number(), peak: z.number(), overLimitRefusals: z.number(), utilizationWhileBacklogged: z.number().nullable() }),
  ),
  callsPerSecondPeak: z.number(),
  duplicateDials: z.number(),
  inboundArrivals: z.number(),
  inboundRefusedAtProvider: z.number(),
  inboundLateAnswers: z.number(),
  requestRateRefusals: z.number(),
  violations: z.array(z.string()),
});
export type Summary = z.infer<typeof summary>;

export type Up = Command & { readonly summary: () => Promise<Summary> };

export function startUp(state: string, options: { readonly seconds: number; readonly scenario?: string; readonly pool?: string }): Up {
  const simulate = options.scenario === undefined ? '--simulate' : `--simulate=${at(`simulator/scenarios/${options.scenario}.yaml`)}`;
  const pool = at(options.pool ?? 'crds/samples/trial.yaml');
  const args = [
    at('cli/main.ts'),
    'up',
    pool,
    simulate,
    '--speed',
    '20',
    '--for',
    `${options.seconds}s`,
    '--state',
    state,
    '--port',
    '0',
    '--json',
  ];
  const command = startCommand(args, { TRUNKLINE_LOG_LEVEL: 'trace' });
  return {
    ...command,
    summary: async () => {
      await command.ended;
      const line = command.out().trim().split('\n').at(-1) ?? '';
      if (!line.startsWith('{')) throw new Error(`up said no summary: ${command.err().slice(-2_000)}`);
      return summary.parse(JSON.parse(line));
    },
  };
}

/** Waits until calls are made. */
export async function untilCalling(up: Up): Promise<void> {
  while (!/slots [1-9]/.test(up.err())) {
    if (up.child.exitCode !== null) throw new Error(`it ended before a call was made: ${up.err().slice(-2_000)}`);
    await sleep(200);
  }
}

/** The metrics of one of the workers. */
export async function metricsOf(state: string): Promise<string> {
  const url = (await readFile(join(state, 'url'), 'utf8')).trim();
  return (await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(20_000) })).text();
}

/** Ids of all processes that a run started, the server's backends included. */
export async function processesOf(up: Up, state: string): Promise<readonly number[]> {
  const pids: number[] = [];
  const { stdout } = spawn('ps', ['-eo', 'pid=,ppid='], { stdio: ['ignore', 'pipe', 'ignore'] });
  let text = '';
  for await (const chunk of stdout.setEncoding('utf8')) text += chunk;
  const parents = new Map(
    text
      .trim()
      .split('\n')
      .map((line) => line.trim().split(/\s+/).map(Number))
      .map(([pid = 0, ppid = 0]) => [pid, ppid]),
  );
  const roots = new Set([up.child.pid ?? -1, Number((await readFile(join(state, 'postgres/data/postmaster.pid'), 'utf8')).split('\n')[0])]);
  for (let grown = true; grown; ) {
    grown = false;
    for (const [pid, ppid] of parents) {
      if (!roots.has(pid) && roots.has(ppid)) {
        roots.add(pid);
        grown = true;
      }
    }
  }
  pids.push(...roots);
  return pids.filter((pid) => pid > 1);
}
