import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';

/**
 * What `npm pack` makes, installed the way that it is used: under `node_modules`, where Node strips no types. Its dependencies are those of this clone, so
 * that nothing is fetched.
 */

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));

let project = '';

async function pack(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'trunkline-package-'));
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', directory], { cwd: root, maxBuffer: 32_000_000 });
  const [tarball] = (await readdir(directory)).filter((name) => name.endsWith('.tgz'));
  if (tarball === undefined) throw new Error(`npm pack made nothing: ${stdout.slice(-500)}`);
  return join(directory, tarball);
}

beforeAll(async () => {
  const tarball = await pack();
  project = join(tarball, '..', 'project');
  const modules = join(project, 'node_modules');
  await cp(join(root, 'test', 'package', 'fixture'), project, { recursive: true });
  await mkdir(join(modules, 'trunkline'), { recursive: true });
  await run('tar', ['-xzf', tarball, '-C', join(modules, 'trunkline'), '--strip-components=1']);
  for (const name of await readdir(join(root, 'node_modules'))) {
    if (name !== 'trunkline' && name !== '.bin' && name !== '.package-lock.json')
      await symlink(join(root, 'node_modules', name), join(modules, name));
  }
  return () => rm(join(tarball, '..'), { recursive: true, force: true });
}, 120_000);

async function trunkline(...args: readonly string[]): Promise<{ readonly code: number; readonly said: string }> {
  const program = join(project, 'node_modules', 'trunkline', 'cli', 'trunkline.mjs');
  try {
    const { stdout, stderr } = await run(process.execPath, [program, ...args], { cwd: project });
    return { code: 0, said: stdout + stderr };
  } catch (error) {
    if (error instanceof Error && 'code' in error && 'stdout' in error && 'stderr' in error)
      return { code: Number(error.code), said: `${error.stdout}${error.stderr}` };
    throw error;
  }
}

describe('the package', () => {
  test('holds JavaScript and declarations, and no sources', async () => {
    const files = await readdir(join(project, 'node_modules', 'trunkline'), { recursive: true });
    expect(files).toContain(join('build', 'workers', 'dispatch', 'thread.js'));
    expect(files).toContain(join('build', 'crds', 'pool.d.ts'));
    expect(files.filter((file) => /(?<!\.d)\.ts$/.test(file) || file.startsWith('test'))).toEqual([]);
  });

  test('says its version, and validates a manifest', async () => {
    expect(await trunkline('--version')).toEqual({ code: 0, said: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
    const sample = join('node_modules', 'trunkline', 'build', 'crds', 'samples', 'trial.yaml');
    expect((await trunkline('validate', sample)).code).toBe(0);
    await writeFile(join(project, 'bad.yaml'), 'kind: VoiceCapacityPool\n');
    expect((await trunkline('validate', 'bad.yaml')).code).toBe(1);
  });

  test('starts what is started by URL: roles, threads, the simulator', async () => {
    const emitted = join(project, 'node_modules', 'trunkline', 'build');
    const named = await run('grep', ['-rnE', `new URL\\([^)]*\\.ts['"\`]`, emitted, '--include=*.js']).catch(
      (error: { code: number }) => error,
    );
    expect(named).toMatchObject({ code: 1 });
    const ended = run(process.execPath, [join(emitted, 'roles', 'main.js'), 'migrate'], { env: { TRUNKLINE_WITHIN_SECONDS: '1' } });
    await expect(ended).rejects.toThrow(/TRUNKLINE_LEDGER_URL/);
  });
});

test('a pool runs from the package as it does from a clone', async () => {
  const state = await mkdtemp(join(tmpdir(), 'trunkline-state-'));
  onTestFinished(() => rm(state, { recursive: true, force: true }));
  const sample = join('node_modules', 'trunkline', 'build', 'crds', 'samples', 'trial.yaml');
  const { code, said } = await trunkline('up', sample, '--simulate', '--speed', '20', '--for', '5s', '--state', state, '--port', '0');
  expect({ code, said }).toMatchObject({ code: 0 });
}, 120_000);
