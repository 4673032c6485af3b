import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { isMap, isSeq, parseDocument } from 'yaml';
import { readDeclaration } from '../../../standalone/declaration.ts';
import { inventSecrets } from '../../../standalone/secrets.ts';
import { type Simulator, startSimulator } from '../../../standalone/simulator.ts';
import { kubectlSays } from '../cluster.ts';
import { apply, until, untilReason } from './operator.ts';

/** The sample pool in a cluster, before the strict simulator, which is the judge of what happens to its calls. */

const sample = new URL('../../../crds/samples/trial.yaml', import.meta.url);
const speed = 20;
/** What takes sessions in: that of whoever sends them. */
export const token = 'tl_letmein';

/** What a test wants otherwise than the sample has it, by path within the pool's spec. */
export type Changes = readonly (readonly [path: readonly (string | number)[], value: unknown])[];

async function trialPool(on: { readonly publicUrl: string; readonly provider: string }, changes: Changes): Promise<string> {
  const document = parseDocument(await readFile(sample, 'utf8'));
  const set = (path: readonly (string | number)[], value: unknown) => document.setIn(['spec', ...path], document.createNode(value));
  set(['publicUrl'], on.publicUrl);
  set(['ledger'], { secretRef: { name: 'ledger', key: 'url' } });
  set(['intake'], { tokensSecretRef: { name: 'intake', key: 'tokens' } });
  for (const [path, value] of changes) set(path, value);
  const subscriptions = document.getIn(['spec', 'subscriptions']);
  if (!isSeq(subscriptions)) throw new Error('the sample has subscriptions');
  for (const [index, subscription] of subscriptions.items.entries()) {
    const projects = isMap(subscription) ? subscription.get('projects') : undefined;
    if (!isSeq(projects)) throw new Error('a subscription has projects');
    for (const each of projects.items.keys()) set(['subscriptions', index, 'projects', each, 'baseUrl'], on.provider);
  }
  return document.toString();
}

/** The provider, whose address the pool names; so it is started with a pool that differs in nothing else. */
export async function aProvider(
  folder: string,
  publicUrl: string,
  { scenario, changes }: { readonly scenario: string; readonly changes: Changes },
): Promise<{ readonly simulator: Simulator; readonly pool: string }> {
  const poolFile = join(folder, 'pool.yaml');
  await writeFile(poolFile, await trialPool({ publicUrl, provider: 'http://127.0.0.1:9' }, changes));
  await writeFile(join(folder, 'scenario.yaml'), scenario);
  await inventSecrets((await readDeclaration(poolFile)).manifest.spec, join(folder, 'secrets'));
  const simulator = await startSimulator({
    poolFile,
    stateDirectory: join(folder, 'state'),
    secretsDirectory: join(folder, 'secrets'),
    speed,
    scenarioFile: join(folder, 'scenario.yaml'),
    logDirectory: folder,
    onEvent: (line) => process.stdout.write(`${line}\n`),
  });
  onTestFinished(() => simulator.end());
  return { simulator, pool: await trialPool({ publicUrl, provider: simulator.url }, changes) };
}

/** Applies the pool, and has it called and called from once it takes sessions. */
export async function startTrial(
  namespace: string,
  pool: string,
  { simulator, service }: { readonly simulator: Simulator; readonly service: string },
): Promise<void> {
  await apply(namespace, pool);
  await untilReason(namespace, 'trial', 'Ready', 'Ready', 60_000);
  await until('the workers take the token', async () => {
    const answer = await fetch(`${service}/v1/pool`, { headers: { authorization: `Bearer ${token}` } });
    return answer.ok;
  });
  await simulator.startTraffic(service, token);
}

/** Puts the pool's Secrets into the cluster. */
export async function makeSecrets(namespace: string, folder: string, ledgerUrl: string): Promise<void> {
  const create = (name: string, ...from: readonly string[]) => kubectlSays(['create', 'secret', 'generic', name, ...from, '-n', namespace]);
  await create('ledger', `--from-literal=url=${ledgerUrl}`);
  await create('intake', `--from-literal=tokens=${createHash('sha256').update(token).digest('hex')}`);
  for (const name of await readdir(join(folder, 'secrets'))) {
    if (name !== 'intake') await create(name, `--from-file=${join(folder, 'secrets', name)}`);
  }
}
