import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { poolDefinition } from '../../../crds/definition.ts';
import { poolManifest } from '../../../crds/pool.ts';
import { type PoolStatus, poolStatus } from '../../../crds/status.ts';
import type { Structural } from '../../../crds/structural.ts';
import { soundPool } from '../../crds/pools.ts';
import { administrator, kubectl, kubectlSays, makeNamespace, serveDefinition } from '../cluster.ts';

/** What people see of the definition: that it applies, explains itself, and shows a pool in a line. */

const sample = fileURLToPath(new URL('../../../crds/samples/full.yaml', import.meta.url));
const schema = poolDefinition().spec.versions[0]?.schema.openAPIV3Schema ?? {};
let namespace: Awaited<ReturnType<typeof makeNamespace>>;

beforeAll(async () => {
  await serveDefinition();
  namespace = await makeNamespace(administrator());
});
afterAll(() => namespace.remove());

const object = z.looseObject({ metadata: z.looseObject({}), spec: z.unknown() });

/** Applies a manifest to the namespace of these tests, whatever namespace it names. */
function apply(manifest: string, ...more: readonly string[]) {
  const { metadata, ...rest } = object.parse(parse(manifest));
  const placed = { ...rest, metadata: { ...metadata, namespace: namespace.name } };
  return kubectl(['apply', '--server-side', '-f', '-', ...more], JSON.stringify(placed));
}

/** A pool as the API server has it. */
async function stored(name: string) {
  return object.parse(JSON.parse(await kubectlSays(['get', 'vcp', name, '-n', namespace.name, '-o', 'json'])));
}

describe('the full sample', () => {
  const text = readFileSync(sample, 'utf8');

  test('applies, and is stored as it was meant', async () => {
    expect(await apply(text)).toMatchObject({ code: 0 });
    expect(poolManifest.parse(await stored('sales')).spec).toEqual(poolManifest.parse(parse(text)).spec);
  });

  test('is read by kubectl as it is by us, without a word that YAML 1.1 takes for another', async () => {
    const said = await kubectl(['create', '--dry-run=client', '--validate=false', '-o', 'json', '-f', sample]);
    expect(said).toMatchObject({ code: 0 });
    expect(object.parse(JSON.parse(said.out)).spec).toEqual(object.parse(parse(text)).spec);
  });

  test('is found by its short name and its category', async () => {
    for (const name of ['vcp', 'voicecapacitypools', 'trunkline'])
      expect(await kubectlSays(['get', name, '-n', namespace.name, '-o', 'name'])).toContain('voicecapacitypool.trunkline.dev/sales');
  });
});

describe('a status', () => {
  const at = '2026-03-09T16:20:00Z';
  const status: PoolStatus = {
    observedGeneration: 1,
    policy: { appliedGeneration: 1 },
    ledgerId: '8d7c2f34-0b1e-4a59-9c6d-3e2f1a0b4c5d',
    conditions: [
      {
        type: 'Ready',
        status: 'True',
        observedGeneration: 1,
        lastTransitionTime: at,
        reason: 'Serving',
        message: 'Sessions are admitted.',
      },
    ],
    ceiling: 158,
    active: 97,
    queued: 412,
    replicas: 7,
    readyReplicas: 6,
    classes: [{ name: poolStatus.shape.classes.unwrap().element.shape.name.parse('vip'), active: 12, queued: 0, oldestWaitSeconds: 0 }],
    lastDecision: {
      time: at,
      replicas: 7,
      reason: 'SlotUtilization',
      limitedBy: 'ProviderCeiling',
      message: '97 of 158 slots in use: 7 workers.',
    },
    overrides: [{ kind: 'Hold', until: at }],
  };
  const patch = (value: unknown) =>
    kubectl([
      'patch',
      'vcp',
      'shown',
      '-n',
      namespace.name,
      '--subresource=status',
      '--type=merge',
      '-p',
      JSON.stringify({ status: value }),
    ]);

  beforeAll(async () => {
    await apply(soundPool.replace('name: sales', 'name: shown'));
  });

  test('shows a pool in a line: ready, ceiling, active, queued, workers, and what keeps it from more', async () => {
    expect(await patch(poolStatus.parse(status))).toMatchObject({ code: 0 });
    const [head = '', line = ''] = (await kubectlSays(['get', 'vcp', 'shown', '-n', namespace.name])).split('\n');
    expect(head.split(/ {2,}/)).toEqual(['NAME', 'READY', 'CEILING', 'ACTIVE', 'QUEUED', 'WORKERS', 'LIMITED BY', 'AGE']);
    expect(line.split(/ +/).slice(0, 7)).toEqual(['shown', 'True', '158', '97', '412', '7', 'ProviderCeiling']);
  });

  test('does not change the spec, nor a spec the status', async () => {
    await patch(status);
    await kubectlSays([
      'patch',
      'vcp',
      'shown',
      '-n',
      namespace.name,
      '--type=merge',
      '-p',
      '{"spec":{"mode":"Hold"},"status":{"active":1}}',
    ]);
    expect(await stored('shown')).toMatchObject({ spec: { mode: 'Hold' }, status: { active: 97 } });
  });

  test.each([
    { what: 'an unknown figure', value: { figures: 1 } },
    { what: 'a figure below zero', value: { active: -1 } },
    {
      what: 'a condition without a reason',
      value: { conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: at, message: '' }] },
    },
    { what: 'seventeen overrides', value: { overrides: Array(17).fill({ kind: 'Hold' }) } },
  ])('is refused with $what, by us too', async ({ value }) => {
    expect(poolStatus.safeParse(value).success).toBe(false);
    const body = {
      apiVersion: 'trunkline.dev/v1alpha1',
      kind: 'VoiceCapacityPool',
      metadata: { name: 'shown', namespace: namespace.name },
      status: value,
    };
    const said = await kubectl(['apply', '--server-side', '--subresource=status', '--dry-run=server', '-f', '-'], JSON.stringify(body));
    expect(said.code).not.toBe(0);
  });
});

describe('two appliers', () => {
  test('own a class each, and neither takes the other away', async () => {
    const base = soundPool.replace('name: sales', 'name: shared');
    const extra = { name: 'night', priority: 1, direction: 'Outbound', assistant: 'seller' };
    await apply(base, '--field-manager=platform');
    const ofTeam = JSON.stringify({ ...object.parse(parse(base)), spec: { classes: [extra] } });
    expect(await apply(ofTeam, '--field-manager=team')).toMatchObject({ code: 0 });
    expect(await apply(base, '--field-manager=platform')).toMatchObject({ code: 0 });
    const names = await kubectlSays(['get', 'vcp', 'shared', '-n', namespace.name, '-o', 'jsonpath={.spec.classes[*].name}']);
    expect(names.split(' ')).toEqual(['vip', 'desk', 'campaign', 'night']);
  });
});

describe('kubectl explain', () => {
  /** Every object of the schema, by the path that kubectl takes. */
  function objects(
    one: Structural,
    path: string,
  ): readonly { readonly path: string; readonly fields: Readonly<Record<string, Structural>> }[] {
    const inner = one.items ?? one;
    if (inner.properties === undefined) return [];
    const below = Object.entries(inner.properties).filter(([name]) => path !== 'vcp' || name === 'spec' || name === 'status');
    return [{ path, fields: Object.fromEntries(below) }, ...below.flatMap(([name, field]) => objects(field, `${path}.${name}`))];
  }

  test.each(objects(schema, 'vcp'))('says of every field of $path what it is', async ({ path, fields }) => {
    const said = (await kubectlSays(['explain', path])).replaceAll(/\s+/g, ' ');
    for (const { description = 'nothing' } of Object.values(fields)) expect(said).toContain(description.replaceAll(/\s+/g, ' '));
  });
});

describe('the rules', () => {
  /** The definition with every rule asked so many times. */
  function dearer(value: unknown, times: number): unknown {
    if (Array.isArray(value)) return value.map((one) => dearer(one, times));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, one]) => [
        name,
        name === 'rule' ? `[${Array(times).fill(0).join(', ')}].all(time, ${one})` : dearer(one, times),
      ]),
    );
  }
  const tried = (times: number) =>
    kubectl(
      ['apply', '--server-side', '--force-conflicts', '--dry-run=server', '-f', '-'],
      JSON.stringify(dearer(poolDefinition(), times)),
    );

  test('cost less than half of what an API server lets them', async () => {
    expect(await tried(2)).toMatchObject({ code: 0 });
  });

  test('would be refused if they cost more', async () => {
    expect((await tried(20)).err).toContain('exceeds budget');
  });
});
