import { readFileSync } from 'node:fs';
import { test as property } from '@fast-check/vitest';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkManifest } from '../../../../capacity/policy/check.ts';
import type { PoolSpec } from '../../../../crds/pool.ts';
import { secretsOf } from '../../../../crds/secrets.ts';
import { poolKeyOf, poolName } from '../../../../crds/values.ts';
import { planChildren } from '../../../../operator/pool/plan/children.ts';
import { podTemplateOf } from '../../../../operator/pool/plan/pod.ts';
import { keysOf, secretVolumes } from '../../../../operator/pool/plan/secret-volumes.ts';
import { manifestsOf } from '../../../charts/manifests.ts';
import { describePods } from '../../../charts/pod-rules.ts';

const file = new URL('../../../../crds/samples/full.yaml', import.meta.url);

function sample(): PoolSpec {
  const checked = checkManifest(readFileSync(file, 'utf8'), 'full.yaml');
  if (!checked.ok) throw new Error('the sample is refused');
  return checked.manifest.spec;
}

const name = poolName.parse('sales');
const inputOf = (spec: PoolSpec) => ({
  pool: { name, namespace: 'voice', uid: 'uid-1' },
  spec,
  poolKey: poolKeyOf('6f1e9a52', 'voice', name),
  image: 'trunkline:1',
  replicas: 3,
});

describe('the objects of a pool', () => {
  test('are five of one name, owned by the pool', () => {
    const children = planChildren(inputOf(sample()));
    expect(children.map(({ kind }) => kind)).toEqual(['ServiceAccount', 'Deployment', 'Service', 'PodDisruptionBudget', 'NetworkPolicy']);
    for (const { metadata } of children) {
      expect(metadata).toMatchObject({ name: 'sales-vcp', namespace: 'voice', labels: { 'trunkline.dev/pool': 'sales' } });
      expect(metadata?.ownerReferences).toEqual([
        { apiVersion: 'trunkline.dev/v1alpha1', kind: 'VoiceCapacityPool', name: 'sales', uid: 'uid-1', controller: true },
      ]);
    }
  });

  test('are owned by nobody before the pool is in a cluster, and leave an undecided number of workers as it is', () => {
    const input = inputOf(sample());
    const children = planChildren({ ...input, pool: { ...input.pool, uid: undefined }, replicas: undefined });
    for (const { metadata } of children) expect(metadata).not.toHaveProperty('ownerReferences');
    expect(children[1]).not.toHaveProperty('spec.replicas');
  });

  test('are the same for the same pool', () => {
    expect(JSON.stringify(planChildren(inputOf(sample())))).toBe(JSON.stringify(planChildren(inputOf(sample()))));
  });
});

/** As the API server is sent it. */
const sent = planChildren({ ...inputOf(sample()), image: 'trunkline:0.1.0' });
describePods(manifestsOf(sent.map((child) => JSON.stringify(child)).join('\n---\n')));

describe('beside the pods', () => {
  const [, , service, , networkPolicy] = planChildren(inputOf(sample()));

  test('a Service answers at the usual port of HTTP, for an Ingress or a Gateway to send to', () => {
    expect(service).toMatchObject({
      spec: { type: 'ClusterIP', ports: [{ name: 'http', port: 80, targetPort: 'http', protocol: 'TCP' }] },
    });
  });

  test('a NetworkPolicy lets everybody in to the port of requests, and to that of peers only workers of the same pool', () => {
    const samePool = { 'app.kubernetes.io/name': 'trunkline-worker', 'app.kubernetes.io/instance': 'sales' };
    expect(networkPolicy).toMatchObject({ spec: { policyTypes: ['Ingress'] } });
    expect(networkPolicy).toHaveProperty('spec.ingress', [
      { ports: [{ port: 8080, protocol: 'TCP' }] },
      { from: [{ podSelector: { matchLabels: samePool } }], ports: [{ port: 8081, protocol: 'TCP' }] },
    ]);
  });
});

describe('the pods', () => {
  test.each([
    { what: 'nodeSelector', says: { 'kubernetes.io/arch': 'amd64' } },
    {
      what: 'tolerations',
      says: [{ key: 'example.com/voice', operator: 'Equal', value: 'only', effect: 'NoExecute', tolerationSeconds: 60 }],
    },
    {
      what: 'affinity',
      says: {
        nodeAffinity: {
          preferredDuringSchedulingIgnoredDuringExecution: [
            {
              weight: 10,
              preference: { matchExpressions: [{ key: 'topology.kubernetes.io/zone', operator: 'In', values: ['us-west-2a'] }] },
            },
          ],
        },
        podAffinity: {},
        podAntiAffinity: {},
      },
    },
    { what: 'priorityClassName', says: 'voice' },
  ] as const)('are placed as the team says by $what, and without a word of it as the cluster does', ({ what, says }) => {
    const { podTemplate: _, ...workers } = sample().workers;
    expect(podTemplateOf(inputOf(sample())).spec[what]).toEqual(says);
    expect(podTemplateOf(inputOf({ ...sample(), workers })).spec).not.toHaveProperty(what);
  });

  test('carry the labels and annotations of the team beside ours', () => {
    expect(podTemplateOf(inputOf(sample())).metadata).toMatchObject({
      labels: { team: 'voice', 'trunkline.dev/pool': 'sales' },
      annotations: { 'example.com/owner': 'voice-platform' },
    });
  });

  test('ask a node for what the pool declares, and take no more than it allows', () => {
    expect(podTemplateOf(inputOf(sample())).spec.containers[0]?.resources).toEqual({
      requests: { cpu: '100m', memory: '256Mi' },
      limits: { memory: '512Mi', cpu: '2' },
    });
  });

  test('are started anew only when they do not live, and left alone when only their ledger is away', () => {
    expect(podTemplateOf(inputOf(sample())).spec.containers[0]).toMatchObject({
      startupProbe: { httpGet: { path: '/livez', port: 'http' } },
      livenessProbe: { httpGet: { path: '/livez', port: 'http' } },
      readinessProbe: { httpGet: { path: '/readyz', port: 'http' } },
    });
  });

  test('do not change with what workers read in the ledger', () => {
    const spec = sample();
    const other: PoolSpec = { ...spec, mode: 'Hold', budget: {}, classes: spec.classes.slice(0, 1) };
    expect(podTemplateOf(inputOf(other))).toEqual(podTemplateOf(inputOf(spec)));
  });

  test('may be enforced as restricted: no root, nothing written but /tmp, no token', () => {
    const { spec } = podTemplateOf(inputOf(sample()));
    expect(spec).toMatchObject({
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, runAsUser: 1_000, seccompProfile: { type: 'RuntimeDefault' } },
    });
    expect(spec?.containers[0]?.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
  });

  test('are given longer to end than a worker takes to drain', () => {
    const spec = sample();
    const slow: PoolSpec = { ...spec, workers: { ...spec.workers, drain: { timeout: '90s' } } };
    expect(podTemplateOf(inputOf(slow)).spec?.terminationGracePeriodSeconds).toBe(120);
  });

  test('mount each Secret once, with the keys that the pool names and no others, none of them required', () => {
    const spec = sample();
    const { volumes, mounts } = secretVolumes(keysOf(spec));
    const refs = [...secretsOf(spec).map(({ ref }) => ref), ...(spec.ledger === undefined ? [] : [spec.ledger.secretRef])];
    expect(volumes.map(({ secret }) => secret?.secretName)).toEqual([...new Set(refs.map((ref) => ref.name))].toSorted());
    for (const { secret } of volumes) {
      expect(secret?.optional).toBe(true);
      const keys = refs.filter((ref) => ref.name === secret?.secretName).map(({ key }) => key);
      expect(secret?.items?.map(({ key }) => key)).toEqual([...new Set(keys)].toSorted());
    }
    expect(mounts.map(({ mountPath }) => mountPath)).toEqual(
      volumes.map(({ secret }) => `/var/run/trunkline/secrets/${secret?.secretName}`),
    );
  });

  const word = fc.stringMatching(/^[a-z]{1,8}$/);
  property.prop([fc.dictionary(fc.oneof(word, fc.constant('app.kubernetes.io/name'), fc.constant('trunkline.dev/pool')), word)])(
    'are found by their selectors, whatever labels the team gives them',
    (labels) => {
      const spec = sample();
      const template = { labels, annotations: {}, nodeSelector: {}, tolerations: [], affinity: {} };
      const [, deployment] = planChildren(inputOf({ ...spec, workers: { ...spec.workers, podTemplate: template } }));
      expect(deployment).toMatchObject({
        spec: {
          selector: { matchLabels: { 'app.kubernetes.io/name': 'trunkline-worker', 'app.kubernetes.io/instance': 'sales' } },
          template: {
            metadata: {
              labels: {
                'app.kubernetes.io/name': 'trunkline-worker',
                'app.kubernetes.io/instance': 'sales',
                'trunkline.dev/pool': 'sales',
              },
            },
          },
        },
      });
    },
  );
});
