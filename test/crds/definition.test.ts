import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { definitionYaml, poolDefinition } from '../../crds/definition.ts';
import type { Structural } from '../../crds/structural.ts';

type Found = { readonly path: string; readonly schema: Structural };

/** Every value that the definition declares: fields, entries of lists (`[]`) and values of maps (`{}`). */
function everyValue(schema: Structural, path: string): readonly Found[] {
  const below = [
    ...Object.entries(schema.properties ?? {}).map(([name, one]): Found => ({ path: path === '' ? name : `${path}.${name}`, schema: one })),
    ...(schema.items === undefined ? [] : [{ path: `${path}[]`, schema: schema.items }]),
    ...(schema.additionalProperties === undefined ? [] : [{ path: `${path}{}`, schema: schema.additionalProperties }]),
  ];
  return below.flatMap((one) => [one, ...everyValue(one.schema, one.path)]);
}

const [version] = poolDefinition().spec.versions;
if (version === undefined) throw new Error('the definition has no version');
const values = everyValue(version.schema.openAPIV3Schema, '').filter(({ path }) => !['apiVersion', 'kind', 'metadata'].includes(path));
const pathsWhere = (wrong: (schema: Structural) => boolean) => values.filter(({ schema }) => wrong(schema)).map(({ path }) => path);

describe('the definition', () => {
  test('is fresh, and the same on every run', () => {
    const committed = readFileSync(new URL('../../crds/generated/voicecapacitypools.yaml', import.meta.url), 'utf8');
    expect(definitionYaml()).toBe(definitionYaml());
    expect(committed, 'npm run generate').toBe(definitionYaml());
  });

  test('describes every field', () => {
    const fields = values.filter(({ path }) => !/[\]}]$/.test(path));
    expect(fields.filter(({ schema }) => !/^[A-Z].*\.$/.test(schema.description ?? '')).map(({ path }) => path)).toEqual([]);
  });

  test('gives every value one type', () => {
    expect(pathsWhere(({ type }) => type === undefined)).toEqual([]);
  });

  test.each([
    {
      what: 'text',
      type: 'string',
      unbounded: ({ maxLength, enum: options }: Structural) => maxLength === undefined && options === undefined,
    },
    { what: 'number', type: 'integer', unbounded: ({ minimum, maximum }: Structural) => minimum === undefined || maximum === undefined },
    { what: 'list', type: 'array', unbounded: ({ maxItems }: Structural) => maxItems === undefined },
    {
      what: 'map',
      type: 'object',
      unbounded: ({ additionalProperties, maxProperties }: Structural) => additionalProperties !== undefined && maxProperties === undefined,
    },
  ])('bounds every $what', ({ type, unbounded }) => {
    expect(pathsWhere((schema) => schema.type === type && unbounded(schema))).toEqual([]);
  });

  test('keys lists by the name of their entries, so that several may apply to one', () => {
    const named = values.filter(({ schema }) => schema.items?.properties?.['name'] !== undefined);
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter(({ schema }) => schema['x-kubernetes-list-map-keys']?.[0] !== 'name').map(({ path }) => path)).toEqual([]);
  });

  test('has only keys that their entries require', () => {
    const keyed = values.filter(({ schema }) => schema['x-kubernetes-list-type'] === 'map');
    const keyOf = ({ schema }: Found) => schema['x-kubernetes-list-map-keys']?.[0] ?? '';
    expect(keyed.filter((one) => !one.schema.items?.required?.includes(keyOf(one))).map(({ path }) => path)).toEqual([]);
  });

  test('has no field whose name kubectl would read as a truth value', () => {
    expect(values.map(({ path }) => path).filter((path) => /(^|\.)(y|yes|n|no|on|off|true|false|null|~)$/i.test(path))).toEqual([]);
  });

  test('writes patterns that Go reads too', () => {
    expect(pathsWhere(({ pattern }) => /\(\?[=!<]|\\[1-9]/.test(pattern ?? ''))).toEqual([]);
  });

  test('lets a field that only one alternative has be given with that one alone', () => {
    const handler = values.find(({ path }) => path === 'spec.handler')?.schema;
    expect(handler?.['x-kubernetes-validations']).toEqual([
      { rule: '[has(self.url), has(self.module)].exists_one(given, given)', message: 'must have exactly one of url, module' },
      { rule: '!has(self.secretRef) || has(self.url)', message: 'goes with url only', fieldPath: '.secretRef' },
      { rule: '!has(self.stateful) || has(self.module)', message: 'goes with module only', fieldPath: '.stateful' },
    ]);
    expect(handler?.properties?.['timeout']?.default, 'both alternatives have it').toBe('5s');
    const header = values.find(({ path }) => path.endsWith('.webhookAuth.header'))?.schema;
    expect(header?.default, 'a secret has no header').toBeUndefined();
    expect(header?.description).toContain('Default: authorization.');
  });
});
