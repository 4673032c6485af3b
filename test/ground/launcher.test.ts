import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const pinned = join(root, 'node_modules/node/bin/node');

type Ended = { readonly code: number | null; readonly out: string; readonly err: string };

async function run(node: string, args: readonly string[], cwd: string): Promise<Ended> {
  const child = spawn(node, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  const said = { out: '', err: '' };
  child.stdout.on('data', (chunk) => {
    said.out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    said.err += chunk;
  });
  const [code] = await once(child, 'close');
  return { code, ...said };
}

/** An installation with a program of its own in place of ours, and with or without the pinned Node. */
async function installation(options: { readonly main: string; readonly packages: boolean; readonly pinnedNode: boolean }): Promise<string> {
  const directory = await mkdtemp(join('/tmp', 'trunkline-launcher-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  await mkdir(join(directory, 'cli'));
  await mkdir(join(directory, 'node_modules/node/bin'), { recursive: true });
  await writeFile(join(directory, 'package.json'), '{"type":"module"}');
  await cp(join(root, 'cli/trunkline.mjs'), join(directory, 'cli/trunkline.mjs'));
  await writeFile(join(directory, 'cli/main.ts'), options.main);
  if (options.packages) await mkdir(join(directory, 'node_modules/commander'));
  if (options.pinnedNode) await symlink(pinned, join(directory, 'node_modules/node/bin/node'));
  return directory;
}

/** A Node that cannot run TypeScript: the pinned one with that taken away, as it is in Node 20. */
const oldNode = ['--no-strip-types'];
const launcher = join('cli', 'trunkline.mjs');

describe('the launcher', () => {
  test('answers with the version, and with nothing else', async () => {
    const ended = await run(pinned, [launcher, '--version'], root);
    expect(ended).toEqual({ code: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/), err: '' });
  });

  test('may be executed as it lies in a clone: npx links to it, and changes no file that git knows', async () => {
    expect((await stat(join(root, launcher))).mode & 0o111).toBe(0o111);
  });

  test('lists its commands and examples', async () => {
    const { code, out } = await run(pinned, [launcher, '--help'], root);
    expect(code).toBe(0);
    expect(out).toContain('trunkline up crds/samples/trial.yaml --simulate');
  });

  test('knows every command that its help lists', async () => {
    const { out } = await run(pinned, [launcher, '--help'], root);
    const listed = [...out.matchAll(/^ {2}([a-z]+) {2,}/gm)]
      .map(([, name]) => name ?? '')
      .filter((name) => name !== 'help' && name !== 'trunkline');
    expect(listed).toContain('up');
    for (const name of listed) {
      const help = await run(pinned, [launcher, 'help', name], root);
      expect(help).toMatchObject({ code: 0, err: '' });
      expect(help.out).toContain(`Usage: trunkline ${name}`);
    }
  });

  test.each([
    ['an unknown command', ['upp'], /unknown command 'upp'/],
    ['a missing argument', ['up', '--simulate'], /missing required argument/],
    ['a pool taken for a scenario', ['up', '--simulate', 'pool.yaml'], /took pool.yaml for its scenario: write the pool first/],
    ['a number that is none', ['up', 'pool.yaml', '--simulate', '--workers', 'many'], /--workers.*must be a whole number/],
  ])('calls %s wrong usage', async (_, args, complaint) => {
    const { code, err } = await run(pinned, [launcher, ...args], root);
    expect(err).toMatch(complaint);
    expect(code).toBe(2);
  });

  test.each([
    ['runs the program itself on a Node that can', [] as readonly string[]],
    ['hands over to the pinned Node on one that cannot', oldNode],
  ])('%s, and keeps its exit status and arguments', async (_, flags) => {
    const main = `const args: readonly string[] = process.argv.slice(2);\nconsole.log(JSON.stringify(args));\nprocess.exitCode = 41;\n`;
    const directory = await installation({ main, packages: true, pinnedNode: true });
    const ended = await run(pinned, [...flags, launcher, 'a b', '--c'], directory);
    expect(ended).toEqual({ code: 41, out: '["a b","--c"]\n', err: '' });
  });

  test('passes signals on and waits for what the program makes of them', async () => {
    const main = `process.on('SIGTERM', () => process.exit(7));\nsetInterval(() => undefined, 1000);\nconsole.log('ready');\n`;
    const directory = await installation({ main, packages: true, pinnedNode: true });
    const child = spawn(pinned, [...oldNode, launcher], { cwd: directory, stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([7, null]);
  });

  test('says that packages are missing, and what installs them', async () => {
    const directory = await installation({ main: '', packages: false, pinnedNode: false });
    const { code, err } = await run(pinned, [launcher], directory);
    expect(err).toMatch(/packages are not installed[\s\S]*npm ci/);
    expect(code).toBe(3);
  });

  test('says that the pinned Node is missing, and what mends it', async () => {
    const directory = await installation({ main: '', packages: true, pinnedNode: false });
    const { code, err } = await run(pinned, [...oldNode, launcher], directory);
    expect(err).toMatch(/npm ran no install scripts[\s\S]*npm rebuild --ignore-scripts=false/);
    expect(code).toBe(3);
  });
});

describe('the launcher in the package', () => {
  // `engines` says 20, for a clone runs there on the Node that npm ci brings: with 24 npm would warn at every `npx trunkline`.
  test('runs on Node 24, and refuses an older one in a line', async () => {
    const least = 24;
    const directory = await mkdtemp(join('/tmp', 'trunkline-launcher-'));
    onTestFinished(() => rm(directory, { recursive: true, force: true }));
    await cp(join(root, launcher), join(directory, launcher));
    await mkdir(join(directory, 'build/cli'), { recursive: true });
    await writeFile(join(directory, 'build/cli/main.js'), 'process.exitCode = 41;');
    const onNode = (version: string) => {
      const pretend = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })`;
      return run(pinned, ['--import', `data:text/javascript,${encodeURIComponent(pretend)}`, launcher], directory);
    };
    expect(await onNode(`${least}.0.0`)).toEqual({ code: 41, out: '', err: '' });
    const old = await onNode(`${least - 1}.11.0`);
    expect([old.code, old.err]).toEqual([
      3,
      `trunkline: Node ${least - 1}.11.0 is too old: as a package it needs Node ${least} or newer\n`,
    ]);
  });
});
