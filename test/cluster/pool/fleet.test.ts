import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { freshLedger } from '../../support/ledger.ts';
import { administrator, kubectlSays, needsControllers, serveDefinition } from '../cluster.ts';
import { aNamespace } from '../operator/plane.ts';
import { aProcessNode } from './node.ts';
import { anOperator, apply, condition, seen, until, untilReason } from './operator.ts';
import { aProvider, makeSecrets, token } from './trial.ts';

/**
 * From `kubectl apply` to calls, with everything real but the kubelet: API server and controllers, the operator, PostgreSQL, worker processes as the plan
 * describes them, and the strict simulator as the judge.
 */

const namespace = aNamespace();
beforeAll(serveDefinition);

const scenario = `seed: 7
traffic:
  - {kind: inbound, number: "+14155550100", perMinute: 3, length: {mu: 3.65, sigma: 0.944}}
  - {kind: outbound, class: campaign, leads: 600, length: {mu: 4.34, sigma: 0.944}}
`;
/** One attempt for each lead, so that the campaign ends. */
const changes = [
  [['workers', 'sessionsPerWorker'], 20],
  [['scaling'], { minReplicas: 1, maxReplicas: 3, behavior: { scaleDown: { stabilizationWindow: '5s', policies: [] } } }],
  [['classes', 1, 'retry'], { maxAttempts: 1, outcomes: ['Busy'] }],
] as const;

const spec = z.object({ spec: z.object({ replicas: z.number() }) });
const replicas = async () => spec.parse(await seen(namespace.name(), 'deployment', 'trial-vcp')).spec.replicas;

test('a pool is applied, takes calls, follows its queue up and down, loses nothing, and goes', async (context) => {
  needsControllers(context);
  const folder = await mkdtemp(join(tmpdir(), 'trunkline-fleet-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const { database, url } = await freshLedger();
  const node = await aProcessNode(administrator(), namespace.name());
  const { simulator, pool } = await aProvider(folder, node.service, { scenario, changes });
  await makeSecrets(namespace.name(), folder, url);
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
