import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { EnvironmentInvalid } from '../crds/variables.ts';
import { type OperatorEnvironment, readEnvironment } from './environment.ts';
import { type Phase, serveHealth } from './health.ts';
import { type Reign, reign } from './lead.ts';
import { openLedgerDoor } from './ledger.ts';
import { openLog } from './log.ts';
import { countRequests, createMetrics } from './metrics.ts';
import { plannerOf } from './pool/planner.ts';
import { type Access, podAccess } from './runtime/access.ts';
import { openApi } from './runtime/api.ts';
import { processClock } from './runtime/clock.ts';
import { campaign, type Leadership } from './runtime/election.ts';

/**
 * The operator process. It waits until it leads, works until it is told to stop or has lost, and ends: SIGTERM gives the Lease back once the last work has
 * ended, so that the next one takes over at once; a lost Lease ends the process on the spot, as another one acts already.
 */

const { environment, access } = await toldOrEnd();
const log = openLog({ operator: environment.identity });
const stopWithinMs = 15_000;
const wallClock = () => Date.now();

process.on('unhandledRejection', (error) => {
  log.fatal({ err: error }, 'ending after an unexpected failure');
  process.exit(1);
});

const metrics = createMetrics();
const api = countRequests(openApi(access, processClock), metrics);
const door = openLedgerDoor(environment.ledger, (error) => log.debug({ err: error }, 'a connection to the ledger broke'));
const stop = new AbortController();
let phase: () => Phase = () => ({ is: 'candidate' });
const health = await serveHealth(environment.healthPort, metrics, () => phase());
log.info({ port: health.port, namespaces: environment.scope }, 'standing for leader');

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    log.info('stopping');
    stop.abort(new Error(`${signal} received`));
    setTimeout(() => {
      log.error('work does not end: leaving it, the Lease expires by itself');
      process.exit(1);
    }, stopWithinMs).unref();
  });
}

const leadership = await campaign(
  api,
  {
    namespace: environment.namespace,
    leaseName: 'trunkline-operator',
    identity: environment.identity,
    clock: processClock,
    wallClock,
    random: Math.random,
    onError: (error) => log.warn({ err: error }, 'the Lease'),
  },
  stop.signal,
).catch((error: unknown) => {
  if (stop.signal.aborted) return undefined;
  throw error;
});
if (leadership !== undefined) await govern(leadership);
await door.close();
await health.close();
api.close();
process.exit(0);

/** What is wrong with the environment is a line of the log: it is for whoever wrote the variables, and where in our sources is no help. */
async function toldOrEnd(): Promise<{ readonly environment: OperatorEnvironment; readonly access: Access }> {
  try {
    const told = readEnvironment(process.env, randomBytes(4).toString('hex'));
    const inPod = podAccess(process.env, () => performance.now());
    return { environment: told, access: inPod ?? (await import('./runtime/kubeconfig.ts')).defaultAccess() };
  } catch (error) {
    if (!(error instanceof EnvironmentInvalid)) throw error;
    openLog({ operator: hostname() }).fatal(error.message);
    return process.exit(1);
  }
}

async function govern({ fence, lost, release }: Leadership): Promise<void> {
  lost.addEventListener('abort', () => {
    if (stop.signal.aborted) return;
    log.error({ err: lost.reason }, 'ending at once');
    process.exit(1);
  });
  metrics.leader.set(1);
  const planner = plannerOf(environment.workerImage);
  const world = {
    api,
    door,
    planner,
    scope: environment.scope,
    identity: environment.identity,
    metrics,
    log,
    clock: processClock,
    wallClock,
  };
  const current: Reign = reign({ ...world, random: Math.random }, { fence }, stop.signal);
  const { cluster } = current;
  phase = () => ({
    is: 'leading',
    listed: current.isListed(),
    silentMs: processClock.nowMs() - cluster.heardAtMs(),
    unreadNamespaces: cluster.unread(),
  });
  await current.ended;
  await release();
}
