import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { KubeConfig } from '@kubernetes/client-node';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { openWire } from '../../chaos/proxy.ts';
import { freshLedger } from '../../support/ledger.ts';
import { administrator, needsControllers, serveDefinition } from '../cluster.ts';
import { aNamespace } from '../operator/plane.ts';
import { aProcessNode } from '../pool/node.ts';
import { anOperator, apply, until } from '../pool/operator.ts';
import { aProvider, makeSecrets, startTrial } from '../pool/trial.ts';
import { followWatches } from './watches.ts';

/** The operator dead and the API server out of reach, for whoever is on a node and for every operator: calls go on. */

const namespace = aNamespace();
beforeAll(serveDefinition);

const outageSeconds = Number(process.env['TRUNKLINE_OUTAGE_SECONDS'] ?? 120);
const lookEverySeconds = 10;
const scenario = `seed: 13
traffic:
  - {kind: inbound, number: "+14155550100", perMinute: 3, length: {mu: 3.65, sigma: 0.944}}
  - {kind: outbound, class: campaign, leads: 12000, length: {mu: 4.34, sigma: 0.944}}
`;
const changes = [
  [['scaling'], { minReplicas: 2, maxReplicas: 2 }],
  [['classes', 1, 'retry'], { maxAttempts: 1, outcomes: ['Busy'] }],
] as const;

/** A way to the API server that can be cut, and a kubeconfig that goes by it. */
async function aWayToCut(folder: string) {
  const config = new KubeConfig();
  config.loadFromString(administrator().exportConfig());
  const server = config.getCurrentCluster()?.server ?? '';
  const wire = await openWire(Number(new URL(server).port));
  onTestFinished(() => wire.close());
  config.clusters = config.clusters.map((one) => ({ ...one, server: `https://127.0.0.1:${wire.port}` }));
  const path = join(folder, 'kubeconfig');
  await writeFile(path, config.exportConfig(), { mode: 0o600 });
  return { wire, config, path };
}

test(`${outageSeconds} s without operator and API server, and no caller, call or webhook notices`, async (context) => {
  needsControllers(context);
  const folder = await mkdtemp(join(tmpdir(), 'trunkline-outage-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const { database, url } = await freshLedger();
  const way = await aWayToCut(folder);
  const node = await aProcessNode(way.config, namespace.name());
  const { simulator, pool } = await aProvider(folder, node.service, { scenario, changes });
  await makeSecrets(namespace.name(), folder, url);
  const operator = await anOperator(namespace.name(), url, 'before', way.path);
  await startTrial(namespace.name(), pool, { simulator, service: node.service });
  const watches = followWatches(database);
  onTestFinished(() => watches.end());
  await until('calls flow', async () => (await simulator.report()).dials > 20);

  way.wire.set({ kind: 'cut' });
  await operator.stop('SIGKILL');
  const callers = (await simulator.report()).inboundArrivals;
  for (let second = 0; second < outageSeconds; second += lookEverySeconds) {
    const { dials } = await simulator.report();
    await pause(lookEverySeconds * 1_000);
    const report = await simulator.report();
    expect(report.undialled, 'there is something left to dial').toBeGreaterThan(0);
    expect(report.dials, `dials in the ${lookEverySeconds} s after ${second} s`).toBeGreaterThan(dials);
  }
  const { inboundArrivals } = await simulator.report();
  process.stdout.write(`${inboundArrivals - callers} callers meanwhile, longest without a watch ${watches.longestMs()} ms\n`);
  expect(inboundArrivals).toBeGreaterThan(callers);

  way.wire.set({ kind: 'pass' });
  await anOperator(namespace.name(), url, 'after', way.path);
  await apply(namespace.name(), pool.replace(/maxReplicas: 2/, 'maxReplicas: 3').replace(/minReplicas: 2/, 'minReplicas: 3'));
  await until('a changed declaration is acted on', () => [...node.pods().values()].filter(Boolean).length === 3, 90_000);
  await simulator.stopTraffic();
  const report = await simulator.report();
  expect(report.violations).toEqual([]);
  expect(report).toMatchObject({ duplicateDials: 0, inboundRefusedAtProvider: 0, inboundLateAnswers: 0 });
  expect(watches.longestMs(), 'no project with calls was unwatched for longer').toBeLessThanOrEqual(5_000);
  expect(node.broken()).toBe(0);
  for (const [name, log] of node.logs()) expect(log, name).not.toMatch(/"level":(50|60)/);
}, 900_000);
