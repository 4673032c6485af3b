import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../../..', import.meta.url));
const page = readFileSync(`${root}/docs/conditions.md`, 'utf8');

/** Words with a capital that stand where a reason of a condition stands. */
function reasonsIn(file: string): readonly string[] {
  const text = readFileSync(file, 'utf8');
  const patterns = [/reason: '([A-Z][A-Za-z]+)'/g, /(?:ready|available)\('(?:True|False|Unknown)', '([A-Z][A-Za-z]+)'/g];
  return patterns.flatMap((pattern) => [...text.matchAll(pattern)].map(([, reason]) => reason ?? ''));
}

const folder = `${root}/operator/pool/status`;
const reasons = new Set(readdirSync(folder).flatMap((name) => reasonsIn(`${folder}/${name}`)));

test('the reasons are found where they are written', () => {
  expect(reasons.size).toBeGreaterThan(30);
});

test.each([...reasons])('reason %s is explained in docs/conditions.md', (reason) => {
  expect(page).toContain(`\`${reason}\``);
});
