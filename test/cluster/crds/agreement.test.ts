import type { KubeConfig } from '@kubernetes/client-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { poolManifest } from '../../../crds/pool.ts';
import { readPool } from '../../../operator/pool/declared.ts';
import { planStatus } from '../../../operator/pool/status/status.ts';
import { badManifests } from '../../crds/bad-manifests.ts';
import { goodManifests } from '../../crds/good-manifests.ts';
import { poolWith } from '../../crds/pools.ts';
import { wellPool } from '../../operator/pool/status/observed.ts';
import { administrator, makeNamespace, serveDefinition } from '../cluster.ts';
import { askServer } from './ask.ts';

/** The tables of `test/crds`, put to a real API server: it and the schema agree on every row that is not semantic. */

let config: KubeConfig;
let namespace: Awaited<ReturnType<typeof makeNamespace>>;

beforeAll(async () => {
  await serveDefinition();
  config = administrator();
  namespace = await makeNamespace(config);
});
afterAll(() => namespace.remove());

/** What a dry run would have stored, as a watch tells of it: only what is stored has a version. */
function asWatched(stored: unknown): unknown {
  const { metadata, ...rest } = z.looseObject({ metadata: z.looseObject({}) }).parse(stored);
  return { ...rest, metadata: { ...metadata, resourceVersion: '1' } };
}

const ask = (manifest: string) => askServer(config, namespace.name, parse(manifest));

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
  test.each(rowsOf('semantic'))('$what', async ({ changes, path }) => {
    const answer = await ask(poolWith({ 'spec.ledger': { secretRef: { name: 'ledger', key: 'url' } }, ...changes }));
    expect(answer).toMatchObject({ taken: true });
    if (!answer.taken) return;
    const object = { ...readPool(asWatched(answer.stored)), status: undefined };
    const accepted = planStatus({ ...wellPool, object }).conditions?.find(({ type }) => type === 'Accepted');
    expect(accepted).toMatchObject({ status: 'False', reason: 'Invalid' });
    expect(accepted?.message).toContain(path);
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

test('an API server reads nothing after the colon as the default where there is one, and the schema refuses it', async () => {
  const manifest = poolWith({ 'spec.session': null });
  expect(poolManifest.safeParse(parse(manifest)).success).toBe(false);
  expect(await ask(manifest)).toMatchObject({ taken: true, stored: { spec: { session: { maxDuration: '10m' } } } });
});

test('the tables are large enough to tell', () => {
  expect(rowsOf('schema', 'CEL', 'semantic').length).toBeGreaterThanOrEqual(60);
  expect(goodManifests.length).toBeGreaterThanOrEqual(20);
});
