import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { mutate, PatchDoesNotFit } from './mutant.ts';
import { mutants } from './mutants.ts';
import { tableOf, withTable } from './table.ts';
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
  const page = 'before\n<!-- mutants: begin -->\nold\n<!-- mutants: end -->\nafter\n';

  test('stands between its marks and leaves the rest of the page alone', () => {
    expect(withTable(page, '| new |')).toBe('before\n<!-- mutants: begin -->\n\n| new |\n\n<!-- mutants: end -->\nafter\n');
    expect(() => withTable('a page without marks', '| new |')).toThrow(/marks/);
  });

  test('has a row for each mutant', () => {
    if (some === undefined) throw new Error('there are no mutants');
    const rows = tableOf([{ mutant: some, verdict: { kind: 'caught', file: some.tests[0], test: 'one | two' }, seconds: 3.2 }]);
    expect(rows).toContain(`| ${some.name} | ${some.breaks} |`);
    expect(rows).toContain('one \\| two');
    expect(rows).toContain('| 3 |');
  });
});
