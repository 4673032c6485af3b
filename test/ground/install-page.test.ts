import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseDocument } from 'yaml';
import { z } from 'zod';
import { checkManifest } from '../../capacity/policy/check.ts';
import { secretsOf } from '../../crds/secrets.ts';
import { poolKeyOf, poolName } from '../../crds/values.ts';
import { planChildren } from '../../operator/pool/plan/children.ts';

/** What docs/install.md has people copy. */

const page = readFileSync(new URL('../../docs/install.md', import.meta.url), 'utf8');
const [manifest = '', ingress = ''] = [...page.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, text]) => text ?? '');

function pool() {
  const checked = checkManifest(manifest, 'pool.yaml');
  if (!checked.ok) throw new Error(checked.problems.map(({ message }) => message).join('\n'));
  return checked;
}

const backend = z.object({ service: z.object({ name: z.string(), port: z.object({ number: z.number() }) }) });
const route = z.object({
  metadata: z.object({ namespace: z.string() }),
  spec: z.object({
    tls: z.array(z.object({ hosts: z.array(z.string()) })),
    rules: z.array(z.object({ host: z.string(), http: z.object({ paths: z.array(z.object({ path: z.string(), backend })) }) })),
  }),
});
const service = z.object({ metadata: z.object({ name: z.string() }), spec: z.object({ ports: z.array(z.object({ port: z.number() })) }) });

describe('a pool of your own, as the page has it', () => {
  test('is valid, without a warning', () => {
    expect(pool().warnings).toEqual([]);
  });

  test('names no Secret that the page does not make, key by key', () => {
    const { metadata, spec } = pool().manifest;
    const named = [...secretsOf(spec).map(({ ref }) => ref), ...(spec.ledger === undefined ? [] : [spec.ledger.secretRef])];
    const made = [...page.matchAll(/^kubectl create secret generic (\S+) -n (\S+) (.+)$/gm)].filter(
      ([, , to]) => to === metadata.namespace,
    );
    const keysOf = (name: string) =>
      made
        .filter(([, own]) => own === name)
        .flatMap(([, , , files = '']) => [...files.matchAll(/--from-file=(\w+)=/g)].map(([, key]) => key));
    expect(named.length).toBeGreaterThan(3);
    for (const { name, key } of named) expect(keysOf(name), name).toContain(key);
  });

  test('is reached where it says: its Ingress leads to the Service that the operator makes', () => {
    const { metadata, spec } = pool().manifest;
    const name = poolName.parse(metadata.name);
    const namespace = metadata.namespace ?? '';
    const planned = { pool: { name, namespace, uid: undefined }, spec, poolKey: poolKeyOf('cluster', namespace, name) };
    const children = planChildren({ ...planned, image: 'trunkline:1', replicas: 1 });
    const made = service.parse(children.find(({ kind }) => kind === 'Service'));
    const { metadata: at, spec: routed } = route.parse(parseDocument(ingress).toJS());
    const [rule] = routed.rules;
    const [path] = rule?.http.paths ?? [];
    expect(at.namespace).toBe(namespace);
    expect(`https://${rule?.host}`).toBe(spec.publicUrl);
    expect(routed.tls[0]?.hosts).toEqual([rule?.host]);
    expect(path?.backend.service).toEqual({ name: made.metadata.name, port: { number: made.spec.ports[0]?.port } });
    // Metrics are for whoever is in the cluster.
    expect(path?.path).toBe('/v1');
  });
});
