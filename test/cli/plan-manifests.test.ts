import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parseAllDocuments } from 'yaml';

const run = (...args: readonly string[]) => promisify(execFile)('node', ['cli/trunkline.mjs', 'plan-manifests', ...args]);

describe('trunkline plan-manifests', () => {
  test('prints what would be applied, as YAML or JSON', async () => {
    const { stdout } = await run('crds/samples/full.yaml', '--namespace', 'voice', '--image', 'registry.example.com/trunkline:2');
    const documents = parseAllDocuments(stdout, { version: '1.1' });
    const objects = 'empty' in documents ? [] : documents.map((document) => document.toJS());
    const { stdout: json } = await run(
      ...['crds/samples/full.yaml', '--namespace', 'voice', '--image', 'registry.example.com/trunkline:2', '--json'],
    );
    expect(objects).toEqual(JSON.parse(json));
    expect(objects.map(({ kind }) => kind)).toContain('Deployment');
  });

  test('says line, column and field of what is refused', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'trunkline-plan-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    const file = join(directory, 'pool.yaml');
    await writeFile(file, 'apiVersion: trunkline.dev/v1alpha1\nkind: VoiceCapacityPool\nmetadata: {name: sales}\nspec: {classes: []}\n');
    await expect(run(file)).rejects.toMatchObject({ code: 1, stderr: expect.stringMatching(/pool\.yaml:4:\d+ spec\./) });
    await expect(run('crds/samples/trial.yaml')).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('spec.ledger is needed'),
    });
    await expect(run(join(directory, 'none.yaml'))).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('there is no such file'),
    });
  });
});
