import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { type Bench, type Figure, median, type Setting } from '../figure.ts';
import { freshDatabase } from '../stage.ts';
import type { Contestant } from './contestant.ts';
import { contestants } from './contestants.ts';
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

type Result = { readonly contestant: Contestant; readonly verdicts: Verdict[] };

async function contest(setting: Setting, holdMs: number): Promise<readonly Figure[]> {
  const { repeats, lines } = scales[setting.scale];
  const competing = setting.scale === 'tiny' ? tinyOnes : contestants;
  const results: readonly Result[] = competing.map((contestant) => ({ contestant, verdicts: [] }));
  for (let repeat = 0; repeat < repeats; repeat += 1) {
    for (const { contestant, verdicts } of results) verdicts.push(await run(setting, contestant, holdMs));
  }
  const ours = median(results[0]?.verdicts.map(({ perSecond }) => perSecond) ?? []);
  return results.flatMap((result) => figuresOf(result, { lines, holdMs, ours }));
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
  ended.catch(() => undefined);
  return child;
}

async function stopProcess(child: ChildProcess) {
  const answer = once(child, 'message');
  child.send('stop');
  const [message] = await answer;
  return reported.parse(message).held;
}

type Contest = { readonly lines: number; readonly holdMs: number; readonly ours: number };

function figuresOf({ contestant, verdicts }: Result, { lines, holdMs, ours }: Contest): readonly Figure[] {
  const perSecond = median(verdicts.map((verdict) => verdict.perSecond));
  const violations = verdicts.reduce((sum, verdict) => sum + verdict.violations, 0);
  const peak = Math.max(...verdicts.map((verdict) => verdict.peak));
  const idle = verdicts.flatMap(({ idleMs }) => idleMs ?? []);
  const jobs = `${contestant.name}, ${holdMs} ms`;
  const at = `${holdMs} ms`;
  const self = perSecond === ours;
  const keeps = violations === 0;
  return [
    {
      name: `jobs per second: ${jobs}`,
      definition: `jobs that hold one of ${lines} lines for ${holdMs} ms, started per second with an endless queue. ${contestant.description}`,
      unit: '/s',
      value: perSecond,
      goal: undefined,
      anchor: self
        ? { what: `what ${lines} lines allow that are never idle`, value: lines / (holdMs / 1_000) }
        : { what: 'Trunkline in the same run', value: ours },
      point: { plot: 'Jobs per second by how long a job holds its line', axis: 'held', line: contestant.name, at },
    },
    {
      name: `over the limit: ${jobs}`,
      definition: `starts that found all ${lines} lines taken, in all runs together; at the most ${peak} were in use at once. ${contestant.description}`,
      unit: '',
      value: violations,
      ...(self ? { goal: { atMost: 0 } } : { goal: undefined }),
      anchor: undefined,
      point: { plot: 'Starts over the limit', axis: 'held', line: contestant.name, at },
    },
    ...(keeps && idle.length > 0
      ? ([50, 99] as const).map(
          (percent): Figure => ({
            name: `line idle p${percent}: ${jobs}`,
            definition: `from the end of a job to the start of the next on its line, with work always waiting. ${contestant.description}`,
            unit: 'ms',
            value: median(idle.map((each) => (percent === 50 ? each.p50 : each.p99))),
            goal: undefined,
            anchor: undefined,
            ...(percent === 50 ? { point: { plot: 'Time that a free line lies idle, p50', axis: 'held', line: contestant.name, at } } : {}),
          }),
        )
      : []),
  ];
}
