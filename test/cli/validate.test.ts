import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { poolWith, soundPool } from '../crds/pools.ts';

const cli = new URL('../../cli/main.ts', import.meta.url).pathname;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'trunkline-validate-'));
  await writeFile(join(folder, 'good.yaml'), soundPool);
  await writeFile(join(folder, 'warned.yaml'), poolWith({ 'spec.publicUrl': undefined }));
  await writeFile(join(folder, 'bad.yaml'), soundPool.replace('region: eu', 'region: moon').replace('maxWait: 3s', 'maxwait: 3s'));
  await writeFile(join(folder, 'large.yaml'), 'x'.repeat(2_000_000));
});

afterAll(() => rm(folder, { recursive: true }));

function validate(
  ...args: readonly string[]
): Promise<{ readonly status: number | null; readonly stdout: string; readonly stderr: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [cli, 'validate', ...args], { cwd: folder }, (_error, stdout, stderr) =>
      resolve({ status: child.exitCode, stdout, stderr }),
    );
  });
}

describe('trunkline validate', () => {
  test('accepts a pool', async () => {
    expect(await validate('good.yaml')).toEqual({ status: 0, stdout: '1 of 1 file valid\n', stderr: '' });
  });

  test('shows warnings of a pool that it accepts', async () => {
    const { status, stdout } = await validate('warned.yaml');
    expect(status).toBe(0);
    expect(stdout).toMatch(/^warned\.yaml:4:1 warning: spec\.publicUrl InboundUnguarded: .*\n1 of 1 file valid, 1 warning\n$/);
  });

  test('says file, line, column, field and what to do', async () => {
    const { status, stdout } = await validate('good.yaml', 'bad.yaml');
    expect(status).toBe(1);
    expect(stdout.split('\n')).toEqual([
      'bad.yaml:30:15 spec.subscriptions[1].region must be one of us, eu',
      'bad.yaml:50:7 spec.classes[0].maxwait is not a field here; did you mean maxWait?',
      '1 of 2 files valid, 2 problems',
      '',
    ]);
  });

  test('tells a file that it cannot read from one that is wrong', async () => {
    const { status, stdout } = await validate('bad.yaml', 'nowhere.yaml', '.');
    expect(status).toBe(2);
    expect(stdout).toContain('nowhere.yaml cannot be read: there is no such file\n. cannot be read: it is a directory\n');
    expect(stdout).toContain('0 of 3 files valid, 2 problems, 2 unreadable');
  });

  test('does not read a file that is no manifest by its size', async () => {
    const { status, stdout } = await validate('large.yaml');
    expect(status).toBe(1);
    expect(stdout).toContain('large.yaml:1:1 is larger than 1024 KiB');
  });

  test('prints one JSON object for programs', async () => {
    const { status, stdout } = await validate('--json', 'good.yaml', 'bad.yaml');
    expect(status).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      valid: false,
      files: [
        { file: 'good.yaml', verdict: 'valid', warnings: [] },
        { file: 'bad.yaml', verdict: 'invalid', problems: [{ line: 30, column: 15, path: 'spec.subscriptions[1].region' }, { line: 50 }] },
      ],
    });
  });

  test('wants at least one file', async () => {
    expect(await validate()).toMatchObject({ status: 2, stdout: '' });
  });
});
