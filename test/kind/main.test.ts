import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

let bin = '';
beforeAll(async () => {
  bin = await mkdtemp(join(tmpdir(), 'trunkline-kind-'));
});
afterAll(() => rm(bin, { recursive: true }));

/** `npm run kind` on a machine that has only the programs in `bin`. */
function kind(...args: readonly string[]): Promise<{ readonly code: unknown; readonly said: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, ['kind/main.ts', ...args], { cwd: root, env: { PATH: bin } }, (error, out, err) =>
      resolve({ code: error?.code ?? 0, said: out + err }),
    );
  });
}

async function aProgram(name: string, script: string): Promise<void> {
  await writeFile(join(bin, name), `#!/bin/sh\n${script}\n`);
  await chmod(join(bin, name), 0o755);
}

describe('npm run kind', () => {
  test('ends with 3 and says all that is missing', async () => {
    const startedMs = performance.now();
    const { code, said } = await kind();
    expect(code).toBe(3);
    expect(performance.now() - startedMs, 'waits for no program that is not there').toBeLessThan(25_000);
    expect(said).toMatch(/a running Docker is needed[\s\S]*kind is needed[\s\S]*kubectl is needed/);
  });

  test('takes a Docker whose server is away for none, and shows what it says', async () => {
    await aProgram('docker', 'echo "Cannot connect to the Docker daemon" >&2; exit 1');
    await aProgram('kind', 'exit 0');
    const { code, said } = await kind('--delete');
    expect(code).toBe(3);
    expect(said).toContain('a running Docker is needed');
    expect(said).toContain('Cannot connect to the Docker daemon');
    expect(said).not.toContain('kubectl');
  });

  test('ends with 1 when a step fails', async () => {
    await aProgram('docker', 'exit 0');
    await aProgram('kind', '[ "$1" = version ] || exit 7');
    const { code, said } = await kind('--delete');
    expect(code).toBe(1);
    expect(said).toContain('kind delete ended with 7');
  });
});
