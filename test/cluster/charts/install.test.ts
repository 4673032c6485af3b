import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { clusterIdRules, leaseRules, poolRules } from '../../../charts/operator-access.ts';
import { folders, synthesise } from '../../../charts/synth.ts';
import { trialPool } from '../../../charts/trial-pool.ts';
import { startCommand } from '../../support/command.ts';
import { freshLedger } from '../../support/ledger.ts';
import { requestsOf } from '../audit.ts';
import { needsControllers } from '../cluster.ts';
import { layPodCredentials } from '../pod-credentials.ts';
import { until } from '../pool/operator.ts';
import { type Asked, aBarePlane, accessReviews, isGivenCluster, synthesisedFolders } from './plane.ts';

/** An installation on a cluster that has nothing yet, step by step as the page for it says. */

const system = 'trunkline-system';
const trial = 'trunkline-trial';
const account = `system:serviceaccount:${system}:trunkline-operator`;
const accounts = ['system:serviceaccounts', `system:serviceaccounts:${system}`, 'system:authenticated'];

describe.skipIf(isGivenCluster)('an installation', () => {
  const plane = aBarePlane();
  const dist = synthesisedFolders({});

  test.each(folders)('%s is applied at the first attempt, without a warning, and changes nothing at the second', async (name) => {
    const apply = ['apply', '--server-side', '-f', dist.folder(name)];
    expect(await plane.kubectl(apply)).toMatchObject({ code: 0, err: '' });
    expect(await plane.kubectl([...apply, '--dry-run=server'])).toMatchObject({ code: 0, err: '' });
    const versions = () => plane.says(['get', '-f', dist.folder(name), '-o', 'jsonpath={.items[*].metadata.generation}']);
    const before = await versions();
    expect(await plane.kubectl(apply)).toMatchObject({ code: 0, err: '' });
    expect(await versions()).toBe(before);
  });

  test('has its pods admitted where only restricted ones are', async (context) => {
    needsControllers(context);
    const podsOf = async (namespace: string) =>
      (await plane.says(['get', 'pods', '-n', namespace, '-o', 'jsonpath={.items[*].metadata.labels.app\\.kubernetes\\.io/name}']))
        .split(' ')
        .sort();
    await until('pods of the operator', async () => (await podsOf(system)).length === 2);
    await until('pods of the trial', async () => (await podsOf(trial)).length === 2);
    expect(await podsOf(system)).toEqual(['trunkline-operator', 'trunkline-operator']);
    expect(await podsOf(trial)).toEqual(['trunkline-ledger', 'trunkline-simulator']);
    const refused = await plane.kubectl(['run', 'root', '-n', trial, '--image=trunkline:1', '--dry-run=server']);
    expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('PodSecurity "restricted') });
  });

  describe('lets the operator', () => {
    const asked = (verbs: string, resource: string, at: Omit<Asked, 'verb' | 'resource'> = {}) =>
      verbs.split(' ').map((verb) => ({ may: `${verb} ${resource} ${JSON.stringify(at)}`, asked: { verb, resource, ...at } }));
    const children = [
      { group: 'apps', resource: 'deployments' },
      { group: '', resource: 'services' },
      { group: '', resource: 'serviceaccounts' },
      { group: 'policy', resource: 'poddisruptionbudgets' },
      { group: 'networking.k8s.io', resource: 'networkpolicies' },
    ];
    const pools = { group: 'trunkline.dev', namespace: trial };
    const lease = { group: 'coordination.k8s.io', namespace: system };
    const needed = [
      ...asked('list watch', 'voicecapacitypools', { group: 'trunkline.dev' }),
      ...asked('patch', 'voicecapacitypools', { ...pools, subresource: 'status' }),
      ...children.flatMap(({ group, resource }) => asked('get list watch create patch', resource, { group, namespace: trial })),
      ...asked('list watch', 'pods'),
      ...asked('create patch', 'events', { group: 'events.k8s.io', namespace: trial }),
      ...asked('create', 'leases', lease),
      ...asked('get update', 'leases', { ...lease, name: 'trunkline-operator' }),
      ...asked('get', 'namespaces', { namespace: 'kube-system', name: 'kube-system' }),
    ];
    test.each(needed)('$may', async ({ asked: request }) => {
      expect(await accessReviews(plane.kubeconfig())(account, accounts, request)).toBe(true);
    });

    const rbac = 'rbac.authorization.k8s.io';
    const never = [
      ...[system, trial, 'kube-system', ''].flatMap((namespace) =>
        asked('get list watch create update patch delete', 'secrets', { namespace }),
      ),
      ...['exec', 'attach', 'portforward', 'proxy', 'ephemeralcontainers', 'log', 'eviction'].flatMap((subresource) =>
        asked('get create patch', 'pods', { namespace: trial, subresource }),
      ),
      ...asked('create', 'serviceaccounts', { namespace: trial, subresource: 'token' }),
      ...asked('impersonate', 'serviceaccounts', { namespace: trial }),
      ...asked('impersonate', 'users'),
      ...['roles', 'clusterroles'].flatMap((resource) =>
        asked('escalate bind create update patch', resource, { group: rbac, namespace: trial }),
      ),
      ...['rolebindings', 'clusterrolebindings'].flatMap((resource) =>
        asked('create update patch', resource, { group: rbac, namespace: trial }),
      ),
      ...asked('get create update patch delete', 'pods', { namespace: trial }),
      ...children.flatMap(({ group, resource }) => asked('update delete deletecollection', resource, { group, namespace: trial })),
      ...asked('get create update patch delete', 'voicecapacitypools', pools),
      ...asked('update', 'voicecapacitypools', { ...pools, subresource: 'status' }),
      ...asked('get update patch delete', 'leases', { ...lease, name: 'of-another' }),
      ...asked('get list update', 'leases', { ...lease, namespace: 'kube-node-lease' }),
      ...asked('list watch', 'namespaces'),
      ...asked('get list', 'nodes'),
      ...asked('get list create', 'configmaps', { namespace: trial }),
      ...asked('get patch delete', 'validatingadmissionpolicies', { group: 'admissionregistration.k8s.io' }),
      ...asked('get patch delete', 'customresourcedefinitions', { group: 'apiextensions.k8s.io' }),
    ];
    test(`do none of ${never.length} other things: read a Secret, enter a pod, make a token, widen its rights, delete`, async () => {
      const review = accessReviews(plane.kubeconfig());
      const allowed = [];
      for (const { may, asked: request } of never) if (await review(account, accounts, request)) allowed.push(may);
      expect(allowed).toEqual([]);
    });
  });

  test('gives the operator all that it needs: as that account it makes the fleet of the trial and is refused nothing', async (context) => {
    needsControllers(context);
    const { url } = await freshLedger();
    const operator = startCommand(['operator/main.ts'], {
      ...(await credentialsOf(`${system}/trunkline-operator`)),
      TRUNKLINE_LEDGER_URL: url,
      TRUNKLINE_WORKER_IMAGE: 'trunkline:0.1.0',
      TRUNKLINE_HEALTH_PORT: '0',
      POD_NAMESPACE: system,
      POD_NAME: 'test',
    });
    onTestFinished(async () => {
      operator.child.kill('SIGTERM');
      await operator.ended;
    });
    const port = await until('the operator stands for leader', () => /"port":(\d+)/.exec(operator.err())?.[1]);
    for (const kind of ['serviceaccount', 'deployment', 'service', 'poddisruptionbudget', 'networkpolicy'])
      await until(`${kind} of the pool`, async () => (await plane.kubectl(['get', kind, 'trial-vcp', '-n', trial])).code === 0);
    const reason = ['get', 'vcp', 'trial', '-n', trial, '-o', 'jsonpath={.status.conditions[?(@.type=="WorkersAvailable")].reason}'];
    await until('the pool says what it waits for', async () => (await plane.says(reason)) === 'Starting');
    const workers = ['get', 'pods', '-n', trial, '-l', 'trunkline.dev/pool=trial', '-o', 'name'];
    await until('the workers are admitted', async () => (await plane.says(workers)).trim().split('\n').length === 2);
    // A pool that is well is no news; one whose declaration cannot work is.
    const assign = (assistant: string) =>
      plane.says([
        'patch',
        'vcp',
        'trial',
        '-n',
        trial,
        '--type=json',
        '-p',
        JSON.stringify([{ op: 'replace', path: '/spec/classes/1/assistant', value: assistant }]),
      ]);
    await assign('nobody');
    await until('an event', async () =>
      (await plane.says(['get', 'events.events.k8s.io', '-n', trial, '-o', 'json'])).includes('trunkline.dev/operator'),
    );
    await assign('seller');
    const ready = ['get', 'vcp', 'trial', '-n', trial, '-o', 'jsonpath={.status.conditions[?(@.type=="Ready")].reason}'];
    await until('the declaration is taken again', async () => (await plane.says(ready)) === 'Starting');
    await assign('nobody');
    await until('the same news a second time is counted in the event of the first', async () => (await used()).includes('patch events'));
    await assign('seller');
    const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    const answers = [...metrics.matchAll(/trunkline_operator_api_requests_total\{.*code="(\w+)"\}/g)].map(([, code]) => code);
    expect(answers).toContain('2xx');
    expect(answers.filter((code) => code === '401' || code === '403')).toEqual([]);
  });

  test('gives it no more than that: every verb of its roles has been used by now', async () => {
    const rules = [...poolRules, ...leaseRules, ...clusterIdRules];
    const given = rules.flatMap(({ resources, verbs, resourceNames = [''] }) =>
      resources.flatMap((resource) => verbs.flatMap((verb) => resourceNames.map((name) => `${verb} ${resource} ${name}`.trimEnd()))),
    );
    const found = new Set(await used());
    expect(given.filter((verb) => !found.has(verb))).toEqual([]);
  });

  test('refuses a pool whose workers would run an image that is not allowed', async () => {
    const { pool } = trialPool(trial, 'http://simulator.example.com');
    const apply = (image: string) => {
      const manifest = {
        apiVersion: 'trunkline.dev/v1alpha1',
        kind: 'VoiceCapacityPool',
        ...pool,
        spec: { ...pool.spec, workers: { image } },
      };
      return plane.kubectl(['apply', '--server-side', '--dry-run=server', '-f', '-'], JSON.stringify(manifest));
    };
    expect(await apply('trunkline:0.2.0')).toMatchObject({ code: 0 });
    for (const image of ['elsewhere:1', 'trunkline-of-others:1', 'registry.example.com/trunkline:1'])
      expect(await apply(image)).toMatchObject({
        code: 1,
        err: expect.stringContaining(`spec.workers.image: ${image} is not allowed here`),
      });
    const changed = ['patch', 'vcp', 'trial', '-n', trial, '--type=merge', '-p', '{"spec":{"workers":{"image":"elsewhere:1"}}}'];
    expect(await plane.kubectl(changed)).toMatchObject({ code: 1, err: expect.stringContaining('is not allowed here') });
  });

  test('shows pools to those who may see them, and lets those declare them who may; edit alone does not', async () => {
    for (const [user, role] of [
      ['viewer', 'trunkline-system-pool-view'],
      ['editor', 'trunkline-system-pool-edit'],
      ['developer', 'edit'],
    ] as const)
      await plane.says(['create', 'rolebinding', user, `--clusterrole=${role}`, `--user=${user}`, '-n', trial]);
    const review = accessReviews(plane.kubeconfig());
    const may = (user: string, verb: string, subresource = '') =>
      review(user, ['system:authenticated'], {
        verb,
        group: 'trunkline.dev',
        resource: 'voicecapacitypools',
        subresource,
        namespace: trial,
      });
    await until('the binding holds', () => may('viewer', 'get'));
    expect([await may('viewer', 'list'), await may('viewer', 'create')]).toEqual([true, false]);
    expect([await may('editor', 'create'), await may('editor', 'delete'), await may('editor', 'patch', 'status')]).toEqual([
      true,
      true,
      false,
    ]);
    expect([await may('developer', 'create'), await may('developer', 'get')]).toEqual([false, false]);
  });

  test('is taken away in any order, the definition first, and nothing hangs', async (context) => {
    needsControllers(context);
    for (const name of folders)
      expect(await plane.kubectl(['delete', '--ignore-not-found', '--timeout=50s', '-f', dist.folder(name)]), name).toMatchObject({
        code: 0,
      });
    expect(await plane.says(['get', 'namespaces', '-o', 'name'])).not.toContain('trunkline');
  });

  /**
   * What the operator has done by the API server's own record, as `verb resource`, and `verb resource name` beside it. Who applies an object that is not there
   * yet asks by PATCH, must be allowed to create it, and is answered 201.
   */
  async function used(): Promise<readonly string[]> {
    return (await requestsOf(plane.auditLog(), account, 0)).flatMap(({ verb, resource, name, code }) => [
      `${verb} ${resource}`,
      `${verb} ${resource} ${name}`,
      ...(verb === 'patch' && code === 201 ? [`create ${resource}`] : []),
    ]);
  }

  /** What pods of an account have of it. */
  async function credentialsOf(owner: `${string}/${string}`): Promise<Readonly<Record<string, string>>> {
    const [namespace = '', name = ''] = owner.split('/');
    const token = (await plane.says(['create', 'token', name, '-n', namespace])).trim();
    const config = new KubeConfig();
    config.loadFromFile(plane.kubeconfig());
    return layPodCredentials(join(plane.kubeconfig(), '..', name), config, token);
  }
});

describe.skipIf(isGivenCluster)('an installation for some namespaces', () => {
  const plane = aBarePlane();
  const options = {
    namespace: 'voice-system',
    namespaces: ['voice'],
    workerImages: ['registry.example.com/voice/'],
    poolRoles: 'Aggregated' as const,
    ledgerSecretRef: { name: 'trunkline-ledger', key: 'url' },
  };
  const dist = synthesisedFolders(options);
  const apply = (name: (typeof folders)[number]) => plane.kubectl(['apply', '--server-side', '-f', dist.folder(name)]);

  test('is applied where these are, and gives rights in them alone', async () => {
    await plane.says(['create', 'namespace', 'voice']);
    for (const name of ['00-crd', '10-install', '90-monitoring'] as const) expect(await apply(name)).toMatchObject({ code: 0, err: '' });
    const review = accessReviews(plane.kubeconfig());
    const may = (namespace: string, verb: string, group: string, resource: string) =>
      review('system:serviceaccount:voice-system:trunkline-operator', [], { verb, group, resource, namespace });
    await until('the binding holds', () => may('voice', 'list', 'trunkline.dev', 'voicecapacitypools'));
    expect(await may('voice', 'patch', 'apps', 'deployments')).toBe(true);
    for (const namespace of ['', 'default', 'voice-system']) {
      expect(await may(namespace, 'list', 'trunkline.dev', 'voicecapacitypools')).toBe(false);
      expect(await may(namespace, 'patch', 'apps', 'deployments')).toBe(false);
    }
  });

  test('says which images workers may run in these, and leaves others alone', async () => {
    const { pool } = trialPool('voice', 'http://simulator.example.com');
    const applied = (namespace: string, image: string) => {
      const metadata = { ...pool.metadata, namespace };
      const manifest = {
        apiVersion: 'trunkline.dev/v1alpha1',
        kind: 'VoiceCapacityPool',
        metadata,
        spec: { ...pool.spec, workers: { image } },
      };
      return plane.kubectl(['apply', '--server-side', '--dry-run=server', '-f', '-'], JSON.stringify(manifest));
    };
    await until('the policy holds', async () => (await applied('voice', 'trunkline:0.1.0')).code === 1);
    expect(await applied('voice', 'registry.example.com/voice/logic:1')).toMatchObject({ code: 0 });
    expect(await applied('default', 'trunkline:0.1.0')).toMatchObject({ code: 0 });
  });

  test('gives the roles for pools with edit and view where that is asked for', async (context) => {
    needsControllers(context);
    for (const [user, role] of [
      ['editor', 'edit'],
      ['viewer', 'view'],
    ] as const)
      await plane.says(['create', 'rolebinding', user, `--clusterrole=${role}`, `--user=${user}`, '-n', 'voice']);
    const review = accessReviews(plane.kubeconfig());
    const may = (user: string, verb: string) =>
      review(user, ['system:authenticated'], { verb, group: 'trunkline.dev', resource: 'voicecapacitypools', namespace: 'voice' });
    await until('the roles are gathered', () => may('editor', 'create'));
    await until('the roles are gathered', () => may('viewer', 'list'));
    expect(await may('viewer', 'create')).toBe(false);
  });

  test('names no namespace that it does not look after', () => {
    const named = synthesise(options)
      .flatMap(({ text }) =>
        parseAllDocuments(text).map((document) =>
          z.looseObject({ metadata: z.looseObject({ namespace: z.string().optional() }) }).parse(document.toJS()),
        ),
      )
      .map(({ metadata }) => metadata.namespace ?? '');
    expect(new Set(named)).toEqual(new Set(['', 'voice', 'voice-system', 'kube-system']));
  });
});
