import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { z } from 'zod';
import { checkManifest } from '../../capacity/policy/check.ts';
import { poolManifest } from '../../crds/pool.ts';
import { referencePage } from '../../crds/reference.ts';
import { alternatives, bare, elementOf, fieldsOf } from '../../crds/walk.ts';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

/** Every field of the schema by its path; `[]` stands for an entry of a list or map. */
function everyField(schema: unknown, path: string): readonly { readonly path: string; readonly schema: z.ZodType }[] {
  const element = elementOf(schema);
  if (element !== undefined) return everyField(element, `${path}[]`);
  return fieldsOf(schema).flatMap((field) => {
    const own = path === '' ? field.name : `${path}.${field.name}`;
    return [{ path: own, schema: field.schema }, ...everyField(field.schema, own)];
  });
}

/** Every path that a value holds, in the same notation. */
function everyPath(value: unknown, schema: unknown, path: string): readonly string[] {
  const element = elementOf(schema);
  if (element !== undefined) return Object.values(value ?? {}).flatMap((one) => everyPath(one, element, `${path}[]`));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => {
    const own = path === '' ? name : `${path}.${name}`;
    return [
      own,
      ...fieldsOf(schema)
        .filter((field) => field.name === name)
        .flatMap((field) => everyPath(inner, field.schema, own)),
    ];
  });
}

const fields = everyField(poolManifest, '');

describe('the schema', () => {
  test('describes every field in a sentence', () => {
    const silent = fields.filter(({ schema }) => !/^[A-Z].*\.$/.test(schema.meta()?.description ?? ''));
    expect(silent.map(({ path }) => path)).toEqual([]);
  });

  test('bounds every text, number and list', () => {
    const unbounded = fields.filter(({ schema }) => {
      const inner = bare(schema);
      return inner === undefined || ![`x`.repeat(1_000_000), 1e9, Array(100_000).fill('x')].every((huge) => !accepts(inner, huge));
    });
    expect(unbounded.map(({ path }) => path)).toEqual([]);
  });

  test('refuses unknown fields everywhere but in metadata, where a cluster adds its own', () => {
    const open = [{ path: '', schema: poolManifest }, ...fields]
      .flatMap(({ path, schema }) => [schema, elementOf(schema)].flatMap(alternatives).map((option) => ({ path, option })))
      .filter(({ option }) => fieldsOf(option).length > 0)
      .filter(({ option }) => {
        const parsed = option.safeParse({ 'not-a-field': 1 });
        return parsed.success || !parsed.error.issues.some(({ code }) => code === 'unrecognized_keys');
      });
    expect(open.map(({ path }) => path)).toEqual(['metadata']);
  });
});

describe('the full sample', () => {
  const text = read('crds/samples/full.yaml');

  test('is a pool that works, without a warning', () => {
    expect(checkManifest(text, 'full.yaml')).toMatchObject({ ok: true, warnings: [] });
  });

  test('shows every field', () => {
    const shown = new Set(everyPath(parse(text), poolManifest, ''));
    // A handler is a URL or a module; the sample shows the other one as a comment.
    expect(fields.map(({ path }) => path).filter((path) => !shown.has(path))).toEqual(['spec.handler.module', 'spec.handler.stateful']);
    expect(text).toContain('# module:');
  });
});

test('the reference page is fresh', () => {
  expect(read('docs/reference/pool.md'), 'npm run generate').toBe(referencePage());
});

function accepts(schema: z.ZodType, value: unknown): boolean {
  return schema.safeParse(value).success;
}
