import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { checkManifest } from '../../../capacity/policy/check.ts';
import { poolKeyOf, poolName } from '../../../crds/values.ts';
import { planChildren } from '../../../operator/pool/plan/children.ts';
import { podTemplateOf } from '../../../operator/pool/plan/pod.ts';
import { applyObject, type Manifest } from '../../../operator/runtime/apply.ts';
import type { Owner } from '../../../operator/runtime/owned-fields.ts';
import { objectPath } from '../../../operator/runtime/resource.ts';
import { aNamespace, anApi } from '../operator/plane.ts';

const namespace = aNamespace();
const owner: Owner = { manager: 'trunkline-operator', subresource: '' };
const never = new AbortController().signal;

const plurals: Readonly<Record<string, string>> = {
  ServiceAccount: 'serviceaccounts',
  Deployment: 'deployments',
  Service: 'services',
  PodDisruptionBudget: 'poddisruptionbudgets',
  NetworkPolicy: 'networkpolicies',
};

function planned() {
  const checked = checkManifest(readFileSync(new URL('../../../crds/samples/full.yaml', import.meta.url), 'utf8'), 'full.yaml');
  if (!checked.ok) throw new Error('the sample is refused');
  const { spec } = checked.manifest;
  const resources = { requests: { cpu: '1000m', memory: '1024Mi' }, limits: { memory: '1024Mi' } };
  const name = poolName.parse('sales');
  return {
    pool: { name, namespace: namespace.name(), uid: undefined },
    spec: { ...spec, workers: { ...spec.workers, resources } },
    poolKey: poolKeyOf('6f1e9a52', namespace.name(), name),
    image: 'trunkline:1',
    replicas: 2,
  };
}

test('every object of a pool is taken by the API server, and is no request when nothing has changed', async () => {
  const api = anApi();
  for (const { apiVersion = '', kind = '', metadata, ...rest } of planChildren(planned())) {
    const desired: Manifest = { apiVersion, kind, metadata, ...rest };
    const path = objectPath({ apiVersion, plural: plurals[kind] ?? kind }, namespace.name(), metadata?.name ?? '');
    expect(await applyObject(api, path, { desired, live: undefined, owner }, never), kind).toMatchObject({ changed: 'applied' });
    const live = await api.request({ method: 'GET', path }, never);
    expect(await applyObject(api, path, { desired, live, owner }, never), kind).toEqual({ changed: 'nothing' });
  }
});

test('its pods are admitted where the namespace enforces the restricted standard', async () => {
  const api = anApi();
  const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
  await api.request(
    {
      method: 'PATCH',
      path: `/api/v1/namespaces/${namespace.name()}`,
      query: { fieldManager: 'test', force: 'true' },
      contentType: 'application/apply-patch+yaml',
      body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace.name(), labels } },
    },
    never,
  );
  const { metadata, spec } = podTemplateOf(planned());
  const path = objectPath({ apiVersion: 'v1', plural: 'pods' }, namespace.name(), 'restricted');
  const query = { fieldManager: 'test', dryRun: 'All' };
  const tried = (changes: object) => {
    const inNamespace = { ...metadata, name: 'restricted', namespace: namespace.name() };
    const body = { apiVersion: 'v1', kind: 'Pod', metadata: inNamespace, spec: { ...spec, priorityClassName: '', ...changes } };
    return api.request({ method: 'PATCH', path, query, contentType: 'application/apply-patch+yaml', body }, never);
  };
  await expect(tried({})).resolves.toMatchObject({ metadata: { name: 'restricted' } });
  await expect(tried({ hostNetwork: true })).rejects.toThrow(/PodSecurity/);
});
