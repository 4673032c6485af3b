import { k8s } from 'cdk8s-plus-27';
import type { Construct } from 'constructs';

/** What the operator may do: the verbs that it uses, and none besides (docs/operator.md). */

export type Rule = {
  readonly apiGroups: string[];
  readonly resources: string[];
  readonly verbs: string[];
  readonly resourceNames?: string[];
};

/** Server-side apply makes an object by PATCH and is asked for `create` as well. Nothing is deleted: owner references do that. */
const applied = ['get', 'list', 'watch', 'create', 'patch'];

/** Wherever pools are. */
export const poolRules: readonly Rule[] = [
  { apiGroups: ['trunkline.dev'], resources: ['voicecapacitypools'], verbs: ['list', 'watch'] },
  { apiGroups: ['trunkline.dev'], resources: ['voicecapacitypools/status'], verbs: ['patch'] },
  { apiGroups: ['apps'], resources: ['deployments'], verbs: applied },
  { apiGroups: [''], resources: ['serviceaccounts', 'services'], verbs: applied },
  { apiGroups: ['networking.k8s.io'], resources: ['networkpolicies'], verbs: applied },
  { apiGroups: ['policy'], resources: ['poddisruptionbudgets'], verbs: applied },
  { apiGroups: [''], resources: ['pods'], verbs: ['list', 'watch'] },
  { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: ['create', 'patch'] },
];

/** In the operator's own namespace. A name cannot be asked for where an object is made. */
export const leaseRules: readonly Rule[] = [
  { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['create'] },
  { apiGroups: ['coordination.k8s.io'], resources: ['leases'], resourceNames: ['trunkline-operator'], verbs: ['get', 'update'] },
];

/** In kube-system: the uid of that namespace tells clusters apart in a ledger. */
export const clusterIdRules: readonly Rule[] = [
  { apiGroups: [''], resources: ['namespaces'], resourceNames: ['kube-system'], verbs: ['get'] },
];

export type Account = { readonly name: string; readonly namespace: string };

/** Grants the operator its verbs: everywhere, or in these namespaces alone. */
export function grantAccess(scope: Construct, account: Account, namespaces: readonly string[] | undefined): void {
  const subjects = [{ kind: 'ServiceAccount', ...account }];
  if (namespaces === undefined) {
    const metadata = { name: `${account.namespace}:pools` };
    new k8s.KubeClusterRole(scope, 'pools', { metadata, rules: [...poolRules] });
    new k8s.KubeClusterRoleBinding(scope, 'pools-binding', { metadata, roleRef: roleRef('ClusterRole', metadata.name), subjects });
  } else {
    for (const namespace of namespaces) grantIn(namespace, `${account.namespace}:pools`, poolRules);
  }
  grantIn(account.namespace, `${account.namespace}:lease`, leaseRules);
  grantIn('kube-system', `${account.namespace}:cluster-id`, clusterIdRules);

  function grantIn(namespace: string, name: string, rules: readonly Rule[]): void {
    const metadata = { name, namespace };
    new k8s.KubeRole(scope, `${namespace}-${name}`, { metadata, rules: [...rules] });
    new k8s.KubeRoleBinding(scope, `${namespace}-${name}-binding`, { metadata, roleRef: roleRef('Role', name), subjects });
  }
}

function roleRef(kind: 'ClusterRole' | 'Role', name: string): k8s.RoleRef {
  return { apiGroup: 'rbac.authorization.k8s.io', kind, name };
}
