import type { Api } from '../runtime/api.ts';
import type { Clock, Random } from '../runtime/clock.ts';
import { type Reflector, type ReflectorTimes, reflect, usualTimes } from '../runtime/reflector.ts';
import { listPath, type Resource } from '../runtime/resource.ts';
import { type PoolObject, readPool } from './declared.ts';
import { namespaceOf, type ObjectKey } from './keys.ts';
import type { ObservedDeployment } from './observed.ts';
import { type KeptPod, keepPod, readDeployment } from './pods.ts';
import { type ChildKind, childKinds, ours, ownPart, pods as podResource, pools as poolResource, versionNumber } from './resources.ts';

/** Copies of everything that pools are made of, kept by watches; and which pool to look at when something has changed. */
export type Cluster = {
  readonly pool: (key: ObjectKey) => PoolObject | undefined;
  readonly poolKeys: () => readonly ObjectKey[];
  readonly poolCount: () => number;
  /** The object of a kind, with its managed fields: read anew each time. */
  readonly child: (kind: ChildKind, key: ObjectKey) => unknown;
  /** Grows with each change of the object. */
  readonly childVersion: (kind: ChildKind, key: ObjectKey) => number | undefined;
  readonly deployment: (key: ObjectKey) => ObservedDeployment | undefined;
  readonly pods: (pool: ObjectKey) => readonly KeptPod[];
  /**
   * Resolves when there is something to work on: the first namespace whose lists are all complete. Of the others nothing is known, so their pools are
   * neither there nor gone, until they are read as well; one that may not be read keeps nobody waiting.
   */
  readonly begun: Promise<void>;
  /** The part of the scope that is read. */
  readonly readScope: () => Scope;
  /** How many namespaces are not; for an operator of all namespaces 1 as long as it waits. */
  readonly unread: () => number;
  /** When the watch that has been silent for longest was last heard. */
  readonly heardAtMs: () => number;
  readonly ended: Promise<void>;
};

export type Scope = readonly string[] | 'all';

/**
 * Watches last long: each that ends costs a request, and pools at rest should cost none. A path that is dead is found by probes of the connection, not by
 * silence, and what is never heard again for ten minutes is taken for dead all the same.
 */
export const longWatches: ReflectorTimes = { ...usualTimes, watchMs: [300_000, 600_000], idleMs: 620_000 };

/**
 * An object of a pool. Of thousands of them nearly all lie idle: as text they take a fourth of the room, and give the collector of garbage nothing to look
 * through again and again.
 */
type KeptChild = { readonly version: number; readonly text: string; readonly deployment: ObservedDeployment | undefined };

function keepChild(kind: ChildKind, object: unknown): KeptChild {
  return {
    version: versionNumber(object),
    text: JSON.stringify(ownPart(object)),
    deployment: kind === 'Deployment' ? readDeployment(object) : undefined,
  };
}

type Watched<Kept> = { readonly get: (key: ObjectKey) => Kept | undefined; readonly all: readonly Reflector<Kept>[] };

export function watchCluster(
  api: Api,
  scope: Scope,
  world: {
    readonly clock: Clock;
    readonly random: Random;
    readonly times?: ReflectorTimes;
    /** A pool or a pod of it has changed. */
    readonly onPool: (key: ObjectKey) => void;
    /** Another of its objects has. */
    readonly onChild: (kind: ChildKind, key: ObjectKey) => void;
    readonly onError: (error: unknown) => void;
  },
  signal: AbortSignal,
): Cluster {
  const { clock, random, times = longWatches, onPool, onChild, onError } = world;
  const namespaces: readonly (string | undefined)[] = scope === 'all' ? [undefined] : scope;
  const read = new Set<string | undefined>();
  const isRead = (key: ObjectKey) => read.has(scope === 'all' ? undefined : namespaceOf(key));
  const podsOf = new Map<ObjectKey, Set<ObjectKey>>();
  const poolOfPod = new Map<ObjectKey, ObjectKey>();

  function watch<Kept>(
    resource: Resource,
    query: Readonly<Record<string, string>>,
    keep: (object: unknown, before: Kept | undefined) => Kept,
    onChange: (key: ObjectKey) => void,
  ) {
    const all = namespaces.map((namespace) =>
      reflect(api, { path: listPath(resource, namespace), query, keep, onChange, onError }, { clock, random, times }, signal),
    );
    const watched: Watched<Kept> = {
      all,
      get: (key) => {
        for (const one of all) {
          const kept = one.get(key);
          if (kept !== undefined) return kept;
        }
        return undefined;
      },
    };
    return watched;
  }

  function movePod(key: ObjectKey): void {
    const now = pods.get(key)?.poolKey;
    const before = poolOfPod.get(key);
    if (before !== undefined && before !== now) {
      podsOf.get(before)?.delete(key);
      if (podsOf.get(before)?.size === 0) podsOf.delete(before);
      poolOfPod.delete(key);
    }
    if (now !== undefined) {
      poolOfPod.set(key, now);
      const siblings = podsOf.get(now) ?? new Set();
      podsOf.set(now, siblings.add(key));
    }
    const pool = now ?? before;
    if (pool !== undefined) changed(pool);
  }

  function changed(pool: ObjectKey): void {
    if (isRead(pool)) onPool(pool);
  }

  const selected = { labelSelector: ours };
  const pools = watch(poolResource, {}, readPool, changed);
  const pods = watch(podResource, selected, keepPod, movePod);
  const child = (kind: ChildKind) =>
    watch(
      childKinds[kind],
      selected,
      (object) => keepChild(kind, object),
      (key) => onChild(kind, key),
    );
  const children: Readonly<Record<ChildKind, Watched<KeptChild>>> = {
    ServiceAccount: child('ServiceAccount'),
    Service: child('Service'),
    NetworkPolicy: child('NetworkPolicy'),
    PodDisruptionBudget: child('PodDisruptionBudget'),
    Deployment: child('Deployment'),
  };

  const watched: readonly { readonly all: readonly Pick<Reflector<unknown>, 'listed' | 'heardAtMs' | 'ended'>[] }[] = [
    pools,
    pods,
    ...Object.values(children),
  ];
  const reflectors = watched.flatMap(({ all }) => all);
  const begun = Promise.any(
    namespaces.map(async (namespace, index) => {
      await Promise.all(watched.map(({ all }) => all[index]?.listed));
      read.add(namespace);
      for (const key of pools.all[index]?.keys() ?? []) onPool(key);
    }),
  );
  // It is broken off with the signal alone, and whoever waits for it hears of that. An operator that stops earlier does not wait for it.
  begun.catch(() => undefined);
  return {
    pool: (key) => (isRead(key) ? pools.get(key) : undefined),
    poolKeys: () => pools.all.flatMap((one) => [...one.keys()].filter(isRead)),
    poolCount: () => pools.all.reduce((sum, one, index) => sum + (read.has(namespaces[index]) ? one.size() : 0), 0),
    child: (kind, key) => {
      const kept = children[kind].get(key);
      return kept === undefined ? undefined : JSON.parse(kept.text);
    },
    childVersion: (kind, key) => children[kind].get(key)?.version,
    deployment: (key) => children.Deployment.get(key)?.deployment,
    pods: (pool) => [...(podsOf.get(pool) ?? [])].flatMap((key) => pods.get(key) ?? []).filter(({ over }) => !over),
    begun,
    readScope: () => (scope === 'all' ? scope : scope.filter((namespace) => read.has(namespace))),
    unread: () => namespaces.length - read.size,
    heardAtMs: () => Math.min(...reflectors.map(({ heardAtMs }) => heardAtMs())),
    ended: Promise.all(reflectors.map(({ ended }) => ended)).then(() => undefined),
  };
}
