import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { poolManifest } from '../../crds/pool.ts';
import { poolKeyOf, poolName } from '../../crds/values.ts';
import { planChildren } from '../../operator/pool/plan/children.ts';
import { type Manifest, ofKind, synthesised } from '../charts/manifests.ts';
import { isOnPath } from './programs.ts';

/** Who may talk to whom in an installation with a trial, decided by the code of an agent that enforces network policies. */

const sources = fileURLToPath(new URL('network-policies', import.meta.url));
const system = 'trunkline-system';
const trial = 'trunkline-trial';

const podsOf = z.object({
  metadata: z.object({ namespace: z.string() }),
  spec: z.object({
    template: z.object({
      metadata: z.object({ labels: z.record(z.string(), z.string()) }),
      spec: z.object({ containers: z.array(z.object({ ports: z.array(z.unknown()).default([]) })) }),
    }),
  }),
});

/** The fleet of the trial's pool, as the operator would make it. */
function fleet(manifests: readonly Manifest[]): readonly object[] {
  const [pool] = ofKind(manifests, 'VoiceCapacityPool');
  const { spec, metadata } = poolManifest.parse(pool);
  const name = poolName.parse(metadata.name);
  const input = { spec, poolKey: poolKeyOf('cluster', trial, name), image: 'trunkline:1', replicas: 1 };
  return planChildren({ ...input, pool: { name, namespace: trial, uid: undefined } });
}

const manifests = synthesised();
const objects: readonly object[] = [...manifests, ...fleet(manifests)];
const isKind = (kind: string) => (object: object) => 'kind' in object && object.kind === kind;

/** Addresses: one for each Deployment's pods, and for others in those namespaces and elsewhere. */
const places = {
  operator: '10.0.0.1',
  ledger: '10.0.0.2',
  simulator: '10.0.0.3',
  worker: '10.0.0.4',
  'another worker': '10.0.0.8',
  'another pod of the trial': '10.0.0.5',
  'another pod of the system': '10.0.0.6',
  'a pod elsewhere': '10.0.0.7',
  'the internet': '203.0.113.9',
} as const;
type Place = keyof typeof places;

const nameLabel = 'app.kubernetes.io/name';
const placeOfApp: Readonly<Record<string, Place>> = {
  'trunkline-operator': 'operator',
  'trunkline-ledger': 'ledger',
  'trunkline-simulator': 'simulator',
  'trunkline-worker': 'worker',
};

function pod(place: Place, namespace: string, labels: Readonly<Record<string, string>>, ports: readonly unknown[] = []) {
  const containers = [{ name: 'main', ports }];
  return { metadata: { name: place.replaceAll(' ', '-'), namespace, labels }, spec: { containers }, status: { podIP: places[place] } };
}

function labelsOfWorkers(): Readonly<Record<string, string>> {
  const fleets = objects.filter(isKind('Deployment')).map((object) => podsOf.parse(object).spec.template.metadata.labels);
  const labels = fleets.find((one) => placeOfApp[one[nameLabel] ?? ''] === 'worker');
  if (labels === undefined) throw new Error('there are workers');
  return labels;
}

const pods = [
  pod('another worker', trial, labelsOfWorkers()),
  ...objects.filter(isKind('Deployment')).map((object) => {
    const { metadata, spec } = podsOf.parse(object);
    const { labels } = spec.template.metadata;
    const place = placeOfApp[labels[nameLabel] ?? ''];
    if (place === undefined) throw new Error(`what is ${labels[nameLabel]}?`);
    return pod(
      place,
      metadata.namespace,
      labels,
      spec.template.spec.containers.flatMap(({ ports }) => ports),
    );
  }),
  pod('another pod of the trial', trial, { [nameLabel]: 'curious' }),
  pod('another pod of the system', system, { [nameLabel]: 'curious' }),
  pod('a pod elsewhere', 'elsewhere', { [nameLabel]: 'trunkline-worker' }),
];

type Row = { readonly from: Place; readonly to: Place; readonly port: number; readonly protocol?: 'UDP'; readonly passes: boolean };

const rows: readonly Row[] = [
  // Requests and webhooks come from wherever an ingress sends them; nothing else listens.
  { from: 'the internet', to: 'worker', port: 8_080, passes: true },
  { from: 'a pod elsewhere', to: 'worker', port: 8_080, passes: true },
  { from: 'a pod elsewhere', to: 'worker', port: 9_229, passes: false },
  { from: 'another pod of the trial', to: 'worker', port: 5_432, passes: false },
  // Workers of a pool hand each other events, and nobody else does.
  { from: 'another worker', to: 'worker', port: 8_081, passes: true },
  { from: 'another pod of the trial', to: 'worker', port: 8_081, passes: false },
  { from: 'a pod elsewhere', to: 'worker', port: 8_081, passes: false },
  { from: 'the internet', to: 'worker', port: 8_081, passes: false },
  { from: 'worker', to: 'the internet', port: 443, passes: true },
  // The trial's ledger is for its workers and the operator.
  { from: 'worker', to: 'ledger', port: 5_432, passes: true },
  { from: 'operator', to: 'ledger', port: 5_432, passes: true },
  { from: 'another pod of the trial', to: 'ledger', port: 5_432, passes: false },
  { from: 'another pod of the system', to: 'ledger', port: 5_432, passes: false },
  { from: 'a pod elsewhere', to: 'ledger', port: 5_432, passes: false },
  { from: 'worker', to: 'ledger', port: 22, passes: false },
  { from: 'ledger', to: 'the internet', port: 443, passes: false },
  // The simulator plays the provider to its own workers, and calls nobody else.
  { from: 'worker', to: 'simulator', port: 8_080, passes: true },
  { from: 'simulator', to: 'worker', port: 8_080, passes: true },
  { from: 'a pod elsewhere', to: 'simulator', port: 8_080, passes: false },
  { from: 'simulator', to: 'a pod elsewhere', port: 8_080, passes: false },
  { from: 'simulator', to: 'the internet', port: 443, passes: false },
  { from: 'simulator', to: 'the internet', port: 53, protocol: 'UDP', passes: true },
  // The operator is probed and scraped.
  { from: 'a pod elsewhere', to: 'operator', port: 8_081, passes: true },
  { from: 'a pod elsewhere', to: 'operator', port: 9_229, passes: false },
  { from: 'operator', to: 'the internet', port: 6_443, passes: true },
];

const env = { ...process.env, CGO_ENABLED: '0', GOWORK: 'off' };

/** Whether the agent's modules can be had: they come over the network, and want a newer Go than the control plane. Said loudly where not. */
function hasModules(): Promise<boolean> {
  if (!isOnPath('go')) return Promise.resolve(false);
  return new Promise((resolve) => {
    execFile('go', ['mod', 'download'], { cwd: sources, env, timeout: 120_000 }, (error, _out, err) => {
      if (error !== null)
        process.stdout.write(`SKIPPED: network policies are not tried on the agent's code, which cannot be had: ${err}\n`);
      resolve(error === null);
    });
  });
}

function verdicts(policies: readonly object[]): Promise<readonly boolean[]> {
  const namespaces = [system, trial, 'elsewhere'].map((name) => ({ metadata: { name, labels: { 'kubernetes.io/metadata.name': name } } }));
  const connections = rows.map(({ from, to, port, protocol = 'TCP' }) => ({ from: places[from], to: places[to], port, protocol }));
  return new Promise((resolve, reject) => {
    const child = execFile('go', ['run', '-mod=readonly', '-trimpath', '.'], { cwd: sources, env }, (error, out, err) => {
      if (error === null) resolve(z.array(z.boolean()).parse(JSON.parse(out)));
      else reject(new Error(`the agent's code did not answer: ${err}`));
    });
    child.stdin?.end(JSON.stringify({ policies, namespaces, pods, connections }));
  });
}

// The first run compiles the agent's code.
describe.skipIf(!(await hasModules()))('an enforced network policy', { timeout: 300_000 }, () => {
  let enforced: readonly boolean[];
  let without: readonly boolean[];
  beforeAll(async () => {
    enforced = await verdicts(objects.filter(isKind('NetworkPolicy')));
    without = await verdicts([]);
  }, 300_000);

  test.each(rows.map((row, index) => ({ ...row, index })))('$from → $to, port $port: passes $passes', ({ index, passes }) => {
    expect(enforced[index]).toBe(passes);
  });

  test('is what refuses: without one everything passes', () => {
    expect(new Set(without)).toEqual(new Set([true]));
  });
});
