import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { freshLedger } from '../../support/ledger.ts';
import { kubectl, kubectlSays, needsControllers, serveDefinition } from '../cluster.ts';
import { aNamespace } from '../operator/plane.ts';
import { anOperator, apply, poolNamed, seen, until, untilReason } from './operator.ts';

const namespace = aNamespace();
beforeAll(serveDefinition);

const kinds = ['deployment', 'service', 'serviceaccount', 'poddisruptionbudget', 'networkpolicy'] as const;
const replicasOf = z.looseObject({ spec: z.looseObject({ replicas: z.number() }) });

const replicas = async (name: string) => replicasOf.parse(await seen(namespace.name(), 'deployment', `${name}-vcp`)).spec.replicas;

test('a pool gets its objects, its policy is in the ledger, and its conditions say what it waits for', async () => {
  const { database, url } = await freshLedger();
  await anOperator(namespace.name(), url);
  await apply(namespace.name(), poolNamed('sales'));

  for (const kind of kinds) await until(`${kind} of the pool`, () => seen(namespace.name(), kind, 'sales-vcp'));
  const accepted = await untilReason(namespace.name(), 'sales', 'Accepted', 'Accepted');
  expect(accepted).toMatchObject({ status: 'True', observedGeneration: 1 });
  const available = await untilReason(namespace.name(), 'sales', 'WorkersAvailable', 'Starting');
  expect(available.status).toBe('False');
  await untilReason(namespace.name(), 'sales', 'Ready', 'Starting');

  const { rows } = await database.query<{ name: string; generation: string }>(
    'select pool.name, policy.generation from pool join policy on policy.pool_id = pool.id',
  );
  expect(rows).toMatchObject([{ name: expect.stringMatching(new RegExp(`^[0-9a-f-]{36}/${namespace.name()}/sales$`)), generation: '1' }]);
});

test('what hands change in a fleet is put back', async () => {
  const { url } = await freshLedger();
  await anOperator(namespace.name(), url);
  await apply(namespace.name(), poolNamed('drift'));
  await until('the Deployment', () => seen(namespace.name(), 'deployment', 'drift-vcp'));
  const wanted = await replicas('drift');

  await kubectlSays(['scale', 'deployment/drift-vcp', '--replicas=9', '-n', namespace.name()]);
  await until('replicas are put back', async () => (await replicas('drift')) === wanted);
  await kubectlSays(['set', 'image', 'deployment/drift-vcp', 'worker=elsewhere:1', '-n', namespace.name()]);
  await until('the image is put back', async () =>
    JSON.stringify(await seen(namespace.name(), 'deployment', 'drift-vcp')).includes('"image":"trunkline:test"'),
  );
  const service = await seen(namespace.name(), 'service', 'drift-vcp');
  await kubectlSays(['delete', 'service', 'drift-vcp', '-n', namespace.name()]);
  const made = await until('the Service is made again', () => seen(namespace.name(), 'service', 'drift-vcp'));
  expect(made.metadata.uid).not.toBe(service?.metadata.uid);
});

test("somebody else's object of a child's name is left alone, the pool says so, and others go on", async () => {
  const { url } = await freshLedger();
  await kubectlSays(['create', 'service', 'clusterip', 'taken-vcp', '--tcp=80:80', '-n', namespace.name()]);
  const before = await seen(namespace.name(), 'service', 'taken-vcp');
  await anOperator(namespace.name(), url);
  await apply(namespace.name(), poolNamed('taken'));
  await apply(namespace.name(), poolNamed('other'));

  const applied = await untilReason(namespace.name(), 'taken', 'ObjectsApplied', 'NameConflict');
  expect(applied.message).toContain('Service taken-vcp');
  await untilReason(namespace.name(), 'taken', 'Ready', 'NameConflict');
  await untilReason(namespace.name(), 'other', 'ObjectsApplied', 'Applied');
  expect(await seen(namespace.name(), 'service', 'taken-vcp')).toEqual(before);

  await kubectlSays(['delete', 'service', 'taken-vcp', '-n', namespace.name()]);
  await untilReason(namespace.name(), 'taken', 'ObjectsApplied', 'Applied');
});

test("of many pools that are made at once one that has somebody else's name in its way is found as well", async () => {
  const { url } = await freshLedger();
  await kubectlSays(['create', 'serviceaccount', 'many-7-vcp', '-n', namespace.name()]);
  const before = await seen(namespace.name(), 'serviceaccount', 'many-7-vcp');
  const names = Array.from({ length: 12 }, (_, index) => `many-${index}`);
  for (const name of names) await apply(namespace.name(), poolNamed(name));
  await anOperator(namespace.name(), url);

  for (const name of names) await untilReason(namespace.name(), name, 'ObjectsApplied', name === 'many-7' ? 'NameConflict' : 'Applied');
  expect(await seen(namespace.name(), 'serviceaccount', 'many-7-vcp')).toEqual(before);
});

test('a deleted pool is gone with all its objects within a minute, and its place in the ledger is closed', async (context) => {
  needsControllers(context);
  const { database, url } = await freshLedger();
  await anOperator(namespace.name(), url);
  await apply(namespace.name(), poolNamed('leaving'));
  await untilReason(namespace.name(), 'leaving', 'WorkersAvailable', 'Starting');

  const deletedMs = performance.now();
  await kubectlSays(['delete', 'vcp', 'leaving', '-n', namespace.name(), '--timeout=60s']);
  for (const kind of kinds)
    await until(`no ${kind}`, async () => (await seen(namespace.name(), kind, 'leaving-vcp')) === undefined, 60_000);
  await until('the pool is closed in the ledger', async () => {
    const { rows } = await database.query(`select 1 from pool where name like '%/leaving' and closed_at is not null`);
    return rows.length === 1;
  });
  process.stdout.write(`pool deleted: gone after ${Math.round(performance.now() - deletedMs)} ms\n`);
  expect(performance.now() - deletedMs).toBeLessThan(60_000);
}, 120_000);

test('of two operators the second takes over after a kill, and at once after SIGTERM', async () => {
  const { url } = await freshLedger();
  const first = await anOperator(namespace.name(), url, 'first');
  await until('the first leads', () => first.process.err().includes('"leading"'));
  const second = await anOperator(namespace.name(), url, 'second');
  const third = await anOperator(namespace.name(), url, 'third');

  await first.stop('SIGKILL');
  const killedMs = performance.now();
  const [next, last] = await until(
    'another leads',
    () => {
      if (second.process.err().includes('"leading"')) return [second, third] as const;
      return third.process.err().includes('"leading"') ? ([third, second] as const) : undefined;
    },
    25_000,
  );
  process.stdout.write(`operator killed: the next leads after ${Math.round(performance.now() - killedMs)} ms\n`);
  expect(performance.now() - killedMs).toBeLessThan(20_500);
  await apply(namespace.name(), poolNamed('taken-over'));
  await until('the next one acts', () => seen(namespace.name(), 'deployment', 'taken-over-vcp'));

  await next.stop('SIGTERM');
  await until('the last one leads', () => last.process.err().includes('"leading"'), 5_000);
});

test('a pool that is broken says what is wrong and what to do, and others go on', async () => {
  const { url } = await freshLedger();
  await anOperator(namespace.name(), url);
  await apply(namespace.name(), poolNamed('no-ledger', { 'spec.ledger': undefined }));
  await apply(namespace.name(), poolNamed('no-seller', { 'spec.classes[2].assistant': 'nobody' }));
  await apply(namespace.name(), poolNamed('well'));

  const ledger = await untilReason(namespace.name(), 'no-ledger', 'Ready', 'Invalid');
  expect(ledger.message).toContain('spec.ledger');
  const seller = await untilReason(namespace.name(), 'no-seller', 'Accepted', 'Invalid');
  expect(seller.message).toContain('spec.classes[2].assistant');
  await until('an event tells it', async () =>
    (await kubectlSays(['get', 'events.events.k8s.io', '-n', namespace.name()])).includes('spec.classes[2].assistant'),
  );
  await untilReason(namespace.name(), 'well', 'Accepted', 'Accepted');
  expect(await seen(namespace.name(), 'deployment', 'no-seller-vcp')).toBeUndefined();

  await apply(namespace.name(), poolNamed('claims', { 'spec.subscriptions[0].accountId': 'well-main' }));
  await untilReason(namespace.name(), 'claims', 'Accepted', 'SubscriptionClaimed');
});

test('an object that the API server fails to take is told in its words, and made once it is taken', async () => {
  const { url } = await freshLedger();
  await anOperator(namespace.name(), url);
  const name = `down-for-${namespace.name()}`;
  const webhook = {
    name: 'down.example.com',
    clientConfig: { url: 'https://127.0.0.1:1/' },
    rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['services'] }],
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace.name() } },
    failurePolicy: 'Fail',
    sideEffects: 'None',
    timeoutSeconds: 1,
    admissionReviewVersions: ['v1'],
  };
  const kind = 'ValidatingWebhookConfiguration';
  const remove = () => kubectlSays(['delete', kind, name, '--ignore-not-found']);
  onTestFinished(() => remove().then(() => undefined));
  const configuration = { apiVersion: 'admissionregistration.k8s.io/v1', kind, metadata: { name }, webhooks: [webhook] };
  await kubectlSays(['apply', '--server-side', '-f', '-'], JSON.stringify(configuration));
  await until('services are refused', async () => {
    const made = await kubectl(['create', 'service', 'clusterip', 'probe', '--tcp=80:80', '-n', namespace.name(), '--dry-run=server']);
    return made.code !== 0;
  });

  await apply(namespace.name(), poolNamed('stuck'));
  const applied = await untilReason(namespace.name(), 'stuck', 'ObjectsApplied', 'NotTaken');
  expect(applied.message).toContain('down.example.com');
  await remove();
  await untilReason(namespace.name(), 'stuck', 'ObjectsApplied', 'Applied', 60_000);
}, 150_000);
