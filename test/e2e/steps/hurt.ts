import { callersBetween, callsBetween, longestPauseMs } from '../judge.ts';
import { killProcessOf, makeExecutioner } from '../kill.ts';
import {
  conditionOf,
  deleteDisruptionBudget,
  hasDisruptionBudget,
  isReady,
  podsIn,
  readFleet,
  readLeader,
  readPool,
  systemNamespace,
  workerPods,
} from '../objects.ts';
import { restartApiServer } from '../outage.ts';
import type { Run } from '../run.ts';
import { patchPool, readReport, readTruth } from '../trial.ts';
import { seconds } from './install.ts';

/** What happens to an installation while it takes calls. Each step ends when all is well again; the judgement over all comes at the end. */

export async function rollWorkers(run: Run): Promise<void> {
  const { cluster, now } = run;
  const beganMs = now();
  await patchPool(cluster, { workers: { podTemplate: { annotations: { 'e2e.trunkline.dev/roll': String(Math.round(beganMs)) } } } });
  await cluster.until('the rolling update of workers', 240_000, async () => {
    const { metadata, spec, status } = await readFleet(cluster);
    const isBegun = (await workerPods(cluster)).some(({ metadata }) => Date.parse(metadata.creationTimestamp) >= beganMs - 1_000);
    const isOver = status.observedGeneration === metadata.generation && status.updatedReplicas === spec.replicas;
    return isBegun && isOver && status.replicas === spec.replicas && status.readyReplicas === spec.replicas ? true : undefined;
  });
  await tellFlow(run, 'workers rolled under load', beganMs);
}

export async function killWorker(run: Run): Promise<void> {
  const { cluster, timeline, kills, image } = run;
  const [victim] = (await workerPods(cluster)).filter(isReady);
  const nodeName = victim?.spec.nodeName;
  if (victim === undefined || nodeName === undefined) throw new Error('no worker is ready');
  await makeExecutioner(cluster, image, nodeName);
  const killedMs = await killProcessOf(cluster, victim);
  kills.push({ atMs: killedMs });
  await cluster.until('the killed worker serves again', 60_000, async () => {
    const again = (await workerPods(cluster)).find(({ metadata }) => metadata.uid === victim.metadata.uid);
    const restarts = again?.status.containerStatuses[0]?.restartCount ?? 0;
    return again !== undefined && restarts > 0 && isReady(again) ? true : undefined;
  });
  timeline.measure("a worker's process killed: it serves again after", seconds(run.now() - killedMs));
  await cluster.pause(5_000);
  await tellFlow(run, 'after the kill', killedMs);
}

export async function killOperator(run: Run): Promise<void> {
  const { cluster, timeline } = run;
  const before = await readLeader(cluster);
  const pod = (await podsIn(cluster, systemNamespace)).find(({ metadata }) => before.startsWith(`${metadata.name}_`));
  if (pod === undefined) throw new Error(`the Lease is held by ${before}, and there is no such pod`);
  if (pod.spec.nodeName !== (await workerPods(cluster))[0]?.spec.nodeName) {
    timeline.skip('operator killed', 'it is on another node than the pod that kills processes');
    return;
  }
  const killedMs = await killProcessOf(cluster, pod);
  await cluster.until('another operator leads', 40_000, async () => {
    const now = await readLeader(cluster);
    return now !== '' && now !== before ? now : undefined;
  });
  timeline.measure('the leading operator killed: another leads after', seconds(run.now() - killedMs, 20));
  await tellFlow(run, 'meanwhile', killedMs);
}

/** Both are away then: an operator without its API server gives up the lead. */
export async function takeApiServerAway(run: Run): Promise<void> {
  const { cluster, timeline, outage: command, now } = run;
  if (command === undefined) {
    timeline.skip('API server restarted', 'no --restart-api-server says how this cluster does it');
    return;
  }
  const { live } = await readReport(cluster);
  timeline.measure('live calls when the API server goes', { value: live, unit: 'calls', goal: { atLeast: 1 } });
  const { awayMs, backMs } = await restartApiServer(command, cluster, now);
  timeline.tell('the API server was restarted', `away for ${((backMs - awayMs) / 1_000).toFixed(1)} s, by ${command}`);
  await expectOperatorActs(run, backMs);
  await tellFlow(run, 'without API server and operator', awayMs, backMs);
  const { answered, lost } = callersBetween(await readTruth(cluster), awayMs, backMs);
  timeline.measure('  callers answered', { value: answered, unit: 'callers', goal: { atLeast: 1 } });
  timeline.expectNone('  no caller was refused, or left without an answer', lost);
}

/** Not by its Lease, which shows whoever held it last: what is declared comes about, and what is deleted by hand is made again. */
async function expectOperatorActs(run: Run, sinceMs: number): Promise<void> {
  const { cluster, timeline, now } = run;
  const replicas = (await readFleet(cluster)).spec.replicas + 1;
  await patchPool(cluster, { scaling: { minReplicas: replicas, maxReplicas: replicas } });
  await deleteDisruptionBudget(cluster);
  await cluster.until('the operator acts on a changed declaration, and makes a deleted object again', 120_000, async () =>
    (await readFleet(cluster)).spec.replicas === replicas && (await hasDisruptionBudget(cluster)) ? true : undefined,
  );
  timeline.measure('from then on to what the operator does', seconds(now() - sinceMs, 60));
  await cluster.until('the pool says Ready', 60_000, async () =>
    conditionOf(await readPool(cluster), 'Ready')?.status === 'True' ? true : undefined,
  );
}

/** Calls go on: so many in that time, and never a long pause in between. */
async function tellFlow({ cluster, timeline, now }: Run, when: string, fromMs: number, toMs = now()): Promise<void> {
  const truth = await readTruth(cluster);
  timeline.measure(`calls placed ${when}`, { value: callsBetween(truth, fromMs, toMs), unit: 'calls', goal: { atLeast: 1 } });
  timeline.measure('  longest pause between two of them', seconds(longestPauseMs(truth, fromMs, toMs), 10));
}
