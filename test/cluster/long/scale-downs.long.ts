import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { V1Pod } from '@kubernetes/client-node';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { readDeclaration } from '../../../standalone/declaration.ts';
import { openTeam, teamOrigin } from '../../chaos/team/team.ts';
import { freshLedger } from '../../support/ledger.ts';
import { administrator, kubectlSays, needsControllers, serveDefinition } from '../cluster.ts';
import { aNamespace } from '../operator/plane.ts';
import { aProcessNode } from '../pool/node.ts';
import { anOperator, until } from '../pool/operator.ts';
import { aProvider, makeSecrets, startTrial, token } from '../pool/trial.ts';
import { followWatches } from './watches.ts';

/** A fleet made smaller again and again, and rolled out at the end, while calls come and go: nobody may notice. Everything is real but the kubelet. */

const namespace = aNamespace();
beforeAll(serveDefinition);

const times = Number(process.env['TRUNKLINE_SCALE_DOWNS'] ?? 20);
/** The unpacked package of an earlier release, with its dependencies: the workers are its own until they are rolled out, on the schema of this one. */
const previous = process.env['TRUNKLINE_PREVIOUS_RELEASE'];
const rolledOut = 'example.com/rolled';
const entryOf = (pod: V1Pod) =>
  previous === undefined || pod.metadata?.annotations?.[rolledOut] !== undefined ? 'roles/main.ts' : join(previous, 'build/roles/main.js');
const large = 3;
const leads = 700 * times;
const scenario = `seed: 11
traffic:
  - {kind: inbound, number: "+14155550100", perMinute: 3, length: {mu: 3.65, sigma: 0.944}}
  - {kind: outbound, class: campaign, leads: ${leads}, length: {mu: 4.34, sigma: 0.944}}
`;

/** As many as that, whatever the queue says: the fleet is made smaller while it has most to do. */
const fixedAt = (workers: number) => ({
  minReplicas: workers,
  maxReplicas: workers,
  behavior: { scaleDown: { stabilizationWindow: '5s', policies: [] } },
});

test(`of ${times} times that a busy fleet is made smaller, and of a rollout, no caller, call or event notices`, async (context) => {
  needsControllers(context);
  const folder = await mkdtemp(join(tmpdir(), 'trunkline-scale-downs-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const { database, url } = await freshLedger();
  const node = await aProcessNode(administrator(), namespace.name(), entryOf);
  const changes = [
    [['workers', 'sessionsPerWorker'], 20],
    [['scaling'], fixedAt(large)],
    [['classes', 1, 'retry'], { maxAttempts: 1, outcomes: ['Busy'] }],
    [['handler'], { url: `${teamOrigin}/handler`, timeout: '1s' }],
  ] as const;
  const { simulator, pool: drawn } = await aProvider(folder, node.service, { scenario, changes });
  const { spec } = (await readDeclaration(join(folder, 'pool.yaml'))).manifest;
  const team = await openTeam({ spec, secretsDirectory: join(folder, 'secrets'), manners: { slow: 0, refuses: 0 }, random: () => 1 });
  onTestFinished(() => team.close());
  const { handler } = team.placed(spec);
  const pool = drawn.replace(`${teamOrigin}/handler`, handler !== undefined && 'url' in handler ? handler.url : '');
  await makeSecrets(namespace.name(), folder, url);
  await anOperator(namespace.name(), url);
  await startTrial(namespace.name(), pool, { simulator, service: node.service });
  const watches = followWatches(database);
  onTestFinished(() => watches.end());

  const serving = (many: number) =>
    until(
      `${many} workers serve, and no other is there`,
      () => node.pods().size === many && [...node.pods().values()].every(Boolean),
      120_000,
    );
  const resize = (many: number) =>
    kubectlSays([
      'patch',
      'vcp',
      'trial',
      '-n',
      namespace.name(),
      '--type=merge',
      '-p',
      JSON.stringify({ spec: { scaling: fixedAt(many) } }),
    ]);
  const beganMs = performance.now();
  for (let time = 1; time <= times; time += 1) {
    await serving(large);
    const before = (await simulator.report()).dials;
    await resize(1);
    await serving(1);
    const { dials, undialled } = await simulator.report();
    expect(undialled, 'it was made smaller under load').toBeGreaterThan(0);
    expect(node.broken(), `connections refused or reset, ${time} times smaller`).toBe(0);
    process.stdout.write(
      `${time} times smaller after ${((performance.now() - beganMs) / 1_000).toFixed(0)} s: ${dials - before} dials meanwhile\n`,
    );
    await resize(large);
  }
  await serving(large);
  const former = [...node.pods().keys()];
  const template = { spec: { workers: { podTemplate: { annotations: { [rolledOut]: 'yes' } } } } };
  await kubectlSays(['patch', 'vcp', 'trial', '-n', namespace.name(), '--type=merge', '-p', JSON.stringify(template)]);
  await until('every worker is a new one', () => [...node.pods().keys()].every((name) => !former.includes(name)), 120_000);
  await serving(large);
  expect((await simulator.report()).undialled, 'it was rolled out under load').toBeGreaterThan(0);
  process.stdout.write(`rolled out: longest without a watch so far ${watches.longestMs()} ms\n`);
  await simulator.stopTraffic();
  const held = await fetch(`${node.service}/v1/hold`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: '{}',
  });
  expect(held.status).toBe(200);
  await until('no call lives', async () => (await simulator.report()).live === 0, 120_000);
  await until('every event is handed on', async () => {
    const { rows } = await database.query<{ left: number }>(`select count(*)::int as left from inbox where processed_at is null`);
    return rows[0]?.left === 0;
  });

  const report = await simulator.report();
  const twice = [...team.heard.events].filter(([, count]) => count > 1);
  const ends = [...team.heard.events.keys()].filter((event) => event.includes('end-of-call-report')).length;
  process.stdout.write(
    `${report.dials} dials, ${report.inboundArrivals} callers, ${team.heard.events.size} events (${ends} ends), longest without a watch: ${watches.longestMs()} ms\n`,
  );
  expect(report.violations).toEqual([]);
  expect(report).toMatchObject({ duplicateDials: 0, inboundRefusedAtProvider: 0, inboundLateAnswers: 0 });
  expect(twice, 'events that were handed over twice').toEqual([]);
  expect(team.heard.wrong).toEqual([]);
  expect(watches.longestMs(), 'no project with calls was unwatched for longer').toBeLessThanOrEqual(5_000);
  expect(node.broken()).toBe(0);
  for (const [name, log] of node.logs()) expect(log, name).not.toMatch(/"level":(50|60)/);
}, 3_600_000);
