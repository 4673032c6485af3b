import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { RequestOptions } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { type Access, podAccess } from '../../../operator/runtime/access.ts';

const pod = { KUBERNETES_SERVICE_HOST: '10.0.0.1', KUBERNETES_SERVICE_PORT: '443' };

async function aFolder(token: string) {
  const folder = await mkdtemp(join(tmpdir(), 'trunkline-access-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const write = (text: string) => writeFile(join(folder, 'token'), `${text}\n`);
  await write(token);
  await writeFile(join(folder, 'ca.crt'), 'a certificate');
  return { folder, write };
}

async function authorised(access: Access | undefined): Promise<RequestOptions> {
  const options: RequestOptions = { headers: { accept: 'application/json' } };
  await access?.authorise(options);
  return options;
}

test('a pod asks with its token, and keeps its other headers', async () => {
  const { folder } = await aFolder('first');
  const access = podAccess({ ...pod, TRUNKLINE_API_CREDENTIALS: folder }, () => 0);
  expect(access?.server).toBe('https://10.0.0.1:443');
  expect(await authorised(access)).toEqual({
    ca: 'a certificate',
    headers: { accept: 'application/json', authorization: 'Bearer first' },
  });
});

test('a token that the kubelet replaced is used within a minute, and one that cannot be read is asked for again at once', async () => {
  let nowMs = 0;
  const { folder, write } = await aFolder('first');
  const access = podAccess({ ...pod, TRUNKLINE_API_CREDENTIALS: folder }, () => nowMs);
  const token = async () => (await authorised(access)).headers;
  await token();
  await write('second');
  expect(await token()).toMatchObject({ authorization: 'Bearer first' });
  nowMs = 60_000;
  expect(await token()).toMatchObject({ authorization: 'Bearer second' });
  nowMs = 120_000;
  await rm(join(folder, 'token'));
  await expect(token()).rejects.toThrow('ENOENT');
  await write('third');
  expect(await token()).toMatchObject({ authorization: 'Bearer third' });
});

test('an address of IPv6 stands in brackets', () => {
  expect(podAccess({ ...pod, KUBERNETES_SERVICE_HOST: 'fd00::1' }, () => 0)?.server).toBe('https://[fd00::1]:443');
});

test.each([
  { where: 'outside of a cluster', variables: {} },
  { where: 'where a kubeconfig is asked for', variables: { ...pod, KUBECONFIG: '/tmp/config' } },
])('$where there is no pod that asks', ({ variables }) => {
  expect(podAccess(variables, () => 0)).toBeUndefined();
});
