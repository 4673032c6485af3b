import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { stringify } from 'yaml';
import { clusterIdRules, leaseRules, poolRules, type Rule } from '../../../charts/operator-access.ts';
import { administrator, kubectlSays } from '../cluster.ts';

/** An account with the verbs that an installation grants the operator, and none besides. */
export type OperatorAccount = { readonly kubeconfig: string; readonly username: string };

const name = 'operator';

export async function anOperatorAccount(namespace: string): Promise<OperatorAccount> {
  const subjects = [{ kind: 'ServiceAccount', name, namespace }];
  const granted = (where: string, role: string, rules: readonly Rule[]) => [
    { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata: { name: role, namespace: where }, rules },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: role, namespace: where },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: role },
      subjects,
    },
  ];
  const objects = [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } },
    ...granted(namespace, 'pools', poolRules),
    ...granted(namespace, 'lease', leaseRules),
    ...granted('kube-system', namespace, clusterIdRules),
  ];
  await kubectlSays(
    ['apply', '--server-side', '-f', '-'],
    objects.map((one) => `---\n${stringify(one, { aliasDuplicateObjects: false })}`).join(''),
  );
  const token = (await kubectlSays(['create', 'token', name, '-n', namespace, '--duration=1h'])).trim();

  const config = administrator();
  config.users = [{ name, token }];
  config.contexts = config.contexts.map((context) => ({ ...context, user: name }));
  const folder = await mkdtemp(join(tmpdir(), 'trunkline-account-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const kubeconfig = join(folder, 'kubeconfig');
  await writeFile(kubeconfig, config.exportConfig(), { mode: 0o600 });
  return { kubeconfig, username: `system:serviceaccount:${namespace}:${name}` };
}
