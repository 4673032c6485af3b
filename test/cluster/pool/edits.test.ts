import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { parseDocument } from 'yaml';
import { z } from 'zod';
import { freshLedger } from '../../support/ledger.ts';
import { administrator, kubectlSays, serveDefinition } from '../cluster.ts';
import { aNamespace } from '../operator/plane.ts';
import { aProcessNode } from './node.ts';
import { anOperator, apply, poolNamed, seen, until, untilReason } from './operator.ts';
import { aProvider, makeSecrets, startTrial } from './trial.ts';

/** What becomes of a running fleet when its pool is edited. */

const namespace = aNamespace();
beforeAll(serveDefinition);

const deployment = z.object({
  spec: z.object({
    replicas: z.number(),
    template: z.object({
      metadata: z.object({ annotations: z.record(z.string(), z.string()).default({}) }),
      spec: z.object({ volumes: z.array(z.object({ secret: z.object({ secretName: z.string() }).optional() })) }),
    }),
  }),
});
async function fleet(pool: string) {
  const { spec } = deployment.parse(await seen(namespace.name(), 'deployment', `${pool}-vcp`));
  const { metadata, spec: pods } = spec.template;
  return {
    replicas: spec.replicas,
    annotations: metadata.annotations,
    secrets: pods.volumes.flatMap(({ secret }) => secret?.secretName ?? []),
  };
}

test('an edit that the ledger refuses changes nothing of what runs, also for an operator that comes after it', async () => {
  const { url } = await freshLedger();
  const first = await anOperator(namespace.name(), url, 'first');
  await apply(namespace.name(), poolNamed('owner'));
  await apply(namespace.name(), poolNamed('edited'));
  await untilReason(namespace.name(), 'owner', 'Ready', 'Starting');
  await untilReason(namespace.name(), 'edited', 'Ready', 'Starting');
  const before = await fleet('edited');

  const changes = {
    'spec.subscriptions[0].accountId': 'owner-main',
    'spec.subscriptions[0].projects[0].apiKeySecretRef': { name: 'another', key: 'apiKey' },
    'spec.scaling': { minReplicas: 5, maxReplicas: 9 },
    'spec.workers': { podTemplate: { annotations: { 'example.com/edited': 'once' } } },
  };
  await apply(namespace.name(), poolNamed('edited', changes));
  await untilReason(namespace.name(), 'edited', 'Accepted', 'SubscriptionClaimed');
  await pause(3_000);
  expect(await fleet('edited')).toEqual(before);

  await first.stop('SIGTERM');
  await anOperator(namespace.name(), url, 'second');
  await kubectlSays(['delete', 'service', 'edited-vcp', '-n', namespace.name()]);
  await until('the Service is made anew', () => seen(namespace.name(), 'service', 'edited-vcp'), 30_000);
  expect(await fleet('edited')).toEqual(before);

  await apply(namespace.name(), poolNamed('edited', { ...changes, 'spec.subscriptions[0].accountId': 'edited-main' }));
  await until('the mended edit is acted on', async () => (await fleet('edited')).replicas === 5, 30_000);
  expect((await fleet('edited')).secrets).toContain('another');
  await kubectlSays(['delete', 'vcp', 'owner', 'edited', '-n', namespace.name()]);
});

const scenario = `seed: 7
traffic:
  - {kind: inbound, number: "+14155550100", perMinute: 3, length: {mu: 3.65, sigma: 0.5}}
  - {kind: outbound, class: campaign, leads: 3000, length: {mu: 5.6, sigma: 0.2}}
`;

test('a subscription that comes and goes under load has its keys on every worker from its first call to its last', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'trunkline-edits-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const { database, url } = await freshLedger();
  const node = await aProcessNode(administrator(), namespace.name());
  const changes = [[['scaling'], { minReplicas: 2, maxReplicas: 2 }]] as const;
  const { simulator, pool: both } = await aProvider(folder, node.service, { scenario, changes });
  const document = parseDocument(both);
  document.deleteIn(['spec', 'subscriptions', 1]);
  const one = document.toString();
  await makeSecrets(namespace.name(), folder, url);
  await anOperator(namespace.name(), url);
  await startTrial(namespace.name(), one, { simulator, service: node.service });
  await until('calls flow', async () => (await simulator.report()).dials > 20);
  const workers = () => [...node.pods().keys()].filter((name) => name.startsWith('trial-'));
  const before = workers();
  const onSecond = async (state: 'open' | 'all') => {
    const { rows } = await database.query<{ calls: number }>(
      `select count(*)::int as calls from attempt where subscription = 'second' and ($1 = 'all' or released_at is null)`,
      [state],
    );
    return rows[0]?.calls ?? 0;
  };

  await apply(namespace.name(), both);
  const policies = async () => (await database.query('select from policy')).rowCount ?? 0;
  await until('workers hear of it', async () => (await policies()) === 2, 120_000);
  expect(
    workers().filter((name) => before.includes(name)),
    'no worker hears of a key that its pod has not',
  ).toEqual([]);
  await until('it carries calls', async () => (await onSecond('open')) > 10, 60_000);

  await apply(namespace.name(), one);
  await until('workers hear that it is gone', async () => (await policies()) === 3, 60_000);
  const live = await onSecond('open');
  expect(live, 'calls of it live').toBeGreaterThan(5);
  expect((await fleet('trial')).secrets).toContain('vapi-second-sales');
  await until('its calls are over', async () => (await onSecond('open')) === 0, 120_000);
  const { rows } = await database.query(
    `select outcome, count(*)::int as calls from attempt
     where outcome in ('Unknown', 'ProjectFault') or ended_reason like '%KeyMissing%' group by 1`,
  );
  expect(rows).toEqual([]);
  const { violations, duplicateDials } = await simulator.report();
  expect({ violations, duplicateDials }).toEqual({ violations: [], duplicateDials: 0 });
}, 500_000);
