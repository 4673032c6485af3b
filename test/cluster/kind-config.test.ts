import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { clusterName } from '../../kind/steps.ts';
import { isOnPath } from './programs.ts';

/** kind-config.yaml as kind reads it: decoded by kind's own types, with nothing unknown let pass. */

const config = readFileSync(new URL('../../kind-config.yaml', import.meta.url), 'utf8');
const sources = fileURLToPath(new URL('kind', import.meta.url));
const decoded = z.object({ name: z.string(), nodes: z.array(z.object({ role: z.string() })) });

function decode(text: string): Promise<{ readonly code: unknown; readonly out: string; readonly err: string }> {
  return new Promise((resolve) => {
    const env = { ...process.env, CGO_ENABLED: '0', GOWORK: 'off' };
    const child = execFile('go', ['run', '-mod=readonly', '.'], { cwd: sources, env }, (error, out, err) =>
      resolve({ code: error?.code ?? 0, out, err }),
    );
    child.stdin?.end(text);
  });
}

// The first run compiles kind's types.
describe.skipIf(!isOnPath('go'))('kind-config.yaml, decoded with the types of kind', { timeout: 300_000 }, () => {
  test('is the cluster that npm run kind asks for, with two workers', async () => {
    const { code, out, err } = await decode(config);
    expect(code, err).toBe(0);
    const { name, nodes } = decoded.parse(JSON.parse(out));
    expect(name).toBe(clusterName);
    expect(nodes.map(({ role }) => role)).toEqual(['control-plane', 'worker', 'worker']);
  });

  test.each([
    { broken: 'a field that kind does not know', text: config.replace('role: worker', 'rolle: worker'), says: 'field rolle not found' },
    { broken: 'another version', text: config.replace('v1alpha4', 'v1alpha3'), says: 'v1alpha3' },
    { broken: 'a value of another type', text: config.replace('name: trunkline', 'name: [trunkline]'), says: 'cannot unmarshal' },
  ])('is refused with $broken', async ({ text, says }) => {
    const { code, err } = await decode(text);
    expect(code).toBe(1);
    expect(err).toContain(says);
  });
});
