import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { readSources } from '../support/arrows.ts';

/** The Dockerfile, held against what its entry point needs: nothing else notices on a machine that builds no image. */

const root = fileURLToPath(new URL('../..', import.meta.url));
const textOf = (file: string) => readFileSync(join(root, file), 'utf8');
const dockerfile = textOf('Dockerfile').split('\n');

/** Paths from the root that files need: imports that are no types alone, and whatever is started or read by its address. */
function needs(entries: readonly string[]): ReadonlySet<string> {
  const files = new Set<string>();
  const visit = (file: string): void => {
    if (files.has(file)) return;
    files.add(file);
    if (!file.endsWith('.ts')) return;
    const text = textOf(file).replaceAll(/^import type\b[^;]*;$/gm, '');
    const relative = [...text.matchAll(/'(\.{1,2}\/[^'\s]+\.\w+)'|new URL\('([^'/][^']*)', import\.meta\.url\)/g)];
    for (const [, path, beside] of relative) visit(join(dirname(file), path ?? beside ?? ''));
  };
  for (const entry of entries) visit(entry);
  return files;
}

const files = needs(['roles/main.ts', 'roles/warm-up.ts']);
/** `COPY A B ./` and `COPY A A`, into the stage that is built in. */
const copied = dockerfile
  .filter((line) => line.startsWith('COPY ') && !line.includes('--from'))
  .flatMap((line) => line.split(' ').slice(1, -1));

describe('the image', () => {
  test('has every file that a role needs, and no folder that none needs', () => {
    expect(files.size).toBeGreaterThan(200);
    for (const file of files) expect(existsSync(join(root, file)), file).toBe(true);
    const folders = new Set([...files].filter((file) => file.includes('/')).map((file) => file.split('/')[0] ?? ''));
    expect(copied.filter((path) => !path.endsWith('.json')).sort()).toEqual([...folders].sort());
    expect(copied.filter((path) => path.endsWith('.json'))).toEqual(['package.json', 'package-lock.json']);
  });

  test('is built from what .dockerignore lets in, each path by its name', () => {
    const [first, ...admitted] = textOf('.dockerignore').trim().split('\n');
    expect(first).toBe('*');
    expect(admitted.sort()).toEqual(copied.map((path) => `!${path}`).sort());
  });

  test('has every package that a role loads: none is for development alone', () => {
    const { dependencies } = z.object({ dependencies: z.record(z.string(), z.string()) }).parse(JSON.parse(textOf('package.json')));
    const named = readSources(root)
      .filter(({ path }) => files.has(path))
      .flatMap(({ imports }) => imports.filter(({ to, typeOnly }) => !typeOnly && !files.has(to)).map(({ to }) => to))
      .filter((name) => !name.startsWith('node:'))
      .map((name) => name.split('/', name.startsWith('@') ? 2 : 1).join('/'));
    expect(named).toContain('pg');
    expect(named.filter((name) => !Object.hasOwn(dependencies, name))).toEqual([]);
  });

  test('runs as a user by number, which runAsNonRoot needs, and begins with the role', () => {
    expect(dockerfile.filter((line) => line.startsWith('USER '))).toEqual(['USER 1000:1000']);
    const entry = dockerfile.find((line) => line.startsWith('ENTRYPOINT '))?.slice('ENTRYPOINT '.length) ?? '';
    expect(z.array(z.string()).parse(JSON.parse(entry)).at(-1)).toBe('/opt/trunkline/roles/main.ts');
  });

  test('begins in all stages with one image, of the Node that the clone has, which a build may name by digest', () => {
    const { devDependencies } = z.object({ devDependencies: z.object({ node: z.string() }) }).parse(JSON.parse(textOf('package.json')));
    const bases = dockerfile.filter((line) => line.startsWith('FROM ')).map((line) => line.split(' ')[1]);
    expect(new Set(bases)).toEqual(new Set(['$NODE_IMAGE']));
    expect(bases.length).toBe(2);
    expect(dockerfile).toContain(`ARG NODE_IMAGE=node:${devDependencies.node.split('.')[0]}-slim`);
  });
});
