import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findPrograms } from './programs.ts';

let empty = '';
beforeAll(async () => {
  empty = await mkdtemp(join(tmpdir(), 'trunkline-programs-'));
});
afterAll(() => rm(empty, { recursive: true }));

const find = (env: NodeJS.ProcessEnv) => findPrograms({ XDG_CACHE_HOME: empty, PATH: empty, ...env }, () => undefined);

describe('KUBEBUILDER_ASSETS', () => {
  test('is enough with what setup-envtest gives: etcd, kube-apiserver and kubectl', async () => {
    const folder = await mkdtemp(join(empty, 'assets-'));
    const given = ['etcd', 'kube-apiserver', 'kubectl'] as const;
    for (const name of given) await writeFile(join(folder, name), '', { mode: 0o755 });
    const programs = await find({ KUBEBUILDER_ASSETS: folder });
    expect(given.map((name) => programs.find(name))).toEqual(given.map((name) => [join(folder, name)]));
    expect(programs.find('kube-controller-manager')).toBeUndefined();
  });
});

describe('a machine without a control plane', () => {
  test('is told how to get one', async () => {
    await expect(find({})).rejects.toThrow(/TRUNKLINE_TEST_KUBECONFIG=FILE[\s\S]*KUBEBUILDER_ASSETS=FOLDER[\s\S]*Go 1\.25/);
  });

  test('is told that a folder it names does not hold it, rather than given another', async () => {
    await expect(find({ KUBEBUILDER_ASSETS: empty })).rejects.toThrow(`KUBEBUILDER_ASSETS is ${empty}`);
  });
});
