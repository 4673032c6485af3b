import { CustomObjectsApi, type KubeConfig } from '@kubernetes/client-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { poolManifest } from '../../../crds/pool.ts';
import { badManifests } from '../../crds/bad-manifests.ts';
import { goodManifests } from '../../crds/good-manifests.ts';
import { poolWith } from '../../crds/pools.ts';
import { administrator, makeNamespace, serveDefinition } from '../cluster.ts';

/** The tables of `test/crds`, put to a real API server: it and the schema agree on every row that is not semantic. */

let config: KubeConfig;
let namespace: Awaited<ReturnType<typeof makeNamespace>>;

beforeAll(async () => {
  await serveDefinition();
  config = administrator();
  namespace = await makeNamespace(config);
});
afterAll(() => namespace.remove());

type Answer =
  | { readonly taken: true; readonly stored: unknown }
  | { readonly taken: false; readonly message: string; readonly blamed: readonly string[] };

const refusal = z.object({
  message: z.string(),
  details: z.object({ causes: z.array(z.object({ field: z.string().default('') })).default([]) }).default({ causes: [] }),
});

/** What the API server says of a manifest, by a dry run: it checks everything and stores nothing. */
async function ask(manifest: string): Promise<Answer> {
  const body = z.record(z.string(), z.unknown()).parse(parse(manifest));
  if (typeof body['metadata'] === 'object') body['metadata'] = { ...body['metadata'], namespace: namespace.name };
  const pools = config.makeApiClient(CustomObjectsApi);
  const at = { group: 'trunkline.dev', version: 'v1alpha1', plural: 'voicecapacitypools', namespace: namespace.name };
  try {
    return { taken: true, stored: await pools.createNamespacedCustomObject({ ...at, body, dryRun: 'All', fieldValidation: 'Strict' }) };
  } catch (error) {
    const { message, details } = refusal.parse(JSON.parse(z.object({ body: z.string() }).parse(error).body));
    return { taken: false, message, blamed: details.causes.map(({ field }) => field) };
  }
}

const rowsOf = (...tiers: readonly string[]) =>
  badManifests
    .filter(({ tier }) => tiers.includes(tier))
    .flatMap(({ rows }) => rows.map(([what, changes, path]) => ({ what, changes, path })));

describe('an API server refuses, as the schema does', () => {
  test.each(rowsOf('schema', 'CEL'))('$what', async ({ changes, path }) => {
    const answer = await ask(poolWith(changes));
    expect(answer).toMatchObject({ taken: false });
    if (answer.taken || !path.startsWith('spec.')) return;
    // It blames the same field or one around it, or names in words what it does not know there.
    const blames = answer.blamed.some((field) => path.startsWith(field) && field !== '');
    expect(blames || answer.message.includes(`"${path}`), `${path}: ${answer.message}`).toBe(true);
  });
});

describe('an API server takes, and an operator says what is wrong with', () => {
  test.each(rowsOf('semantic'))('$what', async ({ changes }) => {
    expect(await ask(poolWith(changes))).toMatchObject({ taken: true });
  });
});

describe('an API server takes a pool', () => {
  test.each(goodManifests.map(([what, changes]) => ({ what, changes })))('$what, and stores what means the same', async ({ changes }) => {
    const answer = await ask(poolWith(changes));
    expect(answer).toMatchObject({ taken: true });
    if (!answer.taken) return;
    const sent = poolManifest.parse(parse(poolWith(changes)));
    expect(poolManifest.parse(answer.stored).spec).toEqual(sent.spec);
  });
});

test('the tables are large enough to tell', () => {
  expect(rowsOf('schema', 'CEL', 'semantic').length).toBeGreaterThanOrEqual(60);
  expect(goodManifests.length).toBeGreaterThanOrEqual(20);
});
