import { callersAnswered, endsOf, firstCallAtMs } from '../judge.ts';
import { conditionOf, podsIn, readPool, stuck, systemNamespace, trialNamespace } from '../objects.ts';
import type { Run } from '../run.ts';
import { manifests, readTruth } from '../trial.ts';

/** From nothing to calls. */

/** Something of an installation is there already, and a run would change it. */
export class NotBare extends Error {
  override readonly name = 'NotBare';
}

export async function expectBare({ cluster }: Run): Promise<void> {
  const names = [`namespace/${systemNamespace}`, `namespace/${trialNamespace}`, 'crd/voicecapacitypools.trunkline.dev'];
  const there = (await cluster.kubectl(['get', ...names, '--ignore-not-found', '-o', 'name'])).trim();
  if (there === '') return;
  throw new NotBare(`the cluster has ${there.split('\n').join(', ')} already: take them away, or name another cluster`);
}

export async function install(run: Run): Promise<void> {
  const { cluster, timeline, image } = run;
  const folders = manifests(image);
  await apply(run, folders, '00-crd');
  await apply(run, folders, '10-install');
  await apply(run, folders, '90-monitoring');
  timeline.tell('applied 00-crd, 10-install and 90-monitoring');
  await orStuck(run, systemNamespace, () =>
    cluster.kubectl(['rollout', 'status', 'deployment/trunkline-operator', '-n', systemNamespace, '--timeout=60s']),
  );
  timeline.tell('both operators are ready');
}

/** `kubectl apply` of the sample to the first call that the provider took. */
export async function applySample(run: Run): Promise<void> {
  const { cluster, timeline, image, now } = run;
  const appliedMs = now();
  await apply(run, manifests(image), '20-trial');
  timeline.tell('applied 20-trial: ledger, simulator and pool');
  const firstMs = await orStuck(run, trialNamespace, () =>
    cluster.until('a first call', 90_000, async () => firstCallAtMs(await readTruth(cluster))),
  );
  timeline.measure('apply of the sample to the first call placed', seconds(firstMs - appliedMs, 30));
  await cluster.until('the pool says Ready', 30_000, async () =>
    conditionOf(await readPool(cluster), 'Ready')?.status === 'True' ? true : undefined,
  );
  timeline.tell('the pool says Ready');
}

export async function letCallsFlow(run: Run): Promise<void> {
  const { cluster, timeline } = run;
  const wanted = 100;
  const truth = await cluster.until(`${wanted} calls that have ended`, 120_000, async () => {
    const seen = await readTruth(cluster);
    return endsOf(seen) >= wanted && callersAnswered(seen) > 0 ? seen : undefined;
  });
  const { status } = await readPool(cluster);
  timeline.tell('calls flow', `${endsOf(truth)} have ended, ${callersAnswered(truth)} callers were answered`);
  timeline.tell(
    'kubectl get vcp',
    `ceiling ${status?.ceiling}, active ${status?.active}, queued ${status?.queued}, workers ${status?.readyReplicas}`,
  );
}

async function apply({ cluster }: Run, folders: ReadonlyMap<string, string>, folder: string): Promise<void> {
  const text = folders.get(folder);
  if (text === undefined) throw new Error(`there is no ${folder}`);
  await cluster.kubectl(['apply', '--server-side', '-f', '-'], text);
}

/** Waiting in vain, it tells which pods do not start. */
async function orStuck<T>({ cluster }: Run, namespace: string, wait: () => Promise<T>): Promise<T> {
  try {
    return await wait();
  } catch (error) {
    const reasons = stuck(await podsIn(cluster, namespace));
    if (reasons.length === 0) throw error;
    throw new Error(`pods do not start (${reasons.join(', ')}): is the image loaded? "npm run e2e -- --build" does it`, { cause: error });
  }
}

export const seconds = (spanMs: number, atMost?: number) => ({
  value: Math.round(spanMs / 100) / 10,
  unit: 's',
  ...(atMost === undefined ? {} : { goal: { atMost } }),
});
