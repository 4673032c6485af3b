import { type Figure, median } from '../figure.ts';
import type { Contestant } from './contestant.ts';
import type { Verdict } from './judge.ts';

/** All runs of one contestant. */
export type Result = { readonly contestant: Contestant; readonly verdicts: readonly Verdict[] };

export type Contest = { readonly lines: number; readonly holdMs: number };

/** What is told of everybody: the first is ours, and the others are compared with it. */
export function contestFigures([ours, ...others]: readonly Result[], contest: Contest): readonly Figure[] {
  if (ours === undefined) return [];
  return [
    ...figuresOf(ours, contest, neverIdle(contest), { atMost: 0 }),
    ...others.flatMap((other) => [
      ...figuresOf(other, contest, { what: `${ours.contestant.name} in the same run`, value: perSecond(ours) }, undefined),
      ...comparison(ours, other, contest),
    ]),
  ];
}

const neverIdle = ({ lines, holdMs }: Contest) => ({
  what: `what ${lines} lines allow that are never idle`,
  value: lines / (holdMs / 1_000),
});

const perSecond = ({ verdicts }: Result) => median(verdicts.map((verdict) => verdict.perSecond));
const violations = ({ verdicts }: Result) => verdicts.reduce((sum, verdict) => sum + verdict.violations, 0);

function figuresOf(
  result: Result,
  { lines, holdMs }: Contest,
  anchor: NonNullable<Figure['anchor']>,
  promised: Figure['goal'],
): readonly Figure[] {
  const { name, description } = result.contestant;
  const jobs = `${name}, ${holdMs} ms`;
  const peak = Math.max(...result.verdicts.map((verdict) => verdict.peak));
  const point = (plot: string) => ({ plot, axis: 'held', line: name, at: `${holdMs} ms` });
  return [
    {
      name: `jobs per second: ${jobs}`,
      definition: `jobs that hold one of ${lines} lines for ${holdMs} ms, started per second with an endless queue. ${description}`,
      unit: '/s',
      value: perSecond(result),
      goal: undefined,
      anchor,
      point: point('Jobs per second by how long a job holds its line'),
    },
    {
      name: `over the limit: ${jobs}`,
      definition: `starts that found all ${lines} lines taken, in all runs together; at the most ${peak} were in use at once. ${description}`,
      unit: '',
      value: violations(result),
      goal: promised,
      anchor: undefined,
      point: point('Starts over the limit'),
    },
    ...idleFigures(result, jobs, point('Time that a free line lies idle, p50')),
  ];
}

/** Nothing is told of those who broke the limit: they did not wait for a line. */
function idleFigures(result: Result, jobs: string, point: NonNullable<Figure['point']>): readonly Figure[] {
  const idle = result.verdicts.flatMap(({ idleMs }) => idleMs ?? []);
  if (violations(result) > 0 || idle.length === 0) return [];
  const definition = `from the end of a job to the start of the next on its line, with work always waiting. ${result.contestant.description}`;
  const common = { definition, unit: 'ms', goal: undefined, anchor: undefined };
  return [
    { ...common, name: `line idle p50: ${jobs}`, value: median(idle.map(({ p50 }) => p50)), point },
    { ...common, name: `line idle p99: ${jobs}`, value: median(idle.map(({ p99 }) => p99)) },
  ];
}

/** Speed is compared with those who kept the limit; beside the speed of the others stand their violations. */
function comparison(ours: Result, other: Result, { holdMs }: Contest): readonly Figure[] {
  if (violations(other) > 0) return [];
  return [
    {
      name: `${ours.contestant.name} against ${other.contestant.name}, ${holdMs} ms`,
      definition: `jobs per second of ${ours.contestant.name} by those of ${other.contestant.name}, which kept the limit in this run`,
      unit: '×',
      value: perSecond(ours) / perSecond(other),
      goal: { atLeast: 1 },
      anchor: undefined,
    },
  ];
}
