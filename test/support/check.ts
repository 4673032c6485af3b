import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readSources, wrongArrows } from './arrows.ts';

/**
 * `npm run check`: everything that can be judged without running the product. All checks run at once; each reports in a line, and in full when it
 * fails.
 */

const root = fileURLToPath(new URL('../..', import.meta.url));

type Verdict = { readonly ok: boolean; readonly said: string };
type Check = { readonly name: string; readonly judge: () => Promise<Verdict> };

/** Generated files say themselves whether they are fresh: their generator takes `--check`. */
const generators = ['crds/reference.ts', 'crds/generate.ts'];

const checks: readonly Check[] = [
  { name: 'types', judge: () => program('node_modules/.bin/tsc', ['-p', '.', '--pretty', 'false']) },
  { name: 'format and lint', judge: () => program('node_modules/.bin/biome', ['ci', '--error-on-warnings', '--colors=off', '.']) },
  { name: 'imports point one way', judge: async () => judged(wrongArrows(readSources(root))) },
  {
    name: 'LICENSE, README, CHANGELOG are there',
    judge: async () => judged(missing(['LICENSE', 'README.md', 'CONTRIBUTING.md', 'CHANGELOG.md'])),
  },
  ...generators.filter((file) => existsSync(join(root, file))).map(freshness),
];

function freshness(file: string): Check {
  return { name: `what ${file} generates is fresh`, judge: () => program(process.execPath, [file, '--check']) };
}

function missing(files: readonly string[]): readonly string[] {
  return files.filter((file) => !existsSync(join(root, file))).map((file) => `${file} is missing`);
}

function judged(problems: readonly string[]): Verdict {
  return { ok: problems.length === 0, said: problems.join('\n') };
}

function program(command: string, args: readonly string[]): Promise<Verdict> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        said += text;
      });
    }
    child.once('error', (error) => resolve({ ok: false, said: error.message }));
    child.once('close', (code) => resolve({ ok: code === 0, said }));
  });
}

const startedMs = performance.now();
const verdicts = await Promise.all(
  checks.map(async ({ name, judge }) => {
    const verdict = await judge();
    process.stdout.write(`${verdict.ok ? '✓' : '✗'} ${name}\n`);
    return { name, ...verdict };
  }),
);
for (const { name, ok, said } of verdicts) {
  if (!ok) process.stdout.write(`\n── ${name}\n${said.trim()}\n`);
}
const failed = verdicts.filter(({ ok }) => !ok).length;
const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1);
process.stdout.write(`\n${failed === 0 ? 'All checks passed' : `${failed} of ${verdicts.length} checks failed`} in ${seconds} s\n`);
process.exitCode = failed === 0 ? 0 : 1;
