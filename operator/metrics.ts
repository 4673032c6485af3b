import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Api, Call } from './runtime/api.ts';
import { ApiError } from './runtime/api-error.ts';

/** The operator's metrics. Labels have few values: none is the name of a pool. */
export type Metrics = ReturnType<typeof createMetrics>;

const buckets = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10];

export function createMetrics() {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
    new Gauge({ name, help, labelNames, registers });
  return {
    registry,
    leader: gauge('trunkline_operator_leader', '1 while this operator leads.'),
    pools: gauge('trunkline_operator_pools', 'Pools that it looks after.'),
    queue: gauge('trunkline_operator_queue', 'Pools that wait for a look, are looked at, or are looked at again later.', ['state']),
    workersWanted: gauge('trunkline_operator_workers_wanted', 'Workers that all pools together should have.'),
    workersServing: gauge('trunkline_operator_workers_serving', 'Workers of all pools that are ready.'),
    workersMissing: gauge(
      'trunkline_operator_workers_missing',
      'Workers that pools lack, each looked at by itself: what one has beyond its wants fills no gap of another.',
    ),
    watchSilence: gauge(
      'trunkline_operator_watch_silence_seconds',
      'How long the quietest watch has said nothing; a quarter of an hour is no rest any more.',
    ),
    unreadNamespaces: gauge('trunkline_operator_unread_namespaces', 'Namespaces of its scope that it has never read: their pools wait.'),
    reconcileSeconds: new Histogram({ name: 'trunkline_operator_reconcile_seconds', help: 'One look at one pool.', buckets, registers }),
    apiRequests: new Counter({
      name: 'trunkline_operator_api_requests_total',
      help: 'Requests to the Kubernetes API that have ended, watches included.',
      labelNames: ['verb', 'code'],
      registers,
    }),
  };
}

/** Of one pool, as it was last looked at. */
export type FleetSize = { readonly wanted: number; readonly serving: number };

/** Writes down what all pools together have. A rollout has more workers than are wanted for a while; it hides nothing that another pool lacks. */
export function measureFleets(metrics: Metrics, fleets: readonly FleetSize[]): void {
  const sum = (of: (one: FleetSize) => number) => fleets.reduce((total, one) => total + of(one), 0);
  metrics.pools.set(fleets.length);
  metrics.workersWanted.set(sum(({ wanted }) => wanted));
  metrics.workersServing.set(sum(({ serving }) => serving));
  metrics.workersMissing.set(sum(({ wanted, serving }) => Math.max(0, wanted - serving)));
}

/** The API with its requests counted, by how they ended. */
export function countRequests(api: Api, { apiRequests }: Pick<Metrics, 'apiRequests'>): Api {
  async function counted<T>(verb: string, work: () => Promise<T>): Promise<T> {
    try {
      const result = await work();
      apiRequests.inc({ verb, code: '2xx' });
      return result;
    } catch (error) {
      apiRequests.inc({ verb, code: codeOf(error) });
      throw error;
    }
  }
  return {
    request: (call: Call, signal) => counted(call.method.toLowerCase(), () => api.request(call, signal)),
    stream: (call, idleMs, onLine, signal) => counted('watch', () => api.stream(call, idleMs, onLine, signal)),
    close: api.close,
  };
}

function codeOf(error: unknown): string {
  if (!(error instanceof ApiError)) return 'ended';
  return error.failure.kind === 'refused' ? String(error.failure.status) : error.failure.kind;
}
