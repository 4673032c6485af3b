import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { CoreV1Api, KubeConfig } from '@kubernetes/client-node';
import { Command } from 'commander';
import { z } from 'zod';
import { poolDefinition } from '../../crds/definition.ts';
import { type Database, openDatabase } from '../../ledger/database.ts';
import { type Api, openApi } from '../../operator/runtime/api.ts';
import { processClock } from '../../operator/runtime/clock.ts';
import { kubeconfigAccess } from '../../operator/runtime/kubeconfig.ts';
import { objectPath } from '../../operator/runtime/resource.ts';
import { startPostgres } from '../../standalone/embedded-postgres.ts';
import { type Audited, requestsOf, tally } from '../../test/cluster/audit.ts';
import { type ControlPlane, startControlPlane } from '../../test/cluster/control-plane.ts';
import { layPodCredentials } from '../../test/cluster/pod-credentials.ts';
import { findPrograms } from '../../test/cluster/programs.ts';
import { type Figure, reached } from '../figure.ts';
import { tableOf } from '../table.ts';
import { type MeasuredOperator, startOperator } from './measured.ts';
import { aPool, applyAll, bareChildren, bareNamespace, childLists, childPath, image, namespace, workersPerPool } from './pools.ts';

/**
 * `npm run bench:operator [-- --pools 1000]`: many pools on a real API server with etcd. First a bare loop applies the objects of all fleets, then the
 * operator makes the same from the pools; then all of them rest; then all of them change without end. Kubernetes' own controllers run beside both and make
 * pods of all Deployments, which stay pending, as there is no node; `--no-controllers` leaves them out, to tell their part of a figure.
 */

type Flags = {
  readonly pools: string;
  readonly idle: string;
  readonly busy: string;
  readonly controllers: boolean;
  readonly json?: true;
};

const never = new AbortController().signal;
const children = ['deployments', 'services', 'serviceaccounts', 'poddisruptionbudgets', 'networkpolicies'];
const say = (line: string) => void process.stderr.write(`${line}\n`);

type Place = {
  readonly plane: ControlPlane;
  readonly api: Api;
  readonly database: Database;
  readonly ledgerUrl: string;
  /** What the kubelet would give to the operator's pod. */
  readonly credentials: Readonly<Record<string, string>>;
  readonly username: string;
  /** For the operator's compiled code. */
  readonly directory: string;
  /** How many pods controllers make for a pool: none without controllers. */
  readonly podsPerPool: number;
};

async function run({ pools: many, idle, busy, controllers, json }: Flags): Promise<void> {
  await using resources = new AsyncDisposableStack();
  const place = await prepare(resources, controllers);
  const pools = Array.from({ length: Number(many) }, (_, index) => aPool(index));
  const podsWanted = pools.length * place.podsPerPool;

  say(`a bare loop applies ${pools.length * children.length} objects`);
  const bareSeconds = await applyAll(place.api, pools.flatMap(bareChildren), childPath, never);
  await untilPods(place.api, bareNamespace, podsWanted);
  await untilQuiet(place.plane.auditLog);
  await applyAll(
    place.api,
    pools.map((pool) => ({ ...pool })),
    (pool) => objectPath({ apiVersion: 'trunkline.dev/v1alpha1', plural: 'voicecapacitypools' }, namespace, nameOf(pool)),
    never,
  );
  say(`${bareSeconds.toFixed(1)} s. The operator makes the same of ${pools.length} pools`);
  const operator = await startOperator(
    {
      ...place.credentials,
      TRUNKLINE_LEDGER_URL: place.ledgerUrl,
      TRUNKLINE_WORKER_IMAGE: image,
      TRUNKLINE_NAMESPACES: namespace,
      POD_NAMESPACE: namespace,
    },
    place.directory,
    say,
  );
  resources.defer(() => operator.stop());
  const made = await untilMade(place, operator, pools.length);
  const pods = await countOf(place.api, podsOf(namespace));
  const rest = await watchRest(place, Number(idle));
  const restless = await watchRestless(place, operator, pools.length, Number(busy));
  const figures = [...figuresOfMaking(made, bareSeconds, pools.length, pods), ...rest, ...restless, ...(await figuresOf(operator))];
  const stored = figures.map((figure) => ({ ...figure, reached: reached(figure) }));
  process.stdout.write(json ? `${JSON.stringify({ pools: pools.length, figures: stored })}\n` : `${tableOf(stored)}\n`);
}

const nameOf = (object: object): string => {
  const metadata = 'metadata' in object ? object.metadata : undefined;
  if (typeof metadata === 'object' && metadata !== null && 'name' in metadata) return String(metadata.name);
  throw new Error('an object without a name');
};

async function prepare(resources: AsyncDisposableStack, controllers: boolean): Promise<Place> {
  // Not os.tmpdir(): PostgreSQL runs as another user when we are root, and must reach its directory.
  const directory = await mkdtemp('/tmp/trunkline-bench-operator-');
  await chmod(directory, 0o711);
  resources.defer(() => rm(directory, { recursive: true, force: true }));
  const server = await startPostgres({ directory: join(directory, 'postgres'), log: () => undefined });
  resources.defer(() => server.stop());
  const plane = await startControlPlane(await findPrograms(process.env, say));
  resources.defer(() => plane.stop());
  if (controllers) await plane.run('kube-controller-manager');
  const config = new KubeConfig();
  config.loadFromFile(plane.kubeconfig);
  const api = openApi(kubeconfigAccess(config), processClock);
  resources.defer(() => api.close());
  const core = config.makeApiClient(CoreV1Api);
  for (const name of [namespace, bareNamespace]) await core.createNamespace({ body: { metadata: { name } } });
  await serveDefinition(api);

  // The bench asks as the administrator, the operator by an account of its own, so that its requests can be told from ours.
  const account = { name: 'operator', namespace };
  await core.createNamespacedServiceAccount({ namespace, body: { metadata: { name: account.name } } });
  await api.request(
    {
      method: 'POST',
      path: '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings',
      body: {
        metadata: { name: 'bench-operator' },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
        subjects: [{ kind: 'ServiceAccount', ...account }],
      },
    },
    never,
  );
  const { status } = await core.createNamespacedServiceAccountToken({
    name: account.name,
    namespace,
    body: { spec: { audiences: ['https://kubernetes.default.svc'], expirationSeconds: 7_200 } },
  });
  const credentials = await layPodCredentials(join(directory, 'credentials'), config, status?.token ?? '');

  const database = openDatabase(server.url, { applicationName: 'bench', maxConnections: 2, onError: () => undefined });
  resources.defer(() => database.end());
  return {
    plane,
    credentials,
    api,
    database,
    ledgerUrl: server.url,
    username: `system:serviceaccount:${namespace}:operator`,
    directory: join(directory, 'compiled'),
    podsPerPool: controllers ? workersPerPool : 0,
  };
}

async function serveDefinition(api: Api): Promise<void> {
  const desired = poolDefinition();
  const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${nameOf(desired)}`;
  await api.request(
    { method: 'PATCH', path, query: { fieldManager: 'bench', force: 'true' }, contentType: 'application/apply-patch+yaml', body: desired },
    never,
  );
  for (;;) {
    if (JSON.stringify(await api.request({ method: 'GET', path }, never)).includes('"type":"Established","status":"True"')) return;
    await pause(200);
  }
}

type Made = { readonly seconds: number; readonly writes: readonly Audited[]; readonly loopLagMs: number };

const isWrite = ({ verb, resource }: Audited) => ['patch', 'create', 'update'].includes(verb) && resource !== 'leases';

/** Waits until every pool has all of its objects, pods and a status, and nothing more is written. Asks little meanwhile: the operator is being timed. */
async function untilMade({ plane, api, username, podsPerPool }: Place, operator: MeasuredOperator, pools: number): Promise<Made> {
  for (let made = 0; made < pools * children.length; ) {
    await pause(1_000);
    const counts = await Promise.all(childLists.map((path) => countOf(api, path)));
    made = counts.reduce((sum, count) => sum + count, 0);
    say(`${made} objects`);
  }
  await untilPods(api, namespace, pools * podsPerPool);
  const loopLagMs = await operator.loopLagMs(); // before it waits for nothing, which would make any percentile good
  for (;;) {
    await pause(5_000);
    const writes = (await requestsOf(plane.auditLog, username, operator.startedMs)).filter(isWrite);
    say(`${writes.length} writes`);
    if (Date.now() - lastOf(writes) < figuresWithinMs) continue;
    say(JSON.stringify(tally(writes)));
    const applied = writes.filter(({ resource }) => children.includes(resource));
    return { seconds: (lastOf(applied) - operator.startedMs) / 1_000, writes, loopLagMs };
  }
}

/** Figures of a pool, how many pods it has among them, are told twice a minute at most: nothing is at rest that was written to since. */
const figuresWithinMs = 35_000;

const lastOf = (requests: readonly Audited[]): number => Math.max(...requests.map(({ atMs }) => atMs));

const podsOf = (where: string): string => `/api/v1/namespaces/${where}/pods`;

/** Controllers make them after the Deployments, in their own time; until then the cores belong to them, and the next to be timed would pay for it. */
async function untilPods(api: Api, where: string, wanted: number): Promise<void> {
  for (let there = 0; there < wanted; ) {
    await pause(1_000);
    there = await countOf(api, podsOf(where));
    say(`${there} pods of ${wanted} in ${where}`);
  }
}

/** Controllers tell of pods for long after these are there: statuses, endpoints, events. */
async function untilQuiet(auditLog: string): Promise<void> {
  for (let sinceMs = Date.now(); ; sinceMs = Date.now()) {
    await pause(5_000);
    const written = (await requestsOf(auditLog, 'everybody', sinceMs)).filter(isWrite).length;
    say(`${written} writes of anybody within 5 s`);
    if (written <= quietWrites) return;
  }
}

/** Leases are none of them, and some controllers always have something. */
const quietWrites = 10;

/** The server counts what it leaves out. */
async function countOf(api: Api, path: string): Promise<number> {
  const page = firstPage.parse(await api.request({ method: 'GET', path, query: { limit: '1' } }, never));
  return (page.items ?? []).length + (page.metadata.remainingItemCount ?? 0);
}

const firstPage = z.object({ metadata: z.object({ remainingItemCount: z.int().optional() }), items: z.array(z.unknown()).nullable() });

function figuresOfMaking({ seconds, writes, loopLagMs }: Made, bareSeconds: number, pools: number, pods: number): readonly Figure[] {
  const figure = (name: string, unit: string, value: number, most: number | undefined, definition: string): Figure => ({
    name,
    unit,
    value,
    goal: most === undefined ? undefined : { atMost: most },
    anchor: undefined,
    definition,
  });
  return [
    figure('bare loop', 's', bareSeconds, undefined, `${pools * children.length} objects applied one by one, eight at a time`),
    figure('the operator', 's', seconds, undefined, 'from the start of its process to the last of the same objects'),
    figure('the operator against the bare loop', '×', seconds / bareSeconds, 1.5, 'the one by the other'),
    figure('pods', '', pods, undefined, 'of the fleets that the operator made, pending; as many again belong to the bare loop'),
    figure('writes per pool', '', writes.length / pools, 8, 'objects, status and events, until nothing more is written'),
    figure(
      'loop lag p99 while making',
      'ms',
      loopLagMs,
      50,
      'how late the event loop was, from the start of the process until all objects and pods are there',
    ),
  ];
}

async function watchRest({ plane, username }: Place, seconds: number): Promise<readonly Figure[]> {
  say(`all pools rest for ${seconds} s`);
  const sinceMs = Date.now();
  await pause(seconds * 1_000);
  const all = await requestsOf(plane.auditLog, username, sinceMs);
  const asked = all.filter(({ resource }) => resource !== 'leases');
  // An operator that is frozen or gone asks nothing either: only one that keeps its Lease all the while is at rest.
  const silentMs = longestGap([sinceMs, ...all.map(({ atMs }) => atMs), Date.now()]);
  if (silentMs > leaseAtLeastEveryMs)
    throw new Error(`the operator did not renew its Lease for ${silentMs} ms: it did not rest, it stood still`);
  say(`asked meanwhile, beside the Lease: ${JSON.stringify(tally(asked))}`);
  const definition = `requests of any kind but the Lease's in ${seconds} s`;
  return [{ name: 'requests at rest', unit: '', value: asked.length, goal: { atMost: 0 }, anchor: undefined, definition }];
}

/** Lost after ten seconds without it. */
const leaseAtLeastEveryMs = 10_000;

function longestGap(instants: readonly number[]): number {
  const sorted = instants.toSorted((a, b) => a - b);
  return Math.max(...sorted.slice(1).map((at, index) => at - (sorted[index] ?? at)));
}

/** Every pool's figures change every second, as if all of them had calls. */
async function watchRestless(
  { plane, username, database }: Place,
  operator: MeasuredOperator,
  pools: number,
  seconds: number,
): Promise<readonly Figure[]> {
  const turnTo = (turn: number) =>
    database.query(
      `insert into dispatcher as d (pool_id, epoch, beat_at, view)
         select id, 1, clock_timestamp(), jsonb_build_object('policyVersion', 1, 'mode', 'Active', 'holds', '{"pool":false,"classes":[]}'::jsonb,
           'slots', jsonb_build_object('inUse', $1 % 40, 'ceiling', 40, 'limit', 40), 'subscriptions', '[]'::jsonb, 'projects', '[]'::jsonb,
           'classes', '[]'::jsonb, 'load', '{"arrivalsPerSecond":0,"sessionMs":null}'::jsonb) from pool
       on conflict (pool_id) do update set beat_at = excluded.beat_at, view = excluded.view`,
      [turn],
    );
  // That somebody dispatches at all is an answer, which every pool is told at once; what is measured is figures.
  say('all pools get a dispatcher');
  const dispatchedMs = Date.now();
  for (let before = -1, now = 0; before !== now || now < pools; ) {
    for (let beat = 0; beat < 5; beat += 1) {
      await turnTo(0); // one that falls silent is told of as well
      await pause(1_000);
    }
    before = now;
    now = (await requestsOf(plane.auditLog, username, dispatchedMs)).filter(isWrite).length;
    say(`${now} writes`);
  }
  say(`the figures of all pools change for ${seconds} s`);
  await operator.loopLagMs(); // a reading begins the next one
  const sinceMs = Date.now();
  for (let turn = 1; Date.now() - sinceMs < seconds * 1_000; turn += 1) {
    await turnTo(turn);
    await pause(1_000); // a dispatcher that beats more rarely counts as away now and then
  }
  const writes = (await requestsOf(plane.auditLog, username, sinceMs)).filter(({ resource }) => resource === 'voicecapacitypools/status');
  const byPool = new Map<string, number>();
  for (const { name = '' } of writes) byPool.set(name, (byPool.get(name) ?? 0) + 1);
  const figure = (name: string, unit: string, value: number, most: number, definition: string): Figure => ({
    name,
    unit,
    value,
    goal: { atMost: most },
    anchor: undefined,
    definition,
  });
  return [
    figure(
      'status writes per second',
      '/s',
      writes.length / seconds,
      11,
      'over all pools, while figures of all change and no condition does',
    ),
    figure(
      'status writes of one pool',
      '',
      Math.max(0, ...byPool.values()),
      Math.ceil(seconds / 30) + 2,
      `the most of any pool in ${seconds} s`,
    ),
    figure('loop lag p99 while figures change', 'ms', await operator.loopLagMs(), 50, 'how late the event loop was meanwhile'),
  ];
}

async function figuresOf(operator: MeasuredOperator): Promise<readonly Figure[]> {
  const definition = 'largest resident size of the operator, over all of it';
  return [{ name: 'memory', unit: 'MB', value: await operator.largestMb(), goal: { atMost: 250 }, anchor: undefined, definition }];
}

await new Command('bench:operator')
  .description('measure the operator with many pools on a real API server')
  .option('--pools <n>', 'how many', '1000')
  .option('--idle <seconds>', 'how long all rest', '120')
  .option('--busy <seconds>', 'how long all change', '90')
  .option('--no-controllers', "without Kubernetes' own controllers, and so without pods")
  .option('--json', 'one JSON object on stdout')
  .action(run)
  .parseAsync();
