import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Report } from '../../simulator/contract.ts';
import { ageDoubts, ageGuard } from './age.ts';
import { checkCalls } from './checks/calls.ts';
import { crowdedOut } from './checks/crowded-out.ts';
import { checkLedger, checkLost } from './checks/ledger.ts';
import { checkReport } from './checks/provider.ts';
import { checkTeam, readEnded } from './checks/team.ts';
import { acknowledgedAndForgotten, isForgotten, readTruth } from './checks/truth.ts';
import { finish } from './finish.ts';
import { healAll } from './heal.ts';
import { checkAroundLoss, checkDialsAlone, checkHistory, checkWithoutClock } from './history/check.ts';
import type { History, Refusal } from './history/history.ts';
import { readHistory } from './history/read.ts';
import { readRefusals } from './history/read-truth.ts';
import { type Draw, type DrawnFault, healedByMs, tellDraw } from './seed.ts';
import { type HandedIn, handIn } from './team/hand-in.ts';
import type { Violation } from './violation.ts';
import { pause, until } from './waiting.ts';
import { startWorld, type World } from './world.ts';

/** What one seed showed. */
export type Verdict = {
  readonly seed: number;
  readonly seconds: number;
  readonly faults: readonly string[];
  readonly violations: readonly Violation[];
  /** Faults that this machine cannot do, with what it lacks. */
  readonly skipped: readonly string[];
  readonly dials: number;
  /** From the end of the last fault to the next admission; null when nothing waited. */
  readonly flowsAgainMs: number | null;
  /** Where the seed's state lies. */
  readonly directory: string;
};

/** Longest that a seed may take, whatever happens. */
const seedWithinMs = 90_000;

/** With all parts whole, something that waits is admitted within this. */
const flowsWithinMs = 12_000;

/** Runs one seed in a directory of its own and judges it. */
export async function runSeed(draw: Draw, directory: string, say: (line: string) => void): Promise<Verdict> {
  const startedMs = performance.now();
  const signal = AbortSignal.timeout(seedWithinMs);
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, 'draw.txt'), `${tellDraw(draw).join('\n')}\n`);
  const { doable, skipped } = await sortOut(draw.faults);
  for (const line of skipped) say(`SKIPPED ${line}`);
  const judged = await play({ ...draw, faults: doable }, directory, signal).catch(unjudged);
  const verdict: Verdict = {
    seed: draw.seed,
    seconds: Math.round((performance.now() - startedMs) / 100) / 10,
    faults: doable.map(({ family, fault }) => `${family.name}: ${fault.told}`),
    skipped,
    directory,
    ...judged,
  };
  await writeFile(join(directory, 'verdict.json'), `${JSON.stringify(verdict, undefined, 2)}\n`);
  return verdict;
}

async function sortOut(
  faults: readonly DrawnFault[],
): Promise<{ readonly doable: readonly DrawnFault[]; readonly skipped: readonly string[] }> {
  const doable: DrawnFault[] = [];
  const skipped: string[] = [];
  for (const drawn of faults) {
    const lacks = await drawn.family.lacks();
    if (lacks === undefined) doable.push(drawn);
    else skipped.push(`${drawn.family.name}: ${lacks}`);
  }
  return { doable, skipped };
}

type Judged = Pick<Verdict, 'violations' | 'dials' | 'flowsAgainMs'>;

function unjudged(error: unknown): Judged {
  const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { violations: [{ invariant: 'Harness', what, ids: [] }], dials: 0, flowsAgainMs: null };
}

async function play(draw: Draw, directory: string, signal: AbortSignal): Promise<Judged> {
  await using resources = new AsyncDisposableStack();
  const world = await startWorld(draw, directory, resources);
  await world.simulator.startTraffic(world.url, world.token);
  const trafficEnds = new AbortController();
  const handingIn = handIn(draw.team.wishes, world, AbortSignal.any([signal, trafficEnds.signal]));
  const startedMs = performance.now();
  await inflictAll(world, signal);
  await healAll(world);
  await ageGuard(world, signal);
  const flow = await watchFlow(world, signal);
  await pause(draw.trafficMs - (performance.now() - startedMs), signal);
  trafficEnds.abort();
  const handedIn = await handingIn;
  await finish(world, signal);
  const report = await world.simulator.report();
  // A pool that did nothing broke nothing, and shows nothing.
  const idle: readonly Violation[] = report.dials === 0 ? [{ invariant: 'Flow', what: 'nobody was dialled at all', ids: [] }] : [];
  return {
    violations: [...idle, ...flow.violations, ...(await judge(world, report, handedIn))],
    dials: report.dials,
    flowsAgainMs: flow.againMs,
  };
}

async function inflictAll(world: World, signal: AbortSignal): Promise<void> {
  const over = AbortSignal.any([signal, AbortSignal.timeout(healedByMs)]);
  await Promise.all(
    world.draw.faults.map(async ({ family, fault }) => {
      await pause(fault.atMs, over);
      world.note(`${family.name} begins: ${fault.told}`);
      await fault.inflict(world, over);
      world.note(`${family.name} is over`);
    }),
  );
}

/** Something that waits must be admitted soon after the last fault, unless there is a good reason to wait on. */
async function watchFlow(
  world: World,
  signal: AbortSignal,
): Promise<{ readonly againMs: number | null; readonly violations: readonly Violation[] }> {
  const { database, poolId, draw } = world;
  const healedMs = performance.now();
  const look = async (): Promise<{ readonly admitted: number; readonly waiting: boolean } | undefined> => {
    const { rows } = await database.query<{ admitted: number; waiting: boolean }>(
      `select (select count(*) from attempt where pool_id = $1 and seq is not null)::int as admitted,
              exists (select from session where pool_id = $1 and state = 'queued' and ready) as waiting`,
      [poolId],
    );
    return rows[0];
  };
  const before = await look();
  // The guard's time has been let pass, and so has that of doubts which are older than it: until they are settled, calls of theirs keep it up.
  const isGuarded = world.forgotten.length > 0;
  const seen = await until(
    async () => {
      if (isGuarded) await ageDoubts(world, 0);
      const now = await look();
      if ((now?.admitted ?? 0) > (before?.admitted ?? 0)) return 'admitted';
      return now?.waiting === false ? 'nobody-waits' : undefined;
    },
    { ms: flowsWithinMs, everyMs: isGuarded ? 250 : 50, signal },
  );
  if (seen !== undefined) return { againMs: seen === 'admitted' ? Math.round(performance.now() - healedMs) : null, violations: [] };
  const mayWait = draw.faults.some(({ fault }) => fault.flow === 'may-wait');
  const what = `nothing was admitted within ${flowsWithinMs / 1_000} s after everything was healed, though sessions wait`;
  return { againMs: null, violations: mayWait ? [] : [{ invariant: 'Flow', what, ids: [] }] };
}

/** Three sources: the provider's truth, the ledger, and the history that both and the workers' logs make together. */
async function judge(world: World, report: Report, handedIn: readonly HandedIn[]): Promise<readonly Violation[]> {
  const { database, poolId, draw, directory, simulator, team, serverClock, forgotten } = world;
  const truth = await readTruth(directory);
  const history = await readHistoryOf(world, handedIn);
  const ended = draw.spec.results === undefined ? [] : await readEnded(database, poolId);
  const { events, results } = team.heard;
  world.note(
    `${handedIn.length} sessions were handed in one by one; the team heard ${events.size} events and took ${results.size} results`,
  );
  return [
    ...checkReport(draw, report, await crowdedOutIn(world, history)),
    ...(await checkLedger(database, poolId)),
    ...(await checkLost(database, poolId, simulator, { acknowledged: acknowledgedAndForgotten(truth, forgotten) })),
    ...(await checkCalls(database, poolId, truth, { forgotten, clocks: serverClock === undefined ? 'one' : 'several' })),
    ...checkTeam(team.heard, ended, forgotten.length === 0 ? 'whole' : 'lost a part'),
    ...checkHistoryOf(world, history),
  ];
}

/** What was on its way to a standby when its wire fell silent, or was found again soon after it had become the primary. */
const aroundLossMs = 1_000;

async function readHistoryOf(
  { draw, directory, logs, server, ownWire, forgotten }: World,
  handedIn: readonly HandedIn[],
): Promise<History> {
  const found = await readHistory({
    ledgerUrl: server.urlAt(ownWire.port),
    pool: draw.pool.name,
    simulatorDirectory: join(directory, 'simulator'),
    logsDirectory: logs,
    limitsTold: draw.scenario.provider.limitsInAnswers ? 'in-answers' : 'never',
  });
  const kept = handedIn.filter(({ atMs }) => !isForgotten(forgotten, atMs)).map(({ id }) => id);
  return { ...found, acknowledged: [...found.acknowledged, ...kept] };
}

/** Instants of a ledger whose clock was set say nothing of who came first. */
async function crowdedOutIn({ directory, serverClock }: World, { attempts }: History): Promise<readonly Refusal[]> {
  return serverClock === undefined ? crowdedOut(await readRefusals(join(directory, 'simulator')), attempts) : [];
}

/** Where a ledger contradicts the others, because it lost a part or its clock was set, what it says is judged as far as it goes. */
function checkHistoryOf({ serverClock, forgotten }: World, history: History): readonly Violation[] {
  const [lost] = forgotten;
  if (lost === undefined) return serverClock === undefined ? checkHistory(history) : checkWithoutClock(history);
  if (serverClock !== undefined) return checkDialsAlone(history);
  return checkAroundLoss(history, { fromMs: lost.fromMs - aroundLossMs, toMs: lost.toMs + aroundLossMs });
}
