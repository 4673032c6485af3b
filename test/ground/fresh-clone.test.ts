import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest';

/**
 * What somebody meets who clones the project: `npm ci` with the npm that runs install scripts and with the one that blocks them unless they are
 * allowed, and the way out when they did not run. Needs a registry; without one it is skipped, and says so.
 */

const root = fileURLToPath(new URL('../..', import.meta.url));
const pinned = join(root, 'node_modules/node/bin/node');
const minutes = 60_000;

type Ended = { readonly code: number; readonly said: string };
type Npm = (args: readonly string[], cwd: string) => Promise<Ended>;

let workshop = '';
let whyNot: string | undefined;

beforeAll(async () => {
  workshop = await mkdtemp(join('/tmp', 'trunkline-clone-'));
  for (const major of [11, 12]) {
    const at = ['install', '--prefix', join(workshop, `npm-${major}`), '--no-audit', '--no-fund', `npm@${major}`];
    const installed = await run('npm', at, workshop);
    if (installed.code === 0) continue;
    if (!/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH/.test(installed.said)) throw new Error(installed.said);
    whyNot = `no registry is reachable: ${/E[A-Z_]{6,}/.exec(installed.said)?.[0]}`;
  }
  if (!existsSync(join(root, '.git'))) whyNot = 'this is no git repository';
}, 5 * minutes);
afterAll(() => rm(workshop, { recursive: true, force: true }));

function skipWithout(context: TestContext): void {
  if (whyNot === undefined) return;
  console.warn(`SKIPPED, nothing is known about a fresh clone: ${whyNot}`);
  context.skip(whyNot);
}

function npm(major: 11 | 12): Npm {
  const program = join(workshop, `npm-${major}`, 'node_modules/npm/bin/npm-cli.js');
  return (args, cwd) => run(pinned, [program, ...args], cwd);
}

async function clone(name: string): Promise<string> {
  const directory = join(workshop, name);
  const cloned = await run('git', ['clone', '--quiet', '--no-hardlinks', root, directory], workshop);
  if (cloned.code !== 0) throw new Error(cloned.said);
  return directory;
}

/** What a Node that cannot run TypeScript makes of the launcher. */
function launch(directory: string, ...args: readonly string[]): Promise<Ended> {
  return run(pinned, ['--no-strip-types', join('cli', 'trunkline.mjs'), ...args], directory);
}

async function expectComplete(directory: string): Promise<void> {
  expect(await launch(directory, '--version')).toEqual({ code: 0, said: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
  expect(await launch(directory, 'validate', 'crds/samples/trial.yaml')).toMatchObject({ code: 0 });
  const server = `import { findPostgres } from './standalone/postgres-binaries.ts';
    import { execFileSync } from 'node:child_process';
    process.stdout.write(execFileSync((await findPostgres()).postgres, ['--version']));`;
  const version = await run(join(directory, 'node_modules/node/bin/node'), ['--input-type=module', '-e', server], directory);
  expect(version).toEqual({ code: 0, said: expect.stringContaining('postgres (PostgreSQL)') });
}

describe('a fresh clone', () => {
  test.for([11, 12] as const)('is complete after "npm ci" of npm %i', { timeout: 5 * minutes }, async (major, context) => {
    skipWithout(context);
    const directory = await clone(`npm-${major}-plain`);
    expect(await npm(major)(['ci', '--no-audit', '--no-fund', '--prefer-offline'], directory)).toMatchObject({ code: 0 });
    await expectComplete(directory);
  });

  test('whose install scripts did not run names the command that mends it, and that works', { timeout: 5 * minutes }, async (context) => {
    skipWithout(context);
    const directory = await clone('mended');
    const installed = await npm(12)(['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'], directory);
    expect(installed).toMatchObject({ code: 0 });

    const { code, said } = await launch(directory, '--version');
    expect(code).toBe(3);
    const command = /Run this in .*: {2}npm (.+)$/m.exec(said)?.[1]?.split(' ') ?? [];
    expect(command).toContain('rebuild');
    expect(await npm(12)(command, directory)).toMatchObject({ code: 0 });
    await expectComplete(directory);
  });
});

/** Runs a program the way a person would: without what the test runner and its npm have put into the environment. */
function run(program: string, args: readonly string[], cwd: string): Promise<Ended> {
  const ours =
    /^(npm_(lifecycle|package|command|execpath|node_execpath|config_(local_|global_)?prefix)|NODE_ENV|NODE_OPTIONS|VITEST|INIT_CWD)/;
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours.test(name)));
  return new Promise((resolve) => {
    execFile(program, args, { cwd, env, maxBuffer: 50_000_000 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      resolve({ code, said: code === 0 ? stdout : `${stdout}${stderr}${error?.message}` });
    });
  });
}
