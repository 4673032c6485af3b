import { isReady, readFleet, readPool, workerPods } from '../objects.ts';
import type { Run } from '../run.ts';
import { cancelWaiting, handInLeads, patchPool, stopTraffic } from '../trial.ts';
import { seconds } from './install.ts';

/** The fleet follows the queue, up and down. */

const fewest = 2;
const most = 8;
const backlog = 500;

/** Small workers, so that the lines of the sample need several; and a window that a run can wait for. */
const small = {
  workers: { sessionsPerWorker: 5 },
  scaling: { minReplicas: fewest, maxReplicas: most, behavior: { scaleDown: { stabilizationWindow: '10s', policies: [] } } },
};

/** No traffic and no queue: the pool comes down to its fewest workers, while its last calls live. */
export async function emptyQueue(run: Run): Promise<void> {
  await stopTraffic(run.cluster);
  await patchPool(run.cluster, small);
  await drainToFewest(run);
}

async function drainToFewest(run: Run): Promise<void> {
  const { cluster, timeline, now } = run;
  await cancelWaiting(cluster);
  const emptiedMs = now();
  const { spec } = await readFleet(cluster);
  const seen = new Set<number>();
  await cluster.until(`${fewest} workers and none that leaves`, 300_000, async () => {
    const pods = await workerPods(cluster);
    seen.add(pods.filter(isReady).length);
    return pods.length === fewest && pods.every(isReady) ? true : undefined;
  });
  timeline.measure(`empty queue: ${spec.replicas} workers drained to ${fewest} after`, seconds(now() - emptiedMs));
}

/** 500 people at once, two workers. */
export async function growWithBacklog(run: Run): Promise<void> {
  const { cluster, timeline, now } = run;
  const before = new Set((await workerPods(cluster)).map(({ metadata }) => metadata.uid));
  const handedInMs = await handInLeads(cluster, backlog);
  timeline.tell(`a backlog of ${backlog} with ${before.size} workers`);
  const decision = await cluster.until('a decision for more workers', 30_000, async () => {
    const { status } = await readPool(cluster);
    return status?.lastDecision !== undefined && status.lastDecision.replicas > before.size ? status.lastDecision : undefined;
  });
  const decidedMs = Date.parse(decision.time);
  timeline.measure('backlog to decision', seconds(decidedMs - handedInMs, 4));
  timeline.tell('decision', decision.message);
  const made = await cluster.until('new pods', 30_000, async () => {
    const fresh = (await workerPods(cluster)).filter(({ metadata }) => !before.has(metadata.uid));
    return fresh.length >= decision.replicas - before.size ? fresh : undefined;
  });
  const last = Math.max(...made.map(({ metadata }) => Date.parse(metadata.creationTimestamp)));
  // The API server writes whole seconds.
  const secondsLater = Math.max(0, (last - Math.floor(decidedMs / 1_000) * 1_000) / 1_000);
  timeline.measure(`decision to ${made.length} pods created, in whole seconds`, { value: secondsLater, unit: 's', goal: { atMost: 1 } });
  const { spec } = await readFleet(cluster);
  await cluster.until('all workers serve', 120_000, async () => {
    const ready = (await workerPods(cluster)).filter(isReady).length;
    return ready >= spec.replicas ? true : undefined;
  });
  timeline.measure(`backlog to ${spec.replicas} workers that serve`, seconds(now() - handedInMs));
}

export async function drainAfterBacklog(run: Run): Promise<void> {
  await drainToFewest(run);
}
