import { readFileSync } from 'node:fs';
import { fc, test } from '@fast-check/vitest';
import type { KubeConfig } from '@kubernetes/client-node';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { parse } from 'yaml';
import { poolManifest } from '../../../crds/pool.ts';
import { soundPool } from '../../crds/pools.ts';
import { administrator, makeNamespace, serveDefinition } from '../cluster.ts';
import { askServer } from './ask.ts';

/** Pools with something wrong anywhere: the API server and the schema agree on what they are, but for what only the schema can find. */

let config: KubeConfig;
let namespace: Awaited<ReturnType<typeof makeNamespace>>;
beforeAll(async () => {
  await serveDefinition();
  config = administrator();
  namespace = await makeNamespace(config);
});
afterAll(() => namespace.remove());

type Path = readonly (string | number)[];

/** Every place below the spec that a value has, lists and mappings included. */
function places(value: unknown, path: Path): readonly Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  const steps = Array.isArray(value) ? [...value.keys()] : Object.keys(value);
  const entries: readonly unknown[] = Object.values(value);
  return [path, ...steps.flatMap((step, n) => places(entries[n], [...path, step]))];
}

/** The value with another one at a place; undefined takes it out. */
function put(value: unknown, path: Path, other: unknown): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return other;
  if (Array.isArray(value)) return value.flatMap((one, n) => (n === step ? withoutHole(put(one, rest, other)) : [one]));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, one]) => (name === step ? named(name, put(one, rest, other)) : [[name, one]])),
  );
}

const withoutHole = (value: unknown) => (value === undefined ? [] : [value]);
const named = (name: string, value: unknown) => (value === undefined ? [] : [[name, value]]);

const pools: readonly unknown[] = [
  parse(soundPool),
  parse(readFileSync(new URL('../../../crds/samples/full.yaml', import.meta.url), 'utf8')),
];
/** What stands somewhere in a pool, and what stands nowhere. */
const words = [
  'main',
  'front',
  'vip',
  'trunk',
  'Inbound',
  'Outbound',
  'Any',
  'US',
  '+1',
  '+14155550100',
  '2',
  '0',
  '1e3',
  '10s',
  '1h30m',
  '0.5ms',
  '.',
  'a.b',
  'https://a.example/b?c',
];
const odd = fc.oneof(
  fc.constantFrom(...words),
  fc.string({ maxLength: 50 }),
  fc.string({ unit: 'binary', maxLength: 5 }),
  fc.stringMatching(/^\d{1,7}(\.\d{1,4})?(ms|s|m|h)?$/),
  fc.stringMatching(/^\+?\d{0,17}$/),
  fc.webUrl({ withQueryParameters: true, withFragments: true }),
  fc.integer({ min: -2, max: 200 }),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.boolean(),
  fc.constant(undefined),
  fc.constantFrom([], {}, [{}], ['vip'], ['vip', 'vip'], { name: 'x' }, { matchLabels: {} }, { message: 'x' }),
  fc.dictionary(fc.string({ maxLength: 5 }), fc.string({ maxLength: 5 }), { maxKeys: 3 }),
);
const change = fc
  .constantFrom(...pools.flatMap((pool, which) => places(pool, []).flatMap((path) => (path[0] === 'spec' ? [{ which, path }] : []))))
  .chain(({ which, path }) => odd.map((value) => ({ which, path, value })));

/** Words of findings that are the schema's alone. */
const ours = /is no country|belongs to one project|Invalid key in record|absolute http/i;

describe('whatever stands wherever', () => {
  test.prop([change], { seed: 5, numRuns: 200 })('the API server and the schema agree', async ({ which, path: at, value }) => {
    const manifest = put(pools[which], at, value);
    const answer = await askServer(config, namespace.name, manifest);
    const parsed = poolManifest.safeParse(manifest);
    if (!parsed.success && parsed.error.issues.every(({ message }) => ours.test(message))) return;
    const found = parsed.success ? 'nothing' : parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');
    expect(answer.taken, `the schema finds ${found}; the API server says ${answer.taken ? 'nothing' : answer.message}`).toBe(
      parsed.success,
    );
  });
});
