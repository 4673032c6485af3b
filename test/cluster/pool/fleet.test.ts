import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { isMap, isSeq, parseDocument } from 'yaml';
import { z } from 'zod';
import { readDeclaration } from '../../../standalone/declaration.ts';
import { inventSecrets } from '../../../standalone/secrets.ts';
import { type Simulator, startSimulator } from '../../../standalone/simulator.ts';
import { freshLedger } from '../../support/ledger.ts';
import { administrator, kubectlSays, serveDefinition } from '../cluster.ts';
import { aNamespace } from '../operator/plane.ts';
import { aProcessNode } from './node.ts';
import { anOperator, apply, condition, seen, until, untilReason } from './operator.ts';

/**
 * From `kubectl apply` to calls, with everything real but the kubelet: API server and controllers, the operator, PostgreSQL, worker processes as the plan
 * describes them, and the strict simulator as the judge.
 */

const namespace = aNamespace();
beforeAll(serveDefinition);

const sample = new URL('../../../crds/samples/trial.yaml', import.meta.url);
const speed = 20;
const token = 'tl_letmein';
const scenario = `seed: 7
traffic:
  - {kind: inbound, number: "+14155550100", perMinute: 3, length: {mu: 3.65, sigma: 0.944}}
  - {kind: outbound, class: campaign, leads: 600, length: {mu: 4.34, sigma: 0.944}}
`;

/** The sample pool, where workers and provider are those of this test. One attempt for each lead, so that the campaign ends. */
async function trialPool(on: { readonly publicUrl: string; readonly provider: string }): Promise<string> {
  const document = parseDocument(await readFile(sample, 'utf8'));
  const set = (path: readonly (string | number)[], value: unknown) => document.setIn(path, document.createNode(value));
  set(['spec', 'publicUrl'], on.publicUrl);
  set(['spec', 'ledger'], { secretRef: { name: 'ledger', key: 'url' } });
  set(['spec', 'intake'], { tokensSecretRef: { name: 'intake', key: 'tokens' } });
  set(['spec', 'workers', 'sessionsPerWorker'], 20);
  set(['spec', 'scaling'], { minReplicas: 1, maxReplicas: 3, behavior: { scaleDown: { stabilizationWindow: '5s', policies: [] } } });
  set(['spec', 'classes', 1, 'retry'], { maxAttempts: 1, outcomes: ['Busy'] });
  const subscriptions = document.getIn(['spec', 'subscriptions']);
  if (!isSeq(subscriptions)) throw new Error('the sample has subscriptions');
  for (const [index, subscription] of subscriptions.items.entries()) {
    const projects = isMap(subscription) ? subscription.get('projects') : undefined;
    if (!isSeq(projects)) throw new Error('a subscription has projects');
    for (const each of projects.items.keys()) set(['spec', 'subscriptions', index, 'projects', each, 'baseUrl'], on.provider);
  }
  return document.toString();
}

/** The provider, whose address the pool names; so it is started with a pool that differs in nothing else. */
async function aProvider(folder: string, publicUrl: string): Promise<{ readonly simulator: Simulator; readonly pool: string }> {
  const poolFile = join(folder, 'pool.yaml');
  await writeFile(poolFile, await trialPool({ publicUrl, provider: 'http://127.0.0.1:9' }));
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
  return { simulator, pool: await trialPool({ publicUrl, provider: simulator.url }) };
}

async function makeSecrets(folder: string, ledgerUrl: string): Promise<void> {
  const create = (name: string, ...from: readonly string[]) =>
    kubectlSays(['create', 'secret', 'generic', name, ...from, '-n', namespace.name()]);
  await create('ledger', `--from-literal=url=${ledgerUrl}`);
  await create('intake', `--from-literal=tokens=${createHash('sha256').update(token).digest('hex')}`);
  for (const name of await readdir(join(folder, 'secrets'))) {
    if (name !== 'intake') await create(name, `--from-file=${join(folder, 'secrets', name)}`);
  }
}

const spec = z.object({ spec: z.object({ replicas: z.number() }) });
const replicas = async () => spec.parse(await seen(namespace.name(), 'deployment', 'trial-vcp')).spec.replicas;

test('a pool is applied, takes calls, follows its queue up and down, loses nothing, and goes', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'trunkline-fleet-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const { database, url } = await freshLedger();
  const node = await aProcessNode(administrator(), namespace.name());
  const { simulator, pool } = await aProvider(folder, node.service);
  await makeSecrets(folder, url);
  await anOperator(namespace.name(), url);

  const appliedMs = performance.now();
  const passed = (what: string) => process.stdout.write(`${what}: ${((performance.now() - appliedMs) / 1_000).toFixed(1)} s after apply\n`);
  await apply(namespace.name(), pool);
  await untilReason(namespace.name(), 'trial', 'Ready', 'Ready', 60_000);
  passed('ready');
  await until('the workers take the token', async () => {
    const answer = await fetch(`${node.service}/v1/pool`, { headers: { authorization: `Bearer ${token}` } });
    return answer.ok;
  });
  await simulator.startTraffic(node.service, token);
  await until('the first call', async () => (await simulator.report()).dials > 0);
  passed('first call');

  await until('the backlog makes workers', async () => (await replicas()) === 3);
  passed('three workers wanted');
  await until('they serve', () => [...node.pods().values()].filter((ready) => ready).length === 3, 60_000);
  passed('three workers serve');

  const before = [...node.pods().keys()];
  const template = { spec: { workers: { podTemplate: { annotations: { 'example.com/rolled': 'yes' } } } } };
  await kubectlSays(['patch', 'vcp', 'trial', '-n', namespace.name(), '--type=merge', '-p', JSON.stringify(template)]);
  await until(
    'every worker is a new one',
    () => node.pods().size === 3 && [...node.pods()].every(([name, ready]) => ready && !before.includes(name)),
    120_000,
  );
  passed('rolled out');
  expect((await simulator.report()).undialled, 'it was rolled out under load').toBeGreaterThan(0);
  expect(node.broken()).toBe(0);
  const [victim = ''] = node.pods().keys();
  node.kill(victim);

  await until('every lead is dialled', async () => (await simulator.report()).undialled === 0, 120_000);
  passed('every lead dialled');
  await simulator.stopTraffic();
  await until('the fleet is small again', async () => (await replicas()) === 1 && node.pods().size === 1, 120_000);
  passed('one worker left');
  await until('no call lives', async () => (await simulator.report()).live === 0, 60_000);

  const report = await simulator.report();
  expect(report.violations).toEqual([]);
  expect(report).toMatchObject({ duplicateDials: 0, inboundRefusedAtProvider: 0, inboundLateAnswers: 0 });
  await until('every session has ended', async () => {
    const { rows } = await database.query<{ open: number; ended: number }>(
      `select count(*) filter (where state <> 'ended')::int as open, count(*) filter (where state = 'ended')::int as ended from session`,
    );
    return rows[0]?.open === 0 && rows[0].ended >= 600;
  });
  for (const [name, log] of node.logs()) expect(log, name).not.toMatch(/"level":(50|60)/);
  expect(await condition(namespace.name(), 'trial', 'Ready')).toMatchObject({ status: 'True' });
  const events = await kubectlSays(['get', 'events.events.k8s.io', '-n', namespace.name(), '-o', 'jsonpath={.items[*].reason}']);
  expect(events).toContain('ScaledUp');
  expect(events).toContain('ScaledDown');

  await kubectlSays(['delete', 'vcp', 'trial', '-n', namespace.name(), '--timeout=60s']);
  await until('no pod is left', () => node.pods().size === 0, 60_000);
}, 400_000);
