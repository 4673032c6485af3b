import { exec, execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Command } from 'commander';
import { isSeq, parseAllDocuments } from 'yaml';
import { kubectl, list } from './kubectl.ts';
import { openTimeline, StepFailed, type Timeline } from './timeline.ts';
import {
  cancelCampaign,
  isPoolReady,
  poolStatusNow,
  providerReport,
  readyWorkers,
  stopTraffic,
  systemNamespace,
  trialNamespace,
  workers,
} from './trial.ts';

/**
 * `npm run e2e`: from nothing to nothing on the pods of whatever cluster KUBECONFIG names, which has the image. It installs, lets calls flow, hurts what
 * can be hurt, takes everything away, and prints when what happened.
 */

type Flags = { readonly image?: string; readonly restartApiServer?: string; readonly keep?: true; readonly json?: true };

const synth = new URL('../../charts/main.ts', import.meta.url);
const speed = 20;
const folders = ['00-crd', '10-install', '20-trial', '90-monitoring'] as const;
const exit = { passed: 0, failed: 1, unusable: 2 } as const;

async function run({ image, restartApiServer, keep, json }: Flags): Promise<void> {
  const say = (line: string) => void (json ? process.stderr : process.stdout).write(`${line}\n`);
  const there = (await kubectl(['get', 'namespaces', '-o', 'name'])).split('\n');
  if ([trialNamespace, systemNamespace].some((name) => there.includes(`namespace/${name}`))) {
    say(`this cluster has ${systemNamespace} or ${trialNamespace} already: it is not touched. Take another cluster, or delete them`);
    process.exitCode = exit.unusable;
    return;
  }
  const folder = await mkdtemp(join(tmpdir(), 'trunkline-e2e-'));
  const timeline = openTimeline(say);
  let failure: unknown;
  try {
    const args = [fileURLToPath(synth), '--out', folder, ...(image === undefined ? [] : ['--image', image])];
    await promisify(execFile)(process.execPath, args);
    await adapt(join(folder, '20-trial/trial.yaml'));
    await install(folder, timeline);
    await followLoad(timeline);
    await hurt(timeline, restartApiServer);
    await shrink(timeline);
    await judge(timeline);
    await deletePool(timeline);
  } catch (error) {
    failure = error;
    if (error instanceof StepFailed) say(`FAILED  ${error.message}${error.cause instanceof Error ? `: ${error.cause.message}` : ''}`);
    else throw error;
  } finally {
    if (keep !== true) await cleanUp(folder, timeline);
    await rm(folder, { recursive: true, force: true });
    if (json) process.stdout.write(`${JSON.stringify({ passed: failure === undefined, timeline: timeline.entries })}\n`);
  }
  process.exitCode = failure === undefined ? exit.passed : exit.failed;
}

async function install(folder: string, timeline: Timeline): Promise<void> {
  for (const name of folders) {
    await kubectl(['apply', '--server-side', '-f', join(folder, name)]);
    timeline.note(`applied ${name}`);
    if (name === '20-trial') await timeline.expect('first call placed after the apply', 30, async () => (await providerReport()).dials > 0);
  }
  await timeline.expect('the pool is ready', 30, isPoolReady);
}

/** The trial as a test wants it: the provider's day goes by faster, so that calls begin and end by the second. */
async function adapt(file: string): Promise<void> {
  const documents = parseAllDocuments(await readFile(file, 'utf8'));
  const simulator = documents.find((one) => one.get('kind') === 'Deployment' && one.getIn(['metadata', 'name']) === 'trunkline-simulator');
  const environment = simulator?.getIn(['spec', 'template', 'spec', 'containers', 0, 'env']);
  if (!isSeq(environment)) throw new Error(`${file} has no Deployment of the simulator with an environment`);
  environment.add({ name: 'TRUNKLINE_SPEED', value: String(speed) });
  // Smaller workers, so that the sample's lines want more than two.
  const pool = documents.find((one) => one.get('kind') === 'VoiceCapacityPool');
  pool?.setIn(['spec', 'workers', 'sessionsPerWorker'], 30);
  await writeFile(file, documents.map(String).join(''));
}

/** More is offered than the lines take: the fleet grows to what the lines can use. */
async function followLoad(timeline: Timeline): Promise<void> {
  await timeline.expect('the backlog has made workers', 30, async () => ((await poolStatusNow()).lastDecision?.replicas ?? 0) > 2);
  const { lastDecision } = await poolStatusNow();
  await timeline.expect('they serve', 60, async () => (await readyWorkers()).length === lastDecision?.replicas);
  const decidedMs = Date.parse(lastDecision?.time ?? '');
  const newest = Math.max(...(await workers()).map(({ metadata }) => Date.parse(metadata.creationTimestamp)));
  // A pod's creation is told in full seconds.
  timeline.measured('from the decision to the newest pod', Math.max(0, newest - decidedMs) / 1_000, 2);
}

async function hurt(timeline: Timeline, restartApiServer: string | undefined): Promise<void> {
  await whileCallsFlow(timeline, 'an operator is killed', async () => {
    const [lease] = await list('lease', systemNamespace);
    const holder = String(lease?.spec?.['holderIdentity'] ?? '').split('_')[0] ?? '';
    await kubectl(['delete', 'pod', holder, '-n', systemNamespace, '--grace-period=0', '--force']);
    await timeline.expect('another operator leads', 30, async () => {
      const [now] = await list('lease', systemNamespace);
      const identity = String(now?.spec?.['holderIdentity'] ?? '');
      return identity !== '' && !identity.startsWith(`${holder}_`);
    });
  });
  await whileCallsFlow(timeline, 'a worker is killed', async () => {
    const [victim] = await readyWorkers();
    const before = (await readyWorkers()).length;
    await kubectl(['delete', 'pod', victim?.metadata.name ?? '', '-n', trialNamespace, '--grace-period=0', '--force']);
    await timeline.expect('as many workers serve as before', 60, async () => (await readyWorkers()).length >= before);
  });
  if (restartApiServer === undefined) {
    timeline.note('SKIPPED: the API server is restarted by a command of yours, --restart-api-server');
    return;
  }
  await whileCallsFlow(timeline, 'the API server is restarted', async () => {
    await promisify(exec)(restartApiServer, { timeout: 300_000 });
    await timeline.expect('the API server answers', 120, async () => (await kubectl(['get', '--raw', '/readyz'])) === 'ok');
  });
}

async function whileCallsFlow(timeline: Timeline, what: string, work: () => Promise<void>): Promise<void> {
  const before = await providerReport();
  timeline.note(what);
  await work();
  await timeline.expect('calls are placed as before', 30, async () => (await providerReport()).dials > before.dials + 5);
}

/** The queue is empty: the fleet becomes as small as it may, and each worker hands over before it goes. */
async function shrink(timeline: Timeline): Promise<void> {
  const scaling = { scaling: { minReplicas: 1, behavior: { scaleDown: { stabilizationWindow: '10s', policies: [] } } } };
  await kubectl(['patch', 'vcp', 'trial', '-n', trialNamespace, '--type=merge', '-p', JSON.stringify({ spec: scaling })]);
  await stopTraffic();
  await cancelCampaign();
  timeline.note('traffic ends, and what waits is cancelled');
  await timeline.expect('one worker is left', 300, async () => (await workers()).length === 1 && (await readyWorkers()).length === 1);
  await timeline.expect('no call lives', 300, async () => (await providerReport()).live === 0);
}

/** The provider is the judge. */
async function judge(timeline: Timeline): Promise<void> {
  const { violations, duplicateDials, inboundRefusedAtProvider, inboundLateAnswers, dials, inboundArrivals, subscriptions } =
    await providerReport();
  const refusals = Object.values(subscriptions).reduce((sum, { overLimitRefusals }) => sum + overLimitRefusals, 0);
  timeline.note(
    `${dials} dials, ${inboundArrivals} callers: ${duplicateDials} dialled twice, ${refusals} over the limit, ${inboundRefusedAtProvider} callers refused, ` +
      `${inboundLateAnswers} answered late, ${violations.length} violations`,
  );
  if (violations.length + duplicateDials + inboundRefusedAtProvider + inboundLateAnswers + refusals > 0) {
    throw new StepFailed(`the provider has complaints: ${violations[0] ?? 'see the figures above'}`);
  }
}

async function deletePool(timeline: Timeline): Promise<void> {
  await kubectl(['delete', 'vcp', 'trial', '-n', trialNamespace, '--wait=false']);
  await timeline.expect('the deleted pool is gone with its workers', 60, async () => (await workers()).length === 0);
}

async function cleanUp(folder: string, timeline: Timeline): Promise<void> {
  for (const name of folders.toReversed()) {
    await kubectl(['delete', '--ignore-not-found', '--wait=false', '-f', join(folder, name)]);
  }
  await timeline.expect('everything is gone', 180, async () => {
    const left = (await kubectl(['get', 'namespaces', '-o', 'name'])).split('\n');
    return ![trialNamespace, systemNamespace].some((name) => left.includes(`namespace/${name}`));
  });
}

const help = `
Needs kubectl and a cluster that has the image: kind load docker-image trunkline:0.1.0, or your registry.

Examples:
  npm run e2e
  npm run e2e -- --image registry.example.com/trunkline:1.2.3 --json
  npm run e2e -- --restart-api-server 'docker exec kind-control-plane pkill kube-apiserver'

Exit status: 0 passed, 1 failed, 2 the cluster is in use or cannot be reached.
`;

await new Command('e2e')
  .description('install on the cluster that KUBECONFIG names, let calls flow, hurt it, and take everything away')
  .option('--image <image>', 'what operator and workers run (default: trunkline:<version>)')
  .option('--restart-api-server <command>', 'a shell command that restarts the API server of the cluster')
  .option('--keep', 'leave everything as it is at the end')
  .option('--json', 'the timeline as one JSON object on stdout')
  .addHelpText('after', help)
  .action(run)
  .parseAsync()
  .catch((error: Error) => {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = exit.unusable;
  });
