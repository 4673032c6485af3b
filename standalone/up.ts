import { mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { durationMs } from '../crds/values.ts';
import { type Database, openDatabase } from '../ledger/database.ts';
import { migrate } from '../ledger/migrate.ts';
import { type PoolId, writePolicy } from '../ledger/policy.ts';
import { ledgerNow } from '../ledger/summary.ts';
import { ensureToken } from '../ledger/tokens.ts';
import { readView } from '../ledger/views.ts';
import { type Declaration, PoolRefused, readDeclaration, unverifiableProjects } from './declaration.ts';
import { finishRun } from './finish.ts';
import { startFleet } from './fleet.ts';
import type { Interrupts } from './interrupts.ts';
import { openLedger } from './ledger-server.ts';
import { claimPort } from './ports.ts';
import { Interrupted, type Run, showPool } from './run.ts';
import { type Bounds, boundsOf, followLoad } from './scaling.ts';
import { requireScenario } from './scenario.ts';
import type { Screen } from './screen.ts';
import { inventSecrets, requireSecrets } from './secrets.ts';
import { type Simulator, startSimulator } from './simulator.ts';
import { openState, ownToken, type State } from './state.ts';
import type { Summary } from './summary.ts';

/**
 * `trunkline up`: one pool on one machine. PostgreSQL, the simulated provider if asked for, and the workers are processes of their own; this one starts
 * them, shows what happens, starts again what dies, and takes everything down in order.
 */
export type UpOptions = {
  readonly poolFile: string;
  /** Against a simulated provider; with a scenario file, the traffic and faults that it describes. */
  readonly simulate: { readonly scenarioFile: string | undefined; readonly speed: number } | undefined;
  /** Worker processes at least and at most; by default what is declared, within what this machine can run. */
  readonly workers: Bounds | undefined;
  /** Ends by itself after this long. */
  readonly forMs: number | undefined;
  readonly stateDirectory: string | undefined;
  readonly secretsDirectory: string | undefined;
  readonly port: number;
  readonly publicUrl: string | undefined;
  /** Other programs in place of our own; for tests. */
  readonly programs?: { readonly worker: string; readonly simulator: string };
  /** The clock that the number of workers goes by; for tests, which cannot wait for minutes. */
  readonly wallClock?: () => number;
};

const viewEveryMs = 250;
const dispatchedWithinMs = 3_000;

/** Runs a pool until it is asked to finish or its time is over, and says what happened. */
export async function up(options: UpOptions, screen: Screen, interrupts: Interrupts): Promise<Summary> {
  const declaration = await declared(options, screen);
  if (options.simulate?.scenarioFile !== undefined) await requireScenario(options.simulate.scenarioFile);
  await using resources = new AsyncDisposableStack();
  const run = await start(options, declaration, screen, interrupts, resources);
  await watchRun(run, options.forMs, screen, interrupts);
  await run.scaling.stop();
  // Awaited here: returning the promise would take everything down before the run has finished.
  return await finishRun(run, screen, interrupts.stopNow);
}

/** The pool's declaration, seen together with what the command line adds to it. */
async function declared(options: UpOptions, screen: Screen): Promise<Declaration> {
  const declaration = await readDeclaration(options.poolFile);
  const reachable = options.simulate !== undefined || options.publicUrl !== undefined;
  for (const { path, text } of declaration.warnings) {
    if (!(reachable && path === 'spec.publicUrl')) screen.say(`warning: ${text}`);
  }
  const unverifiable = unverifiableProjects(declaration).join(', ');
  if (options.publicUrl !== undefined && unverifiable !== '') {
    throw new PoolRefused(`webhooks of ${unverifiable} cannot be verified: with --public-url every project needs a webhookSecretRef`);
  }
  if (reachable && unverifiable !== '')
    screen.say(`warning: ${unverifiable} without webhookSecretRef: webhooks are refused, calls followed by polling`);
  return declaration;
}

async function start(
  options: UpOptions,
  declaration: Declaration,
  screen: Screen,
  interrupts: Interrupts,
  resources: AsyncDisposableStack,
): Promise<Run> {
  const { spec, metadata } = declaration.manifest;
  const state = await openState(resolve(options.stateDirectory ?? join('.trunkline', metadata.name)));
  resources.defer(state.release);
  const host = options.publicUrl === undefined ? '127.0.0.1' : '0.0.0.0';
  const port = await claimPort(options.port, host);
  const secrets = await secretsDirectory(options, declaration, state);
  const step = stepper(screen, interrupts);

  const ledger = await step('PostgreSQL ready', () => openLedger(spec, { state, secrets, onEvent: screen.say }));
  resources.defer(ledger.stop);
  if (ledger.reattached) screen.say('  took over the server that a killed run left behind');
  const database = openDatabase(ledger.url, {
    applicationName: 'trunkline-up',
    maxConnections: 2,
    statementTimeoutMs: 120_000,
    onError: (error) => screen.say(`ledger: ${error.message}`),
  });
  resources.defer(() => database.end());
  const token = await ownToken(state.tokenFile);
  const poolId = await step('Pool in force', () => putIntoForce(database, declaration, token));

  const simulator = await startProvider(options, { state, secrets, screen, step, resources });
  const publicUrl = simulator === undefined ? (options.publicUrl ?? spec.publicUrl) : `http://127.0.0.1:${port}`;
  const bounds = options.workers ?? boundsOf(declaration, availableParallelism());
  const fleet = await step('Workers serving', () =>
    startFleet({
      size: bounds.min,
      environment: {
        TRUNKLINE_LEDGER_URL: ledger.url,
        TRUNKLINE_POOL: metadata.name,
        TRUNKLINE_SECRETS: secrets,
        TRUNKLINE_PORT: String(port),
        TRUNKLINE_HOST: host,
        ...(publicUrl === undefined ? {} : { TRUNKLINE_PUBLIC_URL: publicUrl }),
        ...(simulator === undefined ? {} : { TRUNKLINE_PROVIDER_URL: simulator.url }),
      },
      logDirectory: state.logs,
      drainTimeoutMs: durationMs(spec.workers.drain.timeout),
      onEvent: screen.say,
      ...(options.programs === undefined ? {} : { program: options.programs.worker }),
    }),
  );
  resources.defer(() => fleet.kill());

  await step('Dispatcher at work', () => untilDispatched(database, poolId));
  const url = `http://127.0.0.1:${port}`;
  await writeFile(state.urlFile, `${url}\n`, { mode: 0o600 });
  announce(screen, {
    url,
    state,
    bounds,
    publicUrl,
    simulated: simulator !== undefined,
    lastClass: lastClassOf(declaration),
  });
  const since = await ledgerNow(database);
  const wallClock = options.wallClock ?? Date.now;
  const scaling = followLoad({ database, poolId, declaration, bounds, fleet, wallClock, onEvent: screen.say });
  resources.defer(scaling.stop);
  await simulator?.startTraffic(url, token);
  return { declaration, database, poolId, fleet, scaling, simulator, since, startedMs: performance.now() };
}

/** The first call should not have to wait for an election. A dispatcher that does not come is shown by the view, and is no reason to give up. */
async function untilDispatched(database: Database, poolId: PoolId): Promise<void> {
  const deadlineMs = performance.now() + dispatchedWithinMs;
  while (performance.now() < deadlineMs) {
    const seen = await readView(database, poolId);
    if (seen !== undefined && seen.ageMs < 2_000) return;
    await sleep(50);
  }
}

async function startProvider(
  options: UpOptions,
  on: {
    readonly state: State;
    readonly secrets: string;
    readonly screen: Screen;
    readonly step: Step;
    readonly resources: AsyncDisposableStack;
  },
): Promise<Simulator | undefined> {
  const { simulate, programs } = options;
  if (simulate === undefined) return undefined;
  const simulator = await on.step('Simulated provider ready', () =>
    startSimulator({
      poolFile: resolve(options.poolFile),
      stateDirectory: on.state.directory,
      secretsDirectory: on.secrets,
      speed: simulate.speed,
      scenarioFile: simulate.scenarioFile === undefined ? undefined : resolve(simulate.scenarioFile),
      logDirectory: on.state.logs,
      onEvent: on.screen.say,
      ...(programs === undefined ? {} : { program: programs.simulator }),
    }),
  );
  on.resources.defer(() => simulator.end());
  return simulator;
}

async function secretsDirectory(options: UpOptions, { manifest }: Declaration, state: State): Promise<string> {
  const directory = resolve(options.secretsDirectory ?? state.secrets);
  if (options.simulate !== undefined && options.secretsDirectory === undefined) {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await inventSecrets(manifest.spec, directory);
  } else {
    await requireSecrets(manifest.spec, directory);
  }
  return directory;
}

async function putIntoForce(database: Database, { manifest }: Declaration, token: string): Promise<PoolId> {
  await migrate(database);
  const { poolId } = await writePolicy(database, manifest.metadata.name, manifest.spec);
  await ensureToken(database, poolId, token);
  return poolId;
}

type Step = <T>(done: string, work: () => Promise<T>) => Promise<T>;

/** Says how long each step took, and stops between steps when somebody asks. */
function stepper(screen: Screen, interrupts: Interrupts): Step {
  return async (done, work) => {
    if (interrupts.finish.aborted) throw new Interrupted('stopped while it started');
    const startedMs = performance.now();
    const result = await work();
    screen.say(`${done} (${((performance.now() - startedMs) / 1_000).toFixed(1)} s)`);
    return result;
  };
}

function announce(
  screen: Screen,
  run: {
    readonly url: string;
    readonly state: State;
    readonly bounds: Bounds;
    readonly publicUrl: string | undefined;
    readonly simulated: boolean;
    readonly lastClass: string;
  },
): void {
  const { directory, tokenFile, logs } = run.state;
  const { min, max } = run.bounds;
  screen.say(`${min} workers at ${run.url}${max > min ? `, up to ${max} as the load asks for` : ''}`);
  screen.say(`  token   ${near(tokenFile)}`);
  screen.say(`  logs    ${near(logs)}`);
  if (run.publicUrl === undefined) {
    screen.say('  No public URL: calls are followed by polling; inbound calls are seen, not admitted');
  } else if (!run.simulated) {
    screen.say(`  webhooks ${run.publicUrl}/v1/vapi/<project>`);
  }
  screen.say('Try in another terminal:');
  for (const command of ['status --watch', `explain ${run.lastClass}`, `hold --class ${run.lastClass}`])
    screen.say(`  npx trunkline ${command} --state ${near(directory)}`);
  screen.say('');
}

/** The class of the lowest priority: the one that waits first, and that a person asks about. */
function lastClassOf({ manifest }: Declaration): string {
  const byPriority = manifest.spec.classes.toSorted((one, other) => one.priority - other.priority);
  return byPriority[0]?.name ?? '';
}

/** A path as a person would type it here. */
function near(path: string): string {
  const fromHere = relative(process.cwd(), path);
  return fromHere.startsWith('..') ? path : fromHere;
}

/** Shows the pool until it is time to finish. */
async function watchRun(run: Run, forMs: number | undefined, screen: Screen, interrupts: Interrupts): Promise<void> {
  const over = forMs === undefined ? interrupts.finish : AbortSignal.any([interrupts.finish, AbortSignal.timeout(forMs)]);
  while (!over.aborted) {
    await showPool(run, 'running', screen);
    await sleep(viewEveryMs, undefined, { signal: over }).catch((error: Error) => {
      if (error.name !== 'AbortError') throw error;
    });
  }
}
