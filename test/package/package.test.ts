import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';

/**
 * What `npm pack` makes, installed as a team installs it: with npm, into an empty project, where Node strips no types and nothing is there that the
 * package does not ask for. The team brings cdk8s and the types of Node, in the versions that this clone has.
 */

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));

const versions = z.object({ devDependencies: z.record(z.string(), z.string()) });

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
  await cp(join(root, 'test', 'package', 'fixture'), project, { recursive: true });
  const { devDependencies } = versions.parse(JSON.parse(await readFile(join(root, 'package.json'), 'utf8')));
  const brought = ['cdk8s', 'cdk8s-plus-27', 'constructs', '@types/node'].map((name) => `${name}@${devDependencies[name]}`);
  await run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', '--save-exact', tarball, ...brought], {
    cwd: project,
    maxBuffer: 32_000_000,
  });
  return () => rm(join(tarball, '..'), { recursive: true, force: true });
}, 300_000);

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

/** A team's own app, in a file. */
const app = `import { App, Chart } from 'cdk8s';
import { VoiceCapacityPool } from 'trunkline/charts';
import { PoolDefinition } from 'trunkline/charts/definition';
import { Installation } from 'trunkline/charts/installation';

const app = new App();
new PoolDefinition(app, 'definition');
new Installation(app, 'operator', { ledger: { secretRef: { name: 'ledger', key: 'url' } }, image: 'registry.example.com/trunkline:0.1.0' });
const front = {
  name: 'front',
  apiKeySecretRef: { name: 'vapi-front', key: 'apiKey' },
  assistants: [{ name: 'seller', id: 'a1' }],
  phoneNumbers: [{ id: 'n1', number: '+14155550100' }],
};
new VoiceCapacityPool(new Chart(app, 'voice'), 'sales', {
  metadata: { name: 'sales', namespace: 'voice' },
  spec: {
    ledger: { secretRef: { name: 'ledger', key: 'url' } },
    subscriptions: [{ name: 'main', accountId: 'sub-main', concurrencyLimit: 10, projects: [front] }],
    classes: [{ name: 'campaign', priority: 100, direction: 'Outbound', assistant: 'seller' }],
  },
});
console.log(app.synthYaml());
`;

describe('an app of cdk8s with the construct of the package', () => {
  const compile = async (text: string) => {
    await writeFile(join(project, 'app.ts'), text);
    const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    const flags = ['--strict', '--module', 'nodenext', '--target', 'es2023', '--types', 'node', '--pretty', 'false'];
    const arguments_ = [compiler, ...flags, join(project, 'app.ts')];
    return run(process.execPath, arguments_, { cwd: project }).then(
      () => '',
      (error: { stdout: string }) => error.stdout,
    );
  };

  test('compiles, and writes its manifests', async () => {
    expect(await compile(app)).toBe('');
    const { stdout } = await run(process.execPath, [join(project, 'app.js')], { cwd: project });
    for (const kind of ['CustomResourceDefinition', 'Deployment', 'VoiceCapacityPool']) expect(stdout).toContain(`kind: ${kind}\n`);
  });

  test.each([
    { wrong: 'a word that is none', text: app.replace("'Outbound'", "'Outwards'"), says: /Outwards/ },
    { wrong: 'a field that there is not', text: app.replace('priority:', 'prio:'), says: /prio/ },
    { wrong: 'no name', text: app.replace("name: 'sales', ", ''), says: /Property 'name' is missing/ },
  ])('does not compile with $wrong', async ({ text, says }) => {
    expect(await compile(text)).toMatch(says);
  });
});

test('a pool runs from the package as it does from a clone', async () => {
  const state = await mkdtemp(join(tmpdir(), 'trunkline-state-'));
  onTestFinished(() => rm(state, { recursive: true, force: true }));
  const sample = join('node_modules', 'trunkline', 'build', 'crds', 'samples', 'trial.yaml');
  const { code, said } = await trunkline('up', sample, '--simulate', '--speed', '20', '--for', '5s', '--state', state, '--port', '0');
  expect({ code, said }).toMatchObject({ code: 0 });
}, 120_000);
