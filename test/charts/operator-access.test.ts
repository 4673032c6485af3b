import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type Manifest, ofKind, synthesised } from './manifests.ts';

/** The operator's verbs, all of them. A line is added here with the request that needs it, and taken away with it. */

const lease = 'leases.coordination.k8s.io';
const exactly = [
  'voicecapacitypools.trunkline.dev: list, watch',
  'voicecapacitypools.trunkline.dev/status: patch',
  'deployments.apps: get, list, watch, create, patch',
  'serviceaccounts: get, list, watch, create, patch',
  'services: get, list, watch, create, patch',
  'networkpolicies.networking.k8s.io: get, list, watch, create, patch',
  'poddisruptionbudgets.policy: get, list, watch, create, patch',
  'pods: list, watch',
  'events.events.k8s.io: create, patch',
];
const everywhere = [
  `trunkline-system ${lease}: create`,
  `trunkline-system ${lease} trunkline-operator: get, update`,
  'kube-system namespaces kube-system: get',
];

const role = z.object({
  metadata: z.object({ name: z.string(), namespace: z.string().optional() }),
  rules: z.array(
    z.strictObject({
      apiGroups: z.array(z.string()),
      resources: z.array(z.string()),
      verbs: z.array(z.string()),
      resourceNames: z.array(z.string()).optional(),
    }),
  ),
});
const binding = z.object({
  metadata: z.object({ namespace: z.string().optional() }),
  roleRef: z.object({ kind: z.string(), name: z.string() }),
  subjects: z.array(z.object({ kind: z.string(), name: z.string(), namespace: z.string() })),
});

/** What bindings give the operator's account, a line for each resource, after the namespace in which it holds. */
function granted(manifests: readonly Manifest[]): readonly string[] {
  const bindings = [...ofKind(manifests, 'ClusterRoleBinding'), ...ofKind(manifests, 'RoleBinding')].map((one) => binding.parse(one));
  return bindings.flatMap(({ metadata, roleRef, subjects }) => {
    expect(subjects).toEqual([{ kind: 'ServiceAccount', name: 'trunkline-operator', namespace: 'trunkline-system' }]);
    const place = metadata.namespace === undefined ? '' : `${metadata.namespace} `;
    const found = ofKind(manifests, roleRef.kind)
      .map((one) => role.parse(one))
      .find(({ metadata: own }) => own.name === roleRef.name && own.namespace === metadata.namespace);
    if (found === undefined) throw new Error(`no ${roleRef.kind} ${roleRef.name} in ${place}`);
    return found.rules.flatMap(({ apiGroups, resources, verbs, resourceNames = [] }) =>
      apiGroups.flatMap((group) =>
        resources.map((resource) => {
          const [plural, ...sub] = resource.split('/');
          const named = [[plural, ...(group === '' ? [] : [group])].join('.'), ...sub].join('/');
          return `${place}${[named, ...resourceNames].join(' ')}: ${verbs.join(', ')}`;
        }),
      ),
    );
  });
}

const own = { ledgerSecretRef: { name: 'trunkline-ledger', key: 'url' } };

describe('the operator may', () => {
  test('do what it does, in all namespaces, and nothing else', () => {
    expect(granted(synthesised()).toSorted()).toEqual([...exactly, ...everywhere].toSorted());
  });

  test('do it in the namespaces that are named, by Roles alone', () => {
    const manifests = synthesised({ ...own, namespaces: ['voice', 'sales'] }, '10-install');
    expect(ofKind(manifests, 'ClusterRoleBinding')).toEqual([]);
    const placed = ['voice', 'sales'].flatMap((namespace) => exactly.map((line) => `${namespace} ${line}`));
    expect(granted(manifests).toSorted()).toEqual([...placed, ...everywhere].toSorted());
  });

  test('never read a Secret, enter a pod, make a token, widen its rights or delete', () => {
    const lines = granted(synthesised());
    for (const what of [
      /secrets/,
      /\/exec|\/attach|\/portforward|\/ephemeral/,
      /\/token/,
      /\broles|rolebindings/,
      /escalate|bind\b|impersonate/,
      /delete/,
      /\*/,
    ])
      expect(
        lines.filter((line) => what.test(line)),
        String(what),
      ).toEqual([]);
  });
});

describe('people get roles for pools', () => {
  const rolesWith = (options: object) =>
    Object.fromEntries(
      ofKind(synthesised(options, '10-install'), 'ClusterRole')
        .filter(({ metadata }) => metadata.name.startsWith('trunkline-system-pool-'))
        .map((one) => [one.metadata.name, { labels: one.metadata.labels, rules: role.parse(one).rules }]),
    );
  const aggregate = (to: string) => ({ [`rbac.authorization.k8s.io/aggregate-to-${to}`]: 'true' });

  test('that speak of pools and nothing else; a status is nobody’s to write', () => {
    const roles = rolesWith({});
    expect(Object.keys(roles)).toEqual(['trunkline-system-pool-view', 'trunkline-system-pool-edit']);
    for (const { rules } of Object.values(roles)) {
      for (const { apiGroups, resources, verbs } of rules) {
        expect(apiGroups).toEqual(['trunkline.dev']);
        if (resources.includes('voicecapacitypools/status'))
          expect(verbs.filter((verb) => !['get', 'list', 'watch'].includes(verb))).toEqual([]);
      }
    }
  });

  test('that come with view and edit only when asked for', () => {
    expect(rolesWith({})).toMatchObject({ 'trunkline-system-pool-view': { labels: {} }, 'trunkline-system-pool-edit': { labels: {} } });
    for (const { labels } of Object.values(rolesWith({}))) expect(labels).toEqual({});
    expect(rolesWith({ poolRoles: 'Aggregated' })).toMatchObject({
      'trunkline-system-pool-view': { labels: aggregate('view') },
      'trunkline-system-pool-edit': { labels: aggregate('edit') },
    });
  });
});
