import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { kubectl, kubectlSays, needsControllers } from './cluster.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { findPrograms, type Programs } from './programs.ts';
import { startSharedPlane } from './shared-plane.ts';

/** The control plane that tests of the operator hurt: a real one, whose API server can be killed and comes back as it was. */

const given = process.env['TRUNKLINE_TEST_KUBECONFIG'] ?? '';

describe.skipIf(given !== '')('a control plane of our own', () => {
  let plane: ControlPlane;
  beforeAll(async () => {
    plane = await startControlPlane(await findPrograms(process.env, () => undefined));
  });
  afterAll(() => plane.stop());

  const says = (...args: readonly string[]) => kubectlSays([...args, `--kubeconfig=${plane.kubeconfig}`]);
  const until = async (holds: () => Promise<boolean>) => {
    for (let tries = 0; tries < 150; tries++) {
      if (await holds()) return;
      await pause(200);
    }
    throw new Error('it does not come to that within 30 s');
  };

  test('runs controllers: a deployment gets its pod, and takes it along when it goes', async (context) => {
    needsControllers(context);
    await plane.run('kube-controller-manager');
    await says('create', 'deployment', 'web', '--image=example.com/web:1');
    await until(async () => (await says('get', 'pods', '-o', 'name')).includes('pod/web-'));
    await says('delete', 'deployment', 'web');
    await until(async () => (await says('get', 'pods', '-o', 'name')) === '');
  });

  test('keeps what it was told over the death of its API server', async () => {
    await says('create', 'configmap', 'kept');
    await plane.stopApiServer('SIGKILL');
    const away = await kubectl(['get', 'configmap', 'kept', '--request-timeout=5s', `--kubeconfig=${plane.kubeconfig}`]);
    expect(away.code).not.toBe(0);
    await plane.startApiServer();
    expect(await says('get', 'configmap', 'kept', '-o', 'name')).toBe('configmap/kept\n');
  });
});

describe.skipIf(given !== '')('a control plane of what setup-envtest gives, which has no controllers', () => {
  test('serves, and it is said that tests are skipped', async () => {
    const all = await findPrograms(process.env, () => undefined);
    const assets: Programs = {
      from: 'a folder',
      find: (name) => (/^(etcd|kube-apiserver|kubectl)$/.test(name) ? all.find(name) : undefined),
    };
    const said: string[] = [];
    const { plane, controllers } = await startSharedPlane(assets, (line) => said.push(line));
    onTestFinished(() => plane.stop());
    expect(controllers).toBe(false);
    expect(said.join('\n')).toMatch(/SKIPPED: tests that need a kube-controller-manager; there is none in a folder/);
    expect(await kubectlSays(['get', 'namespace', 'default', '-o', 'name', `--kubeconfig=${plane.kubeconfig}`])).toBe(
      'namespace/default\n',
    );
  });
});
