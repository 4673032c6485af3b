import { spawn } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { Mutant } from './mutant.ts';
import { judge, report, type Verdict } from './verdict.ts';

/** Longest that the tests of one mutant may take together. */
export const mutantWithinMs = 5 * 60_000;

/** Longest that a test run may take to end its server once it was told to leave. */
const leavesWithinMs = 15_000;

/** Runs the mutant's tests in the copy, narrowest first, until one fails. First it must compile: a mistake that the compiler finds needs no test. */
export async function runMutant(mutant: Mutant, directory: string, signal: AbortSignal): Promise<Verdict> {
  const within = AbortSignal.any([signal, AbortSignal.timeout(mutantWithinMs)]);
  const refused = await typeErrors(directory, mutant.file, within);
  if (refused !== undefined) return { kind: 'broken', detail: refused };
  for (const file of mutant.tests) {
    const verdict = await runTests(directory, [file], within);
    if (verdict.kind !== 'survived') return verdict;
  }
  return { kind: 'survived' };
}

/** Runs files of tests in the copy until the first failure. */
export async function runTests(directory: string, files: readonly string[], signal: AbortSignal): Promise<Verdict> {
  const output = join(directory, 'mutant-report.json');
  await rm(output, { force: true });
  const vitest = join('node_modules', 'vitest', 'vitest.mjs');
  const ended = await runProgram([vitest, 'run', ...files, '--bail', '1', '--reporter', 'json', '--outputFile', output], directory, signal);
  if (ended.kind === 'stopped') return { kind: 'too-slow' };
  const text = await readFile(output, 'utf8').catch((error: Error) => `no report: ${error.message}\n${ended.said.slice(-1_000)}`);
  if (!text.startsWith('{')) return { kind: 'broken', detail: text };
  const verdict = judge(report.parse(JSON.parse(text)));
  return verdict.kind === 'caught' ? { ...verdict, file: relative(directory, verdict.file) } : verdict;
}

/** What the compiler says about the mutated file; what it says about others is not the mutant's doing. */
async function typeErrors(directory: string, file: string, signal: AbortSignal): Promise<string | undefined> {
  const { said } = await runProgram([join('node_modules', 'typescript', 'bin', 'tsc'), '-p', '.', '--pretty', 'false'], directory, signal);
  const errors = said.split('\n').filter((line) => line.startsWith(`${file}(`));
  return errors.length === 0 ? undefined : errors.join('\n');
}

type Ended = { readonly kind: 'ended' | 'stopped'; readonly said: string };

/** Runs a program of the project. When the signal aborts it is told to leave, and ended when it does not. */
function runProgram(args: readonly string[], directory: string, signal: AbortSignal): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...args], { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        said = (said + text).slice(-100_000);
      });
    }
    let force: NodeJS.Timeout | undefined;
    const stop = () => {
      child.kill('SIGINT');
      force = setTimeout(() => child.kill('SIGKILL'), leavesWithinMs);
    };
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    child.once('error', reject);
    child.once('close', () => {
      clearTimeout(force);
      signal.removeEventListener('abort', stop);
      resolve({ kind: signal.aborted ? 'stopped' : 'ended', said });
    });
  });
}
