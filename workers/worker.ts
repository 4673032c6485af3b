import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { durationMs } from '../crds/values.ts';
import { admittedTo } from '../ledger/attempts/admitted-to.ts';
import { openDatabase } from '../ledger/database.ts';
import { forgetOld } from '../ledger/retention.ts';
import { createWaker } from '../ledger/wake.ts';
import { dropWatchLeases, projectsWithCalls, takeWatchLeases } from '../ledger/watch.ts';
import { beatWorker, retireWorker } from '../ledger/workers.ts';
import { openCallLink } from './call-link.ts';
import { openDeclaredTokens } from './declared-tokens.ts';
import { openDialler } from './dial/dialler.ts';
import { openWarmUp } from './dial/warm-up.ts';
import { openCandidate } from './dispatch/candidate.ts';
import type { WorkerEnvironment } from './environment.ts';
import { openApplier } from './events/apply.ts';
import { openEndings } from './events/endings.ts';
import { openInboxWorker } from './events/inbox-worker.ts';
import { openInboxWriter } from './events/inbox-writer.ts';
import { webhookRouter } from './events/webhooks.ts';
import { followHandler } from './handler/following.ts';
import { openHangUp } from './hang-up.ts';
import { listen } from './http.ts';
import { openAnswerer } from './inbound/answerer.ts';
import { openArrivals } from './inbound/arrivals.ts';
import { healthRouter } from './intake/health.ts';
import { intakeRouter } from './intake/router.ts';
import { openLatency } from './latency.ts';
import { openLiveness } from './liveness.ts';
import { createMetrics, messageLabel } from './metrics.ts';
import { openOrgs } from './orgs.ts';
import { watchPolicy } from './policy-watch.ts';
import { openProviders } from './providers.ts';
import { repeat } from './repeat.ts';
import { followResults } from './results/following.ts';
import { openSecrets } from './secrets.ts';
import { boundForMs } from './session-bounds.ts';
import { onceTheLedgerAnswers } from './start-with-ledger.ts';
import { openWatcher } from './watch/watcher.ts';

export type RunningWorker = {
  readonly port: number;
  /** Takes no new work, finishes what it holds, hands over leases and lock, and leaves. */
  drain(): Promise<void>;
};

/** How often each regular work is done. */
const everyMs = {
  beat: 1_000,
  watch: 1_000,
  sweep: 1_000,
  missedAdmissions: 1_000,
  tokens: 5_000,
  orgs: 5_000,
  results: 1_000,
  forget: 60_000,
} as const;

/** Longest that a dispatcher takes to see that a worker drains. */
const notNoticedMs = 800;

/**
 * Puts a worker together from its parts, and starts it. Every part says itself what it promises; here is only who knows whom.
 * While it waits for the ledger to start with, `leave` calls it off.
 */
export async function startWorker(environment: WorkerEnvironment, log: Logger, leave: AbortSignal): Promise<RunningWorker> {
  const stop = new AbortController();
  const now = () => performance.now();
  const name = environment.TRUNKLINE_WORKER_NAME;
  const ledgerUrl = environment.TRUNKLINE_LEDGER_URL;
  let phase: 'starting' | 'serving' | 'draining' = 'starting';

  const database = openDatabase(ledgerUrl, {
    applicationName: `trunkline ${name}`,
    maxConnections: 2,
    onError: (error) => log.warn({ err: error }, 'ledger connection lost'),
  });
  const inForce = await onceTheLedgerAnswers(() => watchPolicy(database, environment.TRUNKLINE_POOL, log), log, leave);
  const { poolId, policy, spec, formerProjects } = inForce;
  const secrets = openSecrets(environment.TRUNKLINE_SECRETS);
  const metrics = createMetrics();
  const latency = openLatency(now);
  const waker = createWaker(database, poolId, (error) => log.warn({ err: error }, 'wake-up not sent'));
  const arrivals = openArrivals();
  const livenessOptions = { ledgerUrl, poolId, name, random: Math.random, log, signal: stop.signal };
  const liveness = await onceTheLedgerAnswers(
    () => openLiveness({ ...livenessOptions, onAdmitted: (attemptIds) => admitted(attemptIds) }),
    log,
    leave,
  );
  // Both change when the ledger was away: parts read them anew each time.
  const owner = () => liveness.workerId;
  const sending = () => liveness.signal;
  const publicUrl = () => environment.TRUNKLINE_PUBLIC_URL ?? spec().publicUrl;
  const providers = openProviders({ policy, formerProjects, secrets, metrics, baseUrl: environment.TRUNKLINE_PROVIDER_URL });
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
  const applier = openApplier({ database, poolId, policy, endings, wakeDispatcher: waker.wake, log });
  const inboxWorker = openInboxWorker({ database, poolId, applier, ledgerLost: () => liveness.lost, log });
  const candidate = openCandidate({
    database,
    ledgerUrl,
    poolId,
    pool: environment.TRUNKLINE_POOL,
    workerId: owner,
    workerName: name,
    now,
    random: Math.random,
    log,
  });
  const handler = followHandler(() => spec().handler, {
    secrets,
    log,
    observe: (type, ms) => metrics.handlerSeconds.observe({ type: messageLabel(type) }, ms / 1_000),
  });
  const answerer = openAnswerer({
    database,
    poolId,
    owner,
    policy,
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

  let claims = true;
  const tokens = openDeclaredTokens({ database, poolId, secretRef: () => spec().intake.tokensSecretRef, secrets, log });

  /** Admissions come by NOTIFY: callers of ours are told, everything else is dialled. */
  function admitted(attemptIds: readonly string[]): void {
    // Told while the parts are still put together: found again by the look for missed ones.
    if (phase === 'starting') return;
    const dials = arrivals.admit(attemptIds);
    if (dials.length === 0 || !claims || sending().aborted) return;
    dialler.dial(dials).catch((error: unknown) => log.error({ err: error }, 'admitted attempts not taken: the dispatcher takes them back'));
  }

  // Looks may outlast their lease when the provider is slow. Leases are renewed meanwhile: a second watcher would spend the same requests again.
  const looks = new Map<string, Promise<void>>();
  async function watch(): Promise<void> {
    const busy = new Set(await projectsWithCalls(database, poolId));
    const former = formerProjects().filter((project) => busy.has(project.name));
    const projects = [...policy().projects, ...former].map((project) => project.name);
    const leases = await takeWatchLeases(database, poolId, owner(), projects, projects.length);
    for (const lease of leases) {
      if (looks.has(lease.project)) continue;
      const look = watcher
        .look(lease, stop.signal)
        .catch((error: unknown) => log.warn({ err: error, project: lease.project }, 'calls not looked at: tried again'))
        .finally(() => looks.delete(lease.project));
      looks.set(lease.project, look);
    }
  }

  async function forget(): Promise<void> {
    if (!candidate.dispatching) return;
    const { sessions, phoneNumbers } = spec().retention;
    const retention = { sessionsMs: durationMs(sessions), phoneNumbersMs: durationMs(phoneNumbers) };
    while (!stop.signal.aborted && (await forgetOld(database, poolId, retention))) await sleep(100);
  }

  const hangUp = openHangUp({ database, poolId, providers, log, signal: stop.signal });
  const regularly = (what: keyof typeof everyMs, work: () => Promise<void>) =>
    repeat(
      { everyMs: everyMs[what], signal: stop.signal, onError: (error) => log.warn({ err: error }, `${what} failed and is tried again`) },
      work,
    );

  const http = await listen({
    host: environment.TRUNKLINE_HOST,
    port: environment.TRUNKLINE_PORT,
    routers: [
      healthRouter({ database, poolId, metrics, phase: () => phase }),
      webhookRouter({
        projects: () => [...policy().projects, ...formerProjects()],
        secrets,
        store: openInboxWriter(database, poolId).store,
        work: inboxWorker.begin,
        answerCaller: answerer.answer,
        handler,
        observe: (type, ms) => metrics.webhookSeconds.observe({ type: messageLabel(type) }, ms / 1_000),
        observeOwn: latency.observe,
        now,
        log,
      }),
      intakeRouter({
        database,
        poolId,
        policy,
        hasResults: () => spec().results !== undefined,
        phase: () => phase,
        waker,
        hangUp,
        metrics,
        log,
        now,
      }),
    ],
  });
  const results = followResults(() => spec().results, { database, poolId, pool: environment.TRUNKLINE_POOL, secrets, log });
  phase = 'serving';
  const running = Promise.all([
    regularly('beat', () => beatWorker(database, owner(), phase === 'draining' ? 'draining' : 'serving')),
    regularly('watch', watch),
    regularly('sweep', inboxWorker.sweep),
    regularly('missedAdmissions', async () => admitted(await admittedTo(database, poolId, owner()))),
    regularly('tokens', tokens.refresh),
    regularly('orgs', orgs.refresh),
    regularly('results', async () => results.follow()),
    regularly('forget', forget),
  ]);
  log.info({ port: http.port, owner: owner() }, 'serving');

  return {
    port: http.port,
    async drain() {
      phase = 'draining';
      log.info('draining');
      await beatWorker(database, owner(), 'draining');
      await candidate.withdraw();
      const deadlineMs = now() + durationMs(spec().workers.drain.timeout);
      const closed = http.close();
      // Until the dispatcher has seen that we leave, it gives us work, and what it gave us is done sooner by us than taken back from us.
      await sleep(Math.min(notNoticedMs, deadlineMs - now()));
      claims = false;
      while ((dialler.inFlight > 0 || arrivals.waiting > 0) && now() < deadlineMs) await sleep(50);
      await Promise.race([closed, sleep(Math.max(0, deadlineMs - now()), undefined, { ref: false })]);
      stop.abort();
      await running;
      await Promise.all(looks.values());
      await results.end();
      inForce.stop();
      await inboxWorker.sweep();
      await handler.close();
      providers.close();
      await dropWatchLeases(database, poolId, owner());
      await retireWorker(database, owner());
      await liveness.close();
      await database.end();
    },
  };
}
