import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { statefulnessOf } from '../capacity/scaling/compile.ts';
import { durationMs, type ProjectName, poolNameOf } from '../crds/values.ts';
import { openAddress } from '../ledger/address.ts';
import { admittedTo } from '../ledger/attempts/admitted-to.ts';
import { openDatabase } from '../ledger/database.ts';
import { requireMigrated } from '../ledger/migrate.ts';
import { forgetOld } from '../ledger/retention.ts';
import { createWaker } from '../ledger/wake.ts';
import { beatWorker, dropDrainAsk, retireWorker, type WorkerState } from '../ledger/workers.ts';
import { openCallLink } from './call-link.ts';
import { openTroubles } from './credentials.ts';
import { openDeclaredTokens } from './declared-tokens.ts';
import { openDialler } from './dial/dialler.ts';
import { openWarmUp } from './dial/warm-up.ts';
import { openCandidate } from './dispatch/candidate.ts';
import { openDuties } from './duties.ts';
import type { WorkerEnvironment } from './environment.ts';
import { openApplier } from './events/apply.ts';
import { openEndings } from './events/endings.ts';
import { openInboxWorker } from './events/inbox-worker.ts';
import { openInboxWriter } from './events/inbox-writer.ts';
import { openVerified, proofHeaders } from './events/verified.ts';
import { webhookRouter } from './events/webhooks.ts';
import { openHandlerAtHome } from './handler/at-home.ts';
import { followHandler } from './handler/following.ts';
import { openHomes } from './handler/homes.ts';
import { openPeers, peerRouter } from './handler/peers.ts';
import { openHangUp } from './hang-up.ts';
import { listen } from './http.ts';
import { openAnswerer } from './inbound/answerer.ts';
import { openArrivals } from './inbound/arrivals.ts';
import { healthRouter, type Ledger } from './intake/health.ts';
import { intakeRouter } from './intake/router.ts';
import { openLatency } from './latency.ts';
import { openLiveness } from './liveness.ts';
import { createMetrics, messageLabel } from './metrics.ts';
import { openOrgs } from './orgs.ts';
import { openParting } from './parting.ts';
import { openPhases, type Phases } from './phases.ts';
import { watchPolicy } from './policy-watch.ts';
import { openProviders } from './providers.ts';
import { repeat } from './repeat.ts';
import { type FollowingResults, followResults } from './results/following.ts';
import { openSecrets } from './secrets.ts';
import { boundForMs } from './session-bounds.ts';
import { onceTheLedgerAnswers } from './start-with-ledger.ts';
import { openWatcher } from './watch/watcher.ts';

export type RunningWorker = {
  readonly port: number;
  /** Takes no new work, finishes what it holds, hands over leases and lock, and leaves. */
  drain(): Promise<void>;
};

/**
 * `alone`: the address is its own, and a cluster asks there whether it lives and is ready; it is heard of before the ledger is, and answers until the last
 * sender has learnt that it leaves. `supervised`: whoever started it is told when it serves, and sends it nothing before or after.
 */
export type Standing = 'alone' | 'supervised';

/** How often each regular work is done. */
const everyMs = {
  beat: 1_000,
  sweep: 1_000,
  missedAdmissions: 1_000,
  tokens: 5_000,
  orgs: 5_000,
  results: 1_000,
  homes: 5_000,
  forget: 60_000,
  secrets: 5_000,
} as const;

/** Nothing is handed over by other workers any more when this is waited for. */
const closesWithinMs = 1_000;

/** Longest that parting from a ledger takes that does not answer: well within what a cluster leaves a pod beyond the time of its drain. */
const partsWithinMs = 5_000;

/** Longest that a cluster takes to send nothing more to a pod that is not ready: endpoints, proxies and balancers learn it one after the other. */
const sendersLearnWithinMs = 5_000;

/**
 * Puts a worker together from its parts, and starts it. Every part says itself what it promises; here is only who knows whom.
 * While it waits for the ledger to start with, `leave` calls it off.
 */
export async function startWorker(
  environment: WorkerEnvironment,
  log: Logger,
  leave: AbortSignal,
  standing: Standing,
): Promise<RunningWorker> {
  const stop = new AbortController();
  const now = () => performance.now();
  const { name, pool } = environment;
  const metrics = createMetrics();
  let phases: Phases | undefined;
  let ledger: Ledger | undefined;
  const phase = () => phases?.now ?? 'starting';
  const open = () =>
    listen({
      host: environment.host,
      port: environment.port,
      routers: [healthRouter({ ledger: () => ledger, metrics, phase })],
      leaving: () => phase() === 'draining' || phase() === 'drained',
    });
  const opened = standing === 'alone' ? await open() : undefined;

  const ledgerUrl = await onceTheLedgerAnswers(() => openAddress(environment.ledger), log, leave);
  const database = openDatabase(ledgerUrl, {
    applicationName: `trunkline ${name}`,
    maxConnections: 2,
    onError: (error) => log.warn({ err: error }, 'ledger connection lost'),
  });
  await onceTheLedgerAnswers(() => requireMigrated(database), log, leave);
  const inForce = await onceTheLedgerAnswers(() => watchPolicy(database, pool, log), log, leave);
  const { poolId, policy, version, spec, formerProjects } = inForce;
  const secrets = openSecrets(environment.secrets);
  const latency = openLatency(now);
  const waker = createWaker(database, poolId, (error) => log.warn({ err: error }, 'wake-up not sent'));
  const arrivals = openArrivals();
  const stateNow = (): WorkerState => {
    const current = phase();
    return current === 'starting' ? 'serving' : current;
  };
  const peers = await openPeers({ ...environment.peer, name, isServing: () => ledger !== undefined, log });
  const livenessOptions = {
    ledgerUrl,
    poolId,
    name,
    address: peers?.address,
    state: stateNow,
    random: Math.random,
    log,
    signal: stop.signal,
  };
  const liveness = await onceTheLedgerAnswers(
    () => openLiveness({ ...livenessOptions, onAdmitted: (attemptIds) => admitted(attemptIds) }),
    log,
    leave,
  );
  // Both change when the ledger was away: parts read them anew each time.
  const owner = () => liveness.workerId;
  const sending = () => liveness.signal;
  const publicUrl = () => environment.publicUrl ?? spec().publicUrl;
  const providers = openProviders({ policy, formerProjects, secrets, metrics, baseUrl: environment.providerUrl });
  const callLink = openCallLink({ publicUrl, secrets, handlerEvents: () => spec().handler !== undefined });
  const endings = openEndings({
    database,
    poolId,
    policy,
    withResults: () => spec().results !== undefined,
    random: Math.random,
    waker,
    observeOutcome: (project, outcome) => metrics.attemptOutcomes.inc({ project, outcome }),
  });
  const observeWait = (direction: string) => (className: string, ms: number) =>
    metrics.waitSeconds.observe({ class: className, direction }, ms / 1_000);
  const orgs = openOrgs({ database, poolId, policy, log });
  await onceTheLedgerAnswers(orgs.refresh, log, leave);
  const dialler = openDialler({
    database,
    poolId,
    pool,
    owner,
    policy,
    providers,
    warmUp: openWarmUp({ providers, wallClock: Date.now, log, signal: stop.signal }),
    endings,
    orgs,
    callLink,
    observeWait: observeWait('Outbound'),
    observeOwn: latency.observe,
    now,
    log,
    signal: sending,
  });
  const applier = openApplier({ database, poolId, pool, policy, policyVersion: version, endings, wakeDispatcher: waker.wake, log });
  const inboxWorker = openInboxWorker({ database, poolId, applier, ledgerLost: () => liveness.lost, log });
  const candidate = openCandidate({
    database,
    ledger: environment.ledger,
    poolId,
    pool,
    workerId: owner,
    workerName: name,
    now,
    random: Math.random,
    log,
  });
  const livingProjects = () => [...policy().projects, ...formerProjects()];
  const statefulness = () => statefulnessOf(spec().handler);
  const homes = openHomes({ database, poolId, name, phase: () => (phase() === 'serving' ? 'staying' : 'leaving'), log });
  const handler = openHandlerAtHome({
    handler: followHandler(() => spec().handler, {
      secrets,
      log,
      observe: (type, ms) => metrics.handlerSeconds.observe({ type: messageLabel(type) }, ms / 1_000),
    }),
    homes,
    statefulness,
    proofHeaders: (project) =>
      livingProjects()
        .filter(({ name: own }) => own === project)
        .flatMap(proofHeaders),
    log,
  });
  const answerer = openAnswerer({
    database,
    poolId,
    pool,
    owner,
    policy,
    policyVersion: version,
    arrivals,
    callLink,
    wakeDispatcher: waker.wake,
    dispatcherAwayMs: candidate.awayMs,
    guarded: () => candidate.guarded,
    observeWait: observeWait('Inbound'),
    now,
    log,
  });
  const watcher = openWatcher({
    database,
    poolId,
    providers,
    applier,
    endings,
    boundForMs: (className) => boundForMs(policy().classes.find((candidate) => candidate.name === className)),
    webhooks: () => (publicUrl() === undefined ? 'none' : 'expected'),
    wallClock: Date.now,
    now,
    log,
  });

  const tokens = openDeclaredTokens({ database, poolId, secretRef: () => spec().intake.tokensSecretRef, secrets, log });
  const troubles = openTroubles({ spec, rejected: inForce.rejected, secrets, log });

  /** Admissions come by NOTIFY: callers of ours are told, everything else is dialled. */
  function admitted(attemptIds: readonly string[]): void {
    // Told while the parts are still put together: found again by the look for missed ones.
    if (phase() === 'starting') return;
    const dials = arrivals.admit(attemptIds);
    if (dials.length === 0 || !duties.dialling || sending().aborted) return;
    dialler.dial(dials).catch((error: unknown) => log.error({ err: error }, 'admitted attempts not taken: the dispatcher takes them back'));
  }

  async function forget(signal: AbortSignal): Promise<void> {
    if (!candidate.dispatching) return;
    const { sessions, phoneNumbers } = spec().retention;
    const retention = { sessionsMs: durationMs(sessions), phoneNumbersMs: durationMs(phoneNumbers) };
    while (!signal.aborted && (await forgetOld(database, poolId, retention))) await sleep(100);
  }

  let startedInMs: number | undefined;
  const inFlight = () => dialler.inFlight + arrivals.waiting + homes.held;
  async function beat(): Promise<void> {
    const asked = await beatWorker(database, owner(), {
      state: stateNow(),
      sessions: inFlight(),
      startedInMs: Math.round(startedInMs ?? now()),
      appliedVersion: inForce.version(),
      latencyMs: latency.counts(),
      troubles: troubles.now,
    });
    if (asked !== 'gone') await phases?.hear(asked);
  }

  let results: FollowingResults | undefined;
  const duties = openDuties({
    database,
    poolId,
    owner,
    candidate,
    watcher,
    projects: () => ({ declared: policy().projects.map(nameOf), former: formerProjects().map(nameOf) }),
    chores: [
      { name: 'sweep', everyMs: everyMs.sweep, work: inboxWorker.sweep },
      {
        name: 'missedAdmissions',
        everyMs: everyMs.missedAdmissions,
        work: async () => admitted(await admittedTo(database, poolId, owner())),
      },
      { name: 'tokens', everyMs: everyMs.tokens, work: tokens.refresh },
      { name: 'orgs', everyMs: everyMs.orgs, work: orgs.refresh },
      { name: 'results', everyMs: everyMs.results, work: async () => results?.follow() },
      {
        name: 'homes',
        everyMs: everyMs.homes,
        work: async () => (statefulness() === 'stateful' || homes.held > 0 ? homes.sweep() : undefined),
      },
      { name: 'forget', everyMs: everyMs.forget, work: forget },
    ],
    startResults: () => {
      results = followResults(() => spec().results, { database, poolId, pool: poolNameOf(pool), secrets, log });
      return results;
    },
    inFlight,
    announce: beat,
    now,
    log,
  });
  const drainTimeoutMs = () => durationMs(spec().workers.drain.timeout);
  phases = openPhases({
    handOver: () => duties.handOver(drainTimeoutMs()),
    takeUp: duties.takeUp,
    dropAsk: () => dropDrainAsk(database, owner()),
    clock: now,
    log,
  });
  const { leave: handEverythingOn, serve, unreadyMs } = phases;

  const hangUp = openHangUp({ database, poolId, providers, log, signal: stop.signal });
  const http = opened ?? (await open());
  ledger = { database, poolId };
  const verified = openVerified({ projects: livingProjects, secrets, now, log });
  peers?.serve([peerRouter({ verified, handler, log })]);
  http.serve([
    webhookRouter({
      verified,
      store: openInboxWriter(database, poolId).store,
      work: inboxWorker.begin,
      answerCaller: answerer.answer,
      handler,
      observe: (type, ms) => metrics.webhookSeconds.observe({ type: messageLabel(type) }, ms / 1_000),
      observeOwn: latency.observe,
      now,
      log,
    }),
    intakeRouter({ database, poolId, policy, hasResults: () => spec().results !== undefined, waker, hangUp, metrics, log, now }),
  ]);
  await troubles.look();
  startedInMs = now();
  serve();
  const regularly = (what: 'beat' | 'secrets', work: () => Promise<void>) =>
    repeat(
      { everyMs: everyMs[what], signal: stop.signal, onError: (error) => log.warn({ err: error }, `${what} failed and is tried again`) },
      work,
    );
  const running = Promise.all([regularly('beat', beat), regularly('secrets', troubles.look)]);
  log.info({ port: http.port, owner: owner(), startedInMs: Math.round(startedInMs) }, 'serving');

  /** Requests may come until everybody has learnt that this worker leaves. */
  async function closeDoor(deadlineMs: number): Promise<void> {
    const learntMs = standing === 'alone' ? Math.min(sendersLearnWithinMs, (deadlineMs - now()) / 2) : 0;
    await sleep(Math.max(0, learntMs - unreadyMs()));
    await http.close();
  }

  return {
    port: http.port,
    async drain() {
      const deadlineMs = now() + drainTimeoutMs();
      const handedOn = handEverythingOn();
      const closed = closeDoor(deadlineMs);
      await handedOn;
      await Promise.race([closed, sleep(Math.max(0, deadlineMs - now()), undefined, { ref: false })]);
      stop.abort();
      const parting = openParting({ withinMs: partsWithinMs, now, log });
      await parting.tell('ending what is done regularly', () => running);
      await candidate.close();
      inForce.stop();
      await parting.tell('noting which events were worked on', inboxWorker.sweep);
      await Promise.race([peers?.close(), sleep(closesWithinMs, undefined, { ref: false })]);
      await handler.close();
      providers.close();
      await parting.tell('telling the ledger that this worker is gone', () => retireWorker(database, owner()));
      await parting.tell('closing connections to the ledger', async () => {
        await liveness.close();
        await database.end();
      });
    },
  };
}

const nameOf = ({ name }: { readonly name: ProjectName }) => name;
