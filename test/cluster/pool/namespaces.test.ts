import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { freshLedger } from '../../support/ledger.ts';
import { administrator, kubectlSays, serveDefinition } from '../cluster.ts';
import { aNamespace } from '../operator/plane.ts';
import { anOperator, apply, poolNamed, seen, until, untilReason } from './operator.ts';

/** An operator of several namespaces that may read one of them only. */

const open = aNamespace();
const shut = aNamespace();
beforeAll(serveDefinition);

const all = [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }];
const user = () => `system:serviceaccount:${open.name()}:limited`;

/** Lets the limited account do everything in this namespace. */
async function admit(namespace: string): Promise<void> {
  const metadata = { name: `limited-of-${open.name()}`, namespace };
  const of = { apiVersion: 'rbac.authorization.k8s.io/v1', metadata };
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: metadata.name };
  const subjects = [{ kind: 'ServiceAccount', name: 'limited', namespace: open.name() }];
  const items = [
    { ...of, kind: 'Role', rules: all },
    { ...of, kind: 'RoleBinding', roleRef, subjects },
  ];
  await kubectlSays(['apply', '--server-side', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
}

async function limitedKubeconfig(): Promise<string> {
  await kubectlSays(['create', 'serviceaccount', 'limited', '-n', open.name()]);
  const token = (await kubectlSays(['create', 'token', 'limited', '-n', open.name()])).trim();
  const config = administrator();
  config.users = [{ name: user(), token }];
  config.contexts = config.contexts.map((context) => ({ ...context, user: user() }));
  const folder = await mkdtemp(join(tmpdir(), 'trunkline-limited-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, 'kubeconfig'), config.exportConfig(), { mode: 0o600 });
  return join(folder, 'kubeconfig');
}

test('what it may not read keeps nobody waiting: those pools are neither taken up nor closed, and it goes on once it may', async () => {
  const { database, url } = await freshLedger();
  const namespaces = [open.name(), shut.name()];
  const generationOf = async (pool: string) => {
    const { rows } = await database.query<{ generation: string; open: boolean }>(
      `select max(generation)::text as generation, bool_and(closed_at is null) as open
         from pool join policy on policy.pool_id = pool.id where pool.name like '%/' || $1`,
      [pool],
    );
    return rows[0];
  };
  const before = await anOperator(open.name(), url, 'before', undefined, namespaces);
  await apply(open.name(), poolNamed('seen'));
  await apply(shut.name(), poolNamed('unseen'));
  const areOpen = async () => (await generationOf('seen'))?.open === true && (await generationOf('unseen'))?.open === true;
  await until('both are in the ledger', areOpen);
  await before.stop('SIGTERM');

  await admit(open.name());
  await admit('kube-system');
  onTestFinished(async () => {
    for (const kind of ['role', 'rolebinding'])
      await kubectlSays(['delete', kind, `limited-of-${open.name()}`, '-n', 'kube-system', '--ignore-not-found']);
  });
  const limited = await anOperator(open.name(), url, 'limited', await limitedKubeconfig(), namespaces);
  await apply(open.name(), poolNamed('later'));
  await apply(shut.name(), poolNamed('unseen', { 'spec.classes[0].priority': 900 }));
  await until('a pool is taken up where it may', () => seen(open.name(), 'deployment', 'later-vcp'));
  const metrics = async () => (await fetch(`http://127.0.0.1:${limited.port}/metrics`)).text();
  expect(await metrics()).toContain('trunkline_operator_unread_namespaces 1');
  expect((await fetch(`http://127.0.0.1:${limited.port}/readyz`)).status).toBe(200);
  await kubectlSays(['delete', 'vcp', 'seen', '-n', open.name()]);
  await until('a pool that is gone is closed', async () => (await generationOf('seen'))?.open === false);
  await pause(3_000);
  expect(await generationOf('unseen')).toEqual({ generation: '1', open: true });

  await admit(shut.name());
  await until('the other namespace is taken up', async () => (await generationOf('unseen'))?.generation === '2', 60_000);
  await untilReason(shut.name(), 'unseen', 'Ready', 'Starting');
  expect(await metrics()).toContain('trunkline_operator_unread_namespaces 0');
}, 180_000);
