import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { checkManifest } from '../../capacity/policy/check.ts';
import { PropsRefused } from '../../charts/refused.ts';
import { synthesise } from '../../charts/synth.ts';
import { poolDefinition } from '../../crds/definition.ts';
import { poolManifest } from '../../crds/pool.ts';
import { secretsOf } from '../../crds/secrets.ts';
import { startCommand } from '../support/command.ts';
import { ofKind, synthesised } from './manifests.ts';

const own = { ledgerSecretRef: { name: 'trunkline-ledger', key: 'url' } };
const clusterScoped = [
  'Namespace',
  'CustomResourceDefinition',
  'ClusterRole',
  'ClusterRoleBinding',
  'ValidatingAdmissionPolicy',
  'ValidatingAdmissionPolicyBinding',
];

async function synth(...flags: readonly string[]) {
  const out = await mkdtemp(join(tmpdir(), 'trunkline-synth-'));
  onTestFinished(() => rm(out, { recursive: true, force: true }));
  const run = async (...more: readonly string[]) => {
    const command = startCommand(['charts/main.ts', '--out', out, ...more]);
    return { status: await command.ended, said: command.err() };
  };
  const first = await run(...flags);
  return { out, first, run, files: async () => (await readdir(out, { recursive: true })).filter((name) => name.endsWith('.yaml')).sort() };
}

describe('npm run synth', () => {
  test('writes the same bytes each time, in folders that say their order', async () => {
    const { out, first, run, files } = await synth();
    expect(first).toEqual({ status: 0, said: '' });
    const names = ['00-crd/voicecapacitypools.yaml', '10-install/trunkline.yaml', '20-trial/trial.yaml', '90-monitoring/trunkline.yaml'];
    expect(await files()).toEqual(names);
    const read = () => Promise.all(names.map((name) => readFile(join(out, name), 'utf8')));
    const before = await read();
    expect((await run()).status).toBe(0);
    expect(await read()).toEqual(before);
    expect(before).toEqual(synthesise({}).map(({ text }) => text));
  });

  test('leaves no trial of an earlier run beside an installation with a database of its own', async () => {
    const { run, files } = await synth();
    expect((await run('--ledger-secret-ref', 'trunkline-ledger/url')).status).toBe(0);
    expect((await files()).filter((name) => name.startsWith('20-trial'))).toEqual([]);
  });

  test.each([
    { flags: ['--image', 'trunkline:latest'], names: /image: must name a tag other than latest/ },
    { flags: ['--namespaces', 'Voice', '--ledger-secret-ref', 'a/b'], names: /namespaces\[0\]: must be the name of a namespace/ },
    { flags: ['--namespaces', 'voice'], names: /namespaces: goes with ledgerSecretRef/ },
    { flags: ['--worker-images', "x'; true"], names: /workerImages\[0\]: must be a repository/ },
    { flags: ['--ledger-secret-ref', 'trunkline-ledger'], names: /NAME\/KEY/ },
    { flags: ['--ledger-secret-ref', 'Bad_Name/url'], names: /ledger\.secretRef\.name: must be the name of a Secret/ },
    { flags: ['--ledger-secret-ref', 'trunkline-ledger/a b'], names: /ledger\.secretRef\.key: must be a key of a Secret/ },
  ])('refuses $flags and writes nothing', async ({ flags, names }) => {
    const { first, files } = await synth(...flags);
    expect(first).toEqual({ status: 1, said: expect.stringMatching(names) });
    expect(await files()).toEqual([]);
  });
});

describe('what is applied', () => {
  test('is placed: a namespace for whatever has one, and none for the rest', () => {
    for (const { kind, metadata } of [...synthesised(), ...synthesised({ ...own, namespaces: ['voice'] })])
      expect(metadata.namespace === undefined, `${kind} ${metadata.name}`).toBe(clusterScoped.includes(kind));
  });

  test('begins each folder with the namespace of what follows', () => {
    expect(synthesised({}, '10-install')[0]).toMatchObject({ kind: 'Namespace', metadata: { name: 'trunkline-system' } });
    expect(synthesised({}, '20-trial')[0]).toMatchObject({ kind: 'Namespace', metadata: { name: 'trunkline-trial' } });
  });

  test('admits only restricted pods to these namespaces', () => {
    const namespaces = ofKind(synthesised(), 'Namespace');
    expect(namespaces).toHaveLength(2);
    for (const { metadata } of namespaces) expect(metadata.labels).toMatchObject({ 'pod-security.kubernetes.io/enforce': 'restricted' });
  });

  test('defines pools as the schema does', () => {
    expect(synthesised({}, '00-crd')).toEqual([
      JSON.parse(JSON.stringify({ ...poolDefinition(), metadata: { labels: {}, ...poolDefinition().metadata } })),
    ]);
  });

  test('gives two installations of a cluster cluster-wide objects of their own', () => {
    const namesOf = (namespace: string) =>
      synthesised({ ...own, namespace, namespaces: ['voice'] }, '10-install')
        .filter(({ kind }) => clusterScoped.includes(kind))
        .map(({ kind, metadata }) => `${kind} ${metadata.name}`);
    const shared = namesOf('one').filter((name) => namesOf('two').includes(name));
    expect(shared).toEqual([]);
    expect(namesOf('one')).toContain('ClusterRole one-pool-edit');
  });

  test('holds no secret when the ledger is your own', () => {
    expect(ofKind(synthesised(own), 'Secret')).toEqual([]);
  });
});

describe('the trial', () => {
  const trial = synthesised({}, '20-trial');
  const [pool] = ofKind(trial, 'VoiceCapacityPool');

  test('has a pool that validates without a warning', () => {
    const { metadata, ...rest } = pool ?? {};
    expect(
      checkManifest(JSON.stringify({ ...rest, metadata: { name: metadata?.name, namespace: metadata?.namespace } }), 'trial'),
    ).toMatchObject({
      ok: true,
      warnings: [],
    });
  });

  test('has every secret that the pool names, and so has the simulator', () => {
    const { spec } = poolManifest.parse(pool);
    const secrets = new Map(ofKind(trial, 'Secret').map(({ metadata, ...rest }) => [metadata.name, rest['stringData']]));
    const refs = [...secretsOf(spec).map(({ ref }) => ref), ...(spec.ledger === undefined ? [] : [spec.ledger.secretRef])];
    expect(refs.length).toBeGreaterThan(7);
    for (const { name, key } of refs) expect(secrets.get(name), name).toMatchObject({ [key]: expect.stringMatching(/./) });
  });

  test('lets the operator reach the ledger by the URL that workers have', () => {
    const [, ledger] = ofKind(trial, 'Secret').filter(({ metadata }) => /ledger/.test(metadata.name));
    const [operators] = ofKind(synthesised({}, '10-install'), 'Secret');
    expect(operators?.['stringData']).toEqual(ledger?.['stringData']);
  });

  test('has a ledger that nobody reaches but its workers and the operator', () => {
    const [policy] = ofKind(trial, 'NetworkPolicy').filter(({ metadata }) => metadata.name === 'trunkline-ledger');
    const operator = {
      namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'trunkline-system' } },
      podSelector: { matchLabels: { 'app.kubernetes.io/name': 'trunkline-operator' } },
    };
    const workers = { podSelector: { matchLabels: { 'app.kubernetes.io/name': 'trunkline-worker' } } };
    expect(policy).toMatchObject({ spec: { policyTypes: ['Ingress', 'Egress'] } });
    expect(policy).toHaveProperty('spec.ingress', [{ from: [workers, operator], ports: [{ port: 5432, protocol: 'TCP' }] }]);
    expect(policy).not.toHaveProperty('spec.egress');
  });

  test('cannot be asked for in namespaces that the operator does not look at', () => {
    expect(() => synthesise({ namespaces: ['voice'] })).toThrow(PropsRefused);
  });
});
