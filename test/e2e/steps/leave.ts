import { type Judgement, judge } from '../judge.ts';
import { removeExecutioner } from '../kill.ts';
import { podsIn, poolName, systemNamespace, trialNamespace, workerPods } from '../objects.ts';
import type { Run } from '../run.ts';
import { handInLeads, manifests, readReport, readTruth } from '../trial.ts';
import { seconds } from './install.ts';

/** The end: the judgement, the pool deleted, and all of it taken away. */

/** By what the provider saw itself. */
export async function judgeRun({ cluster, timeline, kills }: Run): Promise<void> {
  const found: Judgement = judge(await readTruth(cluster), await readReport(cluster), kills);
  timeline.expectNone('no live call was cut', found.callsCut);
  timeline.expectNone('no caller was left without an answer, but in the seconds of a kill', found.callersUnanswered);
  timeline.expectNone('no caller was refused for want of a line', found.callersRefused);
  timeline.expectNone('no limit of the provider was exceeded', found.overLimit);
  timeline.expectNone('nobody was dialled twice', found.dialledTwice);
  timeline.expectNone("no request or webhook broke the provider's description", found.broken);
}

const children = 'deployment,service,serviceaccount,poddisruptionbudget,networkpolicy';

/** With calls under way. */
export async function deletePool({ cluster, timeline, now }: Run): Promise<void> {
  const live = (await readReport(cluster)).live;
  const deletedMs = now();
  await cluster.kubectl(['delete', 'vcp', poolName, '-n', trialNamespace, '--timeout=60s']);
  await cluster.until('the objects of the pool are gone', 120_000, async () => {
    const left = await cluster.kubectl(['get', children, '-n', trialNamespace, '-l', `trunkline.dev/pool=${poolName}`, '-o', 'name']);
    return left.trim() === '' && (await workerPods(cluster)).length === 0 ? true : undefined;
  });
  timeline.measure(`the pool deleted with ${live} live calls: all its objects and pods are gone after`, seconds(now() - deletedMs, 60));
}

/** In the order in which a careless user does it: what is looked after goes last. */
export async function uninstall({ cluster, timeline, image, now }: Run): Promise<void> {
  const began = now();
  const folders = manifests(image);
  for (const folder of ['00-crd', '90-monitoring', '10-install', '20-trial']) {
    await cluster.kubectl(['delete', '--ignore-not-found', '--wait=false', '-f', '-'], folders.get(folder) ?? '');
  }
  await removeExecutioner(cluster);
  await cluster.until('nothing is left', 120_000, async () => {
    const names = [`namespace/${systemNamespace}`, `namespace/${trialNamespace}`, 'crd/voicecapacitypools.trunkline.dev'];
    return (await cluster.kubectl(['get', ...names, '--ignore-not-found', '-o', 'name'])).trim() === '' ? true : undefined;
  });
  timeline.measure('everything taken away, the definition of pools first', seconds(now() - began, 60));
}

/** For whom a run breaks under: the last words of what is there. */
export async function lastWords({ cluster }: Run): Promise<string> {
  const said: string[] = [];
  for (const namespace of [systemNamespace, trialNamespace]) {
    for (const { metadata } of await podsIn(cluster, namespace)) {
      said.push(`── ${metadata.name}`, await cluster.kubectl(['logs', '-n', namespace, metadata.name, '--tail=15']).catch(String));
    }
  }
  return said.join('\n');
}

/** So that there are live calls when the pool is deleted. */
export async function callAgain({ cluster }: Run): Promise<void> {
  await handInLeads(cluster, 60, 200_000);
  await cluster.until('live calls', 60_000, async () => ((await readReport(cluster)).live > 10 ? true : undefined));
}
