import { Command } from 'commander';
import { ownImage } from '../../charts/image.ts';
import { KubectlFailed, openCluster } from './cluster.ts';
import { loadImage } from './image.ts';
import type { Run } from './run.ts';
import { killOperator, killWorker, rollWorkers, takeApiServerAway } from './steps/hurt.ts';
import { applySample, expectBare, install, letCallsFlow, NotBare } from './steps/install.ts';
import { callAgain, deletePool, judgeRun, lastWords, uninstall } from './steps/leave.ts';
import { drainAfterBacklog, emptyQueue, growWithBacklog } from './steps/scale.ts';
import { Timeline } from './timeline.ts';

/**
 * `npm run e2e`: the installation on real pods of the cluster that KUBECONFIG names, from apply to uninstall, with calls under way and things going wrong
 * (docs/e2e.md). Exit status 0: every promise held; 1: one did not; 2: it could not be tried.
 */

type Flags = {
  readonly image: string;
  readonly build?: true;
  readonly restartApiServer?: string;
  readonly keep?: true;
  readonly json?: true;
};

const flags = new Command('e2e')
  .description('install on real pods of the cluster that KUBECONFIG names, take calls, hurt it, and take it away again')
  .option('--image <image>', 'what the pods run; the cluster has it, or can pull it', ownImage())
  .option('--build', 'build the image and load it into the cluster before')
  .option(
    '--restart-api-server <command>',
    'a shell command that takes the API server of this cluster away and has it started again, which is then checked; without it that step is skipped',
  )
  .option('--keep', 'leave everything as it is at the end')
  .option('--json', 'one JSON object on stdout')
  .addHelpText(
    'after',
    '\nExit status: 0, every promise held; 1, one did not; 2, nothing could be tried. docs/e2e.md says what such a command may look like.',
  )
  .parse()
  .opts<Flags>();

const say = (line: string) => void process.stderr.write(`${line}\n`);
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    say(`${signal}: taking everything away`);
    stop.abort(new Error(`${signal} received`));
  });
}

const now = () => performance.timeOrigin + performance.now();
const timeline = new Timeline(now, say);
const run: Run = { cluster: openCluster(stop.signal), timeline, image: flags.image, outage: flags.restartApiServer, kills: [], now };

type Ending = 'done' | 'failed' | 'impossible';

async function attempt(): Promise<Ending> {
  try {
    await run.cluster.kubectl(['version']);
    await expectBare(run);
    if (flags.build) await loadImage(flags.image, say);
  } catch (error) {
    say(`cannot begin: ${textOf(error)}`);
    return error instanceof KubectlFailed || error instanceof NotBare || flags.build ? 'impossible' : 'failed';
  }
  try {
    for (const step of steps) await step(run);
    return 'done';
  } catch (error) {
    timeline.expectNone('all steps came to their end', [textOf(error)]);
    if (!stop.signal.aborted) say(await lastWords(run).catch(textOf));
    return 'failed';
  }
}

const steps: readonly ((run: Run) => Promise<void>)[] = [
  install,
  applySample,
  letCallsFlow,
  rollWorkers,
  killWorker,
  killOperator,
  takeApiServerAway,
  emptyQueue,
  growWithBacklog,
  drainAfterBacklog,
  callAgain,
  judgeRun,
  deletePool,
];

/** Also after an interrupt: by a cluster that is not interrupted. */
async function cleanUp(): Promise<void> {
  if (flags.keep) return;
  const cluster = openCluster(new AbortController().signal);
  try {
    // The run may have ended while it was away.
    await cluster.until('the API server answers', 120_000, () => cluster.kubectl(['get', '--raw', '/readyz']));
    await uninstall({ ...run, cluster });
  } catch (error) {
    timeline.expectNone('everything was taken away', [textOf(error)]);
  }
}

function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message;
}

const ending = await attempt();
if (ending !== 'impossible') await cleanUp();
const good = ending === 'done' && timeline.isKept();
const skipped = timeline.skipped();
for (const what of skipped) say(`SKIPPED, so this run says nothing about it: ${what}`);
const held = skipped.length === 0 ? 'every promise held' : 'every promise that was tried held';
say(ending === 'impossible' ? 'nothing was tried' : good ? held : 'not every promise held');
if (flags.json)
  process.stdout.write(`${JSON.stringify({ image: flags.image, good, skipped, timeline: timeline.entries() }, undefined, 2)}\n`);
process.exitCode = good ? 0 : ending === 'impossible' ? 2 : 1;
