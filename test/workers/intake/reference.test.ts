import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { problemKinds } from '../../../workers/intake/problem.ts';
import { intakeRoutes } from '../../../workers/intake/router.ts';

const page = await readFile(new URL('../../../docs/reference/intake.md', import.meta.url), 'utf8');

test('the reference names every route', () => {
  const routes = intakeRoutes.flatMap(({ path, methods }) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replace('\\', '')}`),
  );
  expect(routes.filter((route) => !page.includes(`\`${route}\``))).toEqual([]);
});

test('the reference names every kind of problem with its status', () => {
  const rows = Object.entries(problemKinds).map(([kind, [status]]) => `| \`${kind}\` | ${status} |`);
  expect(rows.filter((row) => !page.includes(row))).toEqual([]);
});
