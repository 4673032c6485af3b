import { expect, test } from 'vitest';
import { type Applied, applyObject, type Manifest } from '../../../operator/runtime/apply.ts';
import type { Owner } from '../../../operator/runtime/owned-fields.ts';
import { objectPath } from '../../../operator/runtime/resource.ts';
import { kubectlSays } from '../cluster.ts';
import { aNamespace, anApi } from './plane.ts';

const namespace = aNamespace();
const owner: Owner = { manager: 'trunkline-operator', subresource: '' };
const never = new AbortController().signal;

/** A deployment with what is compared wrongly most easily: amounts, ports without a protocol, lists by key, values that are treated as a whole. */
function aDeployment(name: string): Manifest {
  const labels = { app: name };
  const field = { name: 'POD', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.name' } } };
  const worker = {
    name: 'worker',
    image: 'example.com/worker:1',
    args: ['worker'],
    env: [{ name: 'ROLE', value: '1000m' }, field],
    ports: [{ name: 'http', containerPort: 8080 }],
    resources: { requests: { cpu: '1000m', memory: '1024Mi' }, limits: { memory: '1.5Gi' } },
    volumeMounts: [{ name: 'scratch', mountPath: '/tmp' }],
    securityContext: { readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
    readinessProbe: { httpGet: { path: '/readyz', port: 'http' } },
  };
  const spec = {
    replicas: 1,
    selector: { matchLabels: labels },
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: 0 } },
    template: {
      metadata: { labels },
      spec: {
        containers: [worker],
        volumes: [{ name: 'scratch', emptyDir: { sizeLimit: '1024Mi' } }],
        topologySpreadConstraints: [
          {
            maxSkew: 1,
            topologyKey: 'kubernetes.io/hostname',
            whenUnsatisfiable: 'ScheduleAnyway',
            labelSelector: { matchLabels: labels },
          },
        ],
      },
    },
  };
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name, namespace: namespace.name(), labels }, spec };
}

function place(name: string) {
  const api = anApi();
  const path = objectPath({ apiVersion: 'apps/v1', plural: 'deployments' }, namespace.name(), name);
  const read = () => api.request({ method: 'GET', path }, never);
  const apply = (desired: Manifest, live: unknown): Promise<Applied> => applyObject(api, path, { desired, live, owner }, never);
  return { api, path, read, apply };
}

test('an object that the API server has filled with defaults is not applied again', async () => {
  const { read, apply } = place('unchanged');
  expect(await apply(aDeployment('unchanged'), undefined)).toMatchObject({ changed: 'applied' });
  expect(await apply(aDeployment('unchanged'), await read())).toEqual({ changed: 'nothing' });
});

test('what a hand changed is undone, and what a hand added stays', async () => {
  const { api, path, read, apply } = place('drift');
  await apply(aDeployment('drift'), undefined);
  const body = { metadata: { labels: { theirs: 'too' } }, spec: { replicas: 7 } };
  await api.request({ method: 'PATCH', path, query: { fieldManager: 'a-hand' }, contentType: 'application/merge-patch+json', body }, never);

  expect(await apply(aDeployment('drift'), await read())).toMatchObject({
    changed: 'applied',
    object: { metadata: { labels: { app: 'drift', theirs: 'too' } }, spec: { replicas: 1 } },
  });
  expect(await apply(aDeployment('drift'), await read())).toEqual({ changed: 'nothing' });
});

test('a field that is not wanted any more goes', async () => {
  const { read, apply } = place('less');
  const more = aDeployment('less');
  await apply({ ...more, metadata: { name: 'less', namespace: namespace.name(), labels: { app: 'less', old: 'yes' } } }, undefined);
  expect(await apply(more, await read())).toMatchObject({ changed: 'applied', object: { metadata: { labels: { app: 'less' } } } });
  expect(await apply(more, await read())).toEqual({ changed: 'nothing' });
});

test('an object that was made anew since it was looked at is refused, and left as it is', async () => {
  const { read, apply } = place('anew');
  const labelled = (app: string): Manifest => ({
    ...aDeployment('anew'),
    metadata: { name: 'anew', namespace: namespace.name(), labels: { app } },
  });
  const refused = (status: number) => ({ failure: { kind: 'refused', status } });
  await apply(labelled('ours'), undefined);
  const looked = await read();
  await kubectlSays(['delete', 'deployment', 'anew', '-n', namespace.name()]);
  await expect(apply(labelled('newer'), looked), 'there is none').rejects.toMatchObject(refused(409));
  await apply(labelled('theirs'), undefined);
  await expect(apply(labelled('newer'), looked), 'there is another, of another uid').rejects.toMatchObject(refused(422));
  expect(await read()).toMatchObject({ metadata: { labels: { app: 'theirs' } } });
});
