import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { Bench, Figure, Setting } from '../figure.ts';
import { freshDatabase } from '../stage.ts';
import type { Contestant } from './contestant.ts';
import { contestants } from './contestants.ts';
import { contestFigures, type Result } from './figures.ts';
import { graphileWorker } from './graphile.ts';
import { judge, nowUs, type Verdict } from './judge.ts';
import { pgBoss } from './pg-boss.ts';
import { tableCounter } from './table-counter.ts';
import { trunkline } from './trunkline.ts';

const full = { lines: 20, holdsMs: [5, 50], windowMs: 2_000, repeats: 2 } as const;
const scales = { full, large: full, tiny: { lines: 4, holdsMs: [5], windowMs: 300, repeats: 1 } } as const;
/** When nothing is measured, one of each kind shows that they work. */
const tinyOnes: readonly Contestant[] = [trunkline, graphileWorker, pgBoss, tableCounter];

/** Enough jobs that none runs out, even of those that take twice the lines. */
const spare = 2.5;
const program = fileURLToPath(new URL('process.ts', import.meta.url));
const reported = z.object({ kind: z.literal('held'), held: z.array(z.object({ fromUs: z.number(), toUs: z.number() })) });
const goodbyeMs = 5_000;

/**
 * The same jobs on the same PostgreSQL by others: how many per second they start at the limit, how long a free line lies idle, and how often they
 * break the limit. Everybody in turn, and again; the middle one of each counts, and every violation.
 */
export const sideBySide: Bench = async (setting) => {
  const { holdsMs } = scales[setting.scale];
  const figures: Figure[] = [];
  for (const holdMs of holdsMs) figures.push(...(await contest(setting, holdMs)));
  return figures;
};

async function contest(setting: Setting, holdMs: number): Promise<readonly Figure[]> {
  const { repeats, lines } = scales[setting.scale];
  const competing = setting.scale === 'tiny' ? tinyOnes : contestants;
  const results: readonly (Result & { readonly verdicts: Verdict[] })[] = competing.map((contestant) => ({ contestant, verdicts: [] }));
  for (let repeat = 0; repeat < repeats; repeat += 1) {
    for (const { contestant, verdicts } of results) verdicts.push(await run(setting, contestant, holdMs));
  }
  return contestFigures(results, { lines, holdMs });
}

async function run(setting: Setting, contestant: Contestant, holdMs: number): Promise<Verdict> {
  const { lines, windowMs } = scales[setting.scale];
  await using resources = new AsyncDisposableStack();
  const url = await freshDatabase(setting, resources);
  const warmUpMs = setting.scale === 'tiny' ? windowMs : contestant.warmUpMs;
  const jobs = Math.ceil(((lines * (warmUpMs + windowMs)) / holdMs) * spare);
  await contestant.prepare({ url, lines }, jobs);
  const children: ChildProcess[] = [];
  // One after the other: the first may have to do what only one can do.
  for (let index = 0; index < contestant.processes; index += 1) {
    children.push(await startProcess({ name: contestant.name, url, lines, index, holdMs }, resources));
  }
  await sleep(warmUpMs);
  const fromUs = nowUs();
  await sleep(windowMs);
  const toUs = nowUs();
  const held = (await Promise.all(children.map(stopProcess))).flat();
  const verdict = judge(held, lines, { fromUs, toUs });
  if (verdict.perSecond === 0) throw new Error(`${contestant.name} ran nothing`);
  return verdict;
}

async function startProcess(work: object, resources: AsyncDisposableStack): Promise<ChildProcess> {
  const child = fork(program, [JSON.stringify(work)], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: { ...process.env, TRUNKLINE_LOG_LEVEL: 'warn' },
  });
  const onExit = () => void child.kill('SIGKILL');
  process.once('exit', onExit);
  resources.defer(async () => {
    process.off('exit', onExit);
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    const late = setTimeout(onExit, goodbyeMs);
    await gone;
    clearTimeout(late);
  });
  const ended = once(child, 'exit').then(() => Promise.reject(new Error(`a process ended before it worked: ${JSON.stringify(work)}`)));
  await Promise.race([once(child, 'message'), ended]);
  return child;
}

async function stopProcess(child: ChildProcess) {
  const answer = once(child, 'message');
  child.send('stop');
  const [message] = await answer;
  return reported.parse(message).held;
}
