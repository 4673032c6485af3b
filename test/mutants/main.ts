import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { type Copy, copyProject } from './copy.ts';
import type { Mutant } from './mutant.ts';
import { mutants } from './mutants.ts';
import { runMutant, runTests } from './run.ts';
import { type Outcome, tellVerdict, withOutcomes } from './table.ts';

/**
 * `npm run mutants`: makes one mistake after the other in a copy of the product, and looks whether the tests find it. Exit status 1 when one survives. A
 * full run writes its table into the page on guarantees.
 */

const root = fileURLToPath(new URL('../..', import.meta.url));
const page = join(root, 'docs/guarantees.md');

type Flags = { readonly only?: readonly string[]; readonly json?: true };

const flags = new Command('mutants')
  .option('--only <name...>', 'only these mutants, by name')
  .option('--json', 'print the outcomes as JSON')
  .parse()
  .opts<Flags>();

const stop = new AbortController();
process.once('SIGINT', () => stop.abort());
const say = (line: string) => void process.stderr.write(`${line}\n`);

const chosen = choose(flags.only);
const copy = await copyProject(root.replace(/\/$/, ''));
try {
  await expectGreen(copy, chosen);
  const outcomes: Outcome[] = [];
  for (const mutant of chosen) {
    if (stop.signal.aborted) break;
    outcomes.push(await tryOut(copy, mutant));
  }
  await tell(outcomes);
} finally {
  await copy.remove();
}

function choose(names: readonly string[] | undefined): readonly Mutant[] {
  if (names === undefined) return mutants;
  const unknown = names.filter((name) => !mutants.some((mutant) => mutant.name === name));
  if (unknown.length > 0)
    throw new Error(`no mutant is named ${unknown.join(', ')}; there are: ${mutants.map(({ name }) => name).join(', ')}`);
  return mutants.filter(({ name }) => names.includes(name));
}

/** A test that fails without any mistake catches none. */
async function expectGreen({ directory }: Copy, tried: readonly Mutant[]): Promise<void> {
  const files = [...new Set(tried.flatMap(({ tests }) => tests))];
  say(`the product as it is, ${files.length} files of tests …`);
  const verdict = await runTests(directory, files, stop.signal);
  if (verdict.kind !== 'survived') throw new Error(`the tests fail without any mistake: ${JSON.stringify(verdict)}`);
}

async function tryOut(on: Copy, mutant: Mutant): Promise<Outcome> {
  const startedMs = performance.now();
  const verdict = await on.with(mutant, () => runMutant(mutant, on.directory, stop.signal));
  const seconds = (performance.now() - startedMs) / 1_000;
  say(`${verdict.kind === 'caught' ? '✓' : '✗'} ${mutant.name} (${seconds.toFixed(1)} s): ${tellVerdict(verdict)}`);
  if (verdict.kind === 'broken') say(verdict.detail);
  return { mutant, verdict, seconds };
}

async function tell(outcomes: readonly Outcome[]): Promise<void> {
  const left = outcomes.filter(({ verdict }) => verdict.kind !== 'caught');
  say(`${outcomes.length - left.length} of ${outcomes.length} caught`);
  if (flags.json) {
    const rows = outcomes.map(({ mutant, verdict, seconds }) => ({ name: mutant.name, file: mutant.file, seconds, ...verdict }));
    process.stdout.write(`${JSON.stringify(rows)}\n`);
  }
  const names = mutants.map(({ name }) => name);
  if (!stop.signal.aborted) await writeFile(page, withOutcomes(await readFile(page, 'utf8'), names, outcomes));
  process.exitCode = left.length === 0 && outcomes.length === chosen.length ? 0 : 1;
}
