import { mkdir, mkdtemp, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openSecrets, SecretMissing } from '../../workers/secrets.ts';

const ref = { name: 'vapi-us', key: 'apiKey' };

async function secretsIn(files: Readonly<Record<string, string>>) {
  const directory = await mkdtemp(join(tmpdir(), 'trunkline-secrets-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  await mkdir(join(directory, ref.name));
  for (const [name, content] of Object.entries(files)) await writeFile(join(directory, ref.name, name), content);
  let nowMs = 0;
  const secrets = openSecrets(directory, () => nowMs);
  return { secrets, path: join(directory, ref.name, ref.key), pass: (ms: number) => (nowMs += ms) };
}

describe('a secret', () => {
  test('is the trimmed content of its file', async () => {
    const { secrets } = await secretsIn({ apiKey: '  key-1 \n' });
    expect(await secrets.read(ref)).toBe('key-1');
  });

  test('may have two values, the first of which is used', async () => {
    const { secrets } = await secretsIn({ apiKey: 'new\r\nold\n\n' });
    expect(await secrets.readAll(ref)).toEqual(['new', 'old']);
    expect(await secrets.read(ref)).toBe('new');
  });

  test('that changed is seen within a second, also when a link is swapped', async () => {
    const { secrets, path, pass } = await secretsIn({ apiKey: 'key-1' });
    expect(await secrets.read(ref)).toBe('key-1');
    await writeFile(path, 'key-2');
    await utimes(path, 1, 1);
    pass(1_000);
    expect(await secrets.read(ref)).toBe('key-2');
    await writeFile(`${path}.next`, 'key-3');
    await rm(path);
    await symlink(`${path}.next`, path);
    pass(1_000);
    expect(await secrets.read(ref)).toBe('key-3');
  });

  test.each([
    { name: 'absent', files: {} },
    { name: 'empty', files: { apiKey: '\n' } },
    { name: 'too large', files: { apiKey: 'x'.repeat(100_000) } },
  ])('that is $name is reported by its name, not by its content', async ({ files }) => {
    const { secrets } = await secretsIn(files);
    await expect(secrets.read(ref)).rejects.toThrow(SecretMissing);
    await expect(secrets.read(ref)).rejects.toThrow('vapi-us/apiKey');
    await expect(secrets.read(ref)).rejects.not.toThrow('xxx');
  });

  test('that comes later is found', async () => {
    const { secrets, path } = await secretsIn({});
    await expect(secrets.read(ref)).rejects.toThrow(SecretMissing);
    await writeFile(path, 'key-1');
    expect(await secrets.read(ref)).toBe('key-1');
  });

  test('outside the directory is refused', async () => {
    const { secrets } = await secretsIn({ apiKey: 'key-1' });
    await expect(secrets.read({ name: '..', key: 'passwd' })).rejects.toThrow(/lies outside/);
    await expect(secrets.read({ name: 'a/../..', key: 'passwd' })).rejects.toThrow(/lies outside/);
  });
});
