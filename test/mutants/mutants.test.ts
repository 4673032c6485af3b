import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { mutate, PatchDoesNotFit } from './mutant.ts';
import { mutants } from './mutants.ts';
import { withOutcomes } from './table.ts';
import { judge } from './verdict.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

describe('the mutant', () => {
  test.each(mutants)('$name fits the product, and its tests are there', async (mutant) => {
    const text = await readFile(join(root, mutant.file), 'utf8');
    expect(mutate(mutant, text)).not.toBe(text);
    expect(mutant.tests.filter((file) => !existsSync(join(root, file)))).toEqual([]);
  });
});

test('every mutant has a name of its own', () => {
  expect(new Set(mutants.map(({ name }) => name)).size).toBe(mutants.length);
});

const [some] = mutants;

describe('a mistake', () => {
  test('that does not fit, or fits twice, is an error', () => {
    if (some === undefined) throw new Error('there are no mutants');
    expect(() => mutate(some, 'something else')).toThrow(PatchDoesNotFit);
    expect(() => mutate(some, `${some.before} ${some.before}`)).toThrow(PatchDoesNotFit);
  });

  test.each([
    { name: 'is caught by an assertion', failures: ['AssertionError: expected 1 to be 2'], kind: 'caught' },
    { name: 'is caught by what the database refuses', failures: ['error: duplicate key value violates unique constraint'], kind: 'caught' },
    { name: 'that only breaks the program is no mutant', failures: ['TypeError: x is not a function'], kind: 'broken' },
    { name: 'that only breaks a statement is no mutant', failures: ['error: syntax error at or near "fro"'], kind: 'broken' },
    { name: 'that no test fails by survives', failures: [], kind: 'survived' },
  ])('$name', ({ failures, kind }) => {
    const assertionResults = [
      { fullName: 'a promise is kept', status: failures.length > 0 ? 'failed' : 'passed', failureMessages: failures },
    ] as const;
    expect(judge({ testResults: [{ name: 'x.test.ts', message: '', status: 'passed', assertionResults }] })).toMatchObject({ kind });
  });

  test('that keeps a file of tests from loading is no mutant', () => {
    const report = { testResults: [{ name: 'x.test.ts', message: 'SyntaxError', status: 'failed', assertionResults: [] }] } as const;
    expect(judge(report)).toMatchObject({ kind: 'broken' });
  });
});

describe('the table', () => {
  const row = (name: string, verdict: string) => `| ${name} | goes wrong | ${verdict} | 3 |`;
  const pageWith = (...lines: readonly string[]) =>
    ['before', '<!-- mutants: begin -->', ...lines, '<!-- mutants: end -->', 'after'].join('\n');

  test('stands between its marks and leaves the rest of the page alone', () => {
    const page = withOutcomes(pageWith('old'), [], []);
    expect(page).toMatch(/^before\n<!-- mutants: begin -->\n\n0 of 0 mistakes caught\.\n(?:.*\n)*<!-- mutants: end -->\nafter$/);
    expect(page).not.toContain('old');
    expect(() => withOutcomes('a page without marks', [], [])).toThrow(/marks/);
  });

  test('has a new row for each mutant that was tried, and the row of the last run for each that was not', () => {
    if (some === undefined) throw new Error('there are no mutants');
    const before = pageWith(
      row('not tried', '[one](../one.test.ts)'),
      row('gone', '[one](../one.test.ts)'),
      row(some.name, '**not in time**'),
    );
    const caught = { mutant: some, verdict: { kind: 'caught', file: some.tests[0], test: 'one | two' }, seconds: 3.2 } as const;
    const page = withOutcomes(before, [some.name, 'not tried', 'never tried'], [caught]);
    const rows = page.split('\n').filter((line) => line.startsWith('| '));
    expect(rows.slice(2)).toEqual([
      `| ${some.name} | ${some.breaks} | [one \\| two](../${some.tests[0]}) | 3 |`,
      row('not tried', '[one](../one.test.ts)'),
    ]);
    expect(page).toContain('2 of 2 mistakes caught.');
  });

  test('counts what was not caught', () => {
    if (some === undefined) throw new Error('there are no mutants');
    const survived = { mutant: some, verdict: { kind: 'survived' }, seconds: 3 } as const;
    expect(withOutcomes(pageWith(), [some.name], [survived])).toContain('0 of 1 mistakes caught.');
  });
});
