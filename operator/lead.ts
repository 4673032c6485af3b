import type { Logger } from 'pino';
import { z } from 'zod';
import { writeDecisions } from '../ledger/scaling/decisions.ts';
import type { LedgerDoor } from './ledger.ts';
import { type Metrics, measureFleets } from './metrics.ts';
import { type Controller, type Planner, startController } from './pool/controller.ts';
import { openLedgerLink } from './pool/ledger-link.ts';
import { type Cluster, type Scope, watchCluster } from './pool/watches.ts';
import type { Api } from './runtime/api.ts';
import { type Clock, type Random, sleep } from './runtime/clock.ts';
import type { Leadership } from './runtime/election.ts';
import { openEvents } from './runtime/events.ts';
import { objectPath } from './runtime/resource.ts';

/** What an operator does while it leads. */
export type Reign = {
  readonly cluster: Cluster;
  readonly isListed: () => boolean;
  /** Resolves when the signal has aborted and no request is under way any more. */
  readonly ended: Promise<void>;
};

export type World = {
  readonly api: Api;
  readonly door: LedgerDoor;
  /** Makes plans for pools of a cluster, which their keys in the ledger begin with. */
  readonly planner: (cluster: string) => Planner;
  readonly scope: Scope;
  readonly identity: string;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly clock: Clock;
  readonly wallClock: () => number;
  readonly random: Random;
};

export function reign(world: World, { fence }: Pick<Leadership, 'fence'>, signal: AbortSignal): Reign {
  const { api, log, clock, random, metrics } = world;
  let controller: Controller | undefined;
  let listed = false;
  const onError = (what: string) => (error: unknown) => log.warn({ err: error }, what);
  const cluster = watchCluster(
    api,
    world.scope,
    {
      clock,
      random,
      onPool: (key) => controller?.look(key),
      onChild: (kind, key) => controller?.lookAtChild(kind, key),
      onError: onError('watching the cluster'),
    },
    signal,
  );
  const events = openEvents(
    api,
    {
      controller: 'trunkline.dev/operator',
      instance: world.identity.slice(0, 128),
      clock,
      wallClock: world.wallClock,
      random,
      onError: onError('an event was not written'),
    },
    signal,
  );

  async function work(): Promise<void> {
    const uid = await clusterUid(world, signal);
    await cluster.begun;
    const own = { cluster: uid, scope: cluster.readScope, fence, nowMs: clock.nowMs };
    controller = startController(
      {
        ...world.planner(uid),
        api,
        cluster,
        ledger: openLedgerLink(world.door, own),
        writeDecisions: async (decisions) => writeDecisions(await world.door.open(), decisions),
        events,
        clock,
        wallClock: world.wallClock,
        random,
        onError: (what, error) => log.warn({ err: error }, what),
        onReconciled: (seconds) => metrics.reconcileSeconds.observe(seconds),
        onFleet: (fleets) => {
          measureFleets(metrics, fleets);
          const size = controller?.queue.size();
          for (const state of ['waiting', 'running', 'later'] as const) metrics.queue.set({ state }, size?.[state] ?? 0);
        },
      },
      signal,
    );
    listed = true;
    log.info({ pools: cluster.poolKeys().length, unreadNamespaces: cluster.unread(), fence }, 'leading');
    await controller.ended;
  }

  const working = work().catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
  return {
    cluster,
    isListed: () => listed,
    ended: Promise.all([working, cluster.ended, events.ended]).then(() => undefined),
  };
}

const namespaceObject = z.object({ metadata: z.object({ uid: z.string().min(1).max(36) }) });
const againMs = 2_000;

/** What tells this cluster from others in a ledger that they share: it stays as long as the cluster does. */
async function clusterUid({ api, clock, log }: World, signal: AbortSignal): Promise<string> {
  const path = objectPath({ apiVersion: 'v1', plural: 'namespaces' }, undefined, 'kube-system');
  for (;;) {
    try {
      return namespaceObject.parse(await api.request({ method: 'GET', path }, signal)).metadata.uid;
    } catch (error) {
      signal.throwIfAborted();
      log.warn({ err: error }, 'the uid of namespace kube-system is what pools are filed under, and cannot be read');
    }
    await sleep(clock, againMs, signal);
  }
}
