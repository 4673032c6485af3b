import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { KubeConfig } from '@kubernetes/client-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { isRefusedWith } from '../../../operator/runtime/api-error.ts';
import { usualTimes } from '../../../operator/runtime/reflector.ts';
import { type ControlPlane, startControlPlane } from '../control-plane.ts';
import { findPrograms } from '../programs.ts';
import { reflected, until } from './copy.ts';
import { anApiByWire, isGivenCluster } from './plane.ts';

describe.skipIf(isGivenCluster)('a reflector and an API server of its own', () => {
  let plane: ControlPlane;
  const config = new KubeConfig();
  beforeAll(async () => {
    plane = await startControlPlane(await findPrograms(process.env, () => undefined));
    config.loadFromFile(plane.kubeconfig);
  });
  afterAll(() => plane.stop());

  test('goes on after the API server was killed and came back', async () => {
    const on = reflected('default', 'restart', { config });
    await on.put('restart', 'before');
    await until(() => on.value('restart') === 'before');
    await plane.stopApiServer('SIGKILL');
    await until(() => on.errors.length > 0);
    expect(on.value('restart')).toBe('before');
    await plane.startApiServer();
    await on.put('restart', 'after');
    await until(() => on.value('restart') === 'after');
  });

  test('lists anew when a restarted server does not know its version any more, and finds what was deleted', async () => {
    const { api, wire } = await anApiByWire(config);
    const refused: number[] = [];
    const seen = {
      ...api,
      stream: async (...args: Parameters<typeof api.stream>) => {
        await api.stream(...args).catch((error: unknown) => {
          if (isRefusedWith(error, 410)) refused.push(410);
          throw error;
        });
      },
    };
    const on = reflected('default', 'expired', { config, api: seen });
    await on.put('stays', '1');
    await on.put('goes', '1');
    await until(() => on.copy.size() === 2);
    wire.set({ kind: 'cut' });
    await on.remove('goes');
    for (let n = 0; n < 20; n++) await on.put('stays', `${n}`);
    await plane.stopApiServer('SIGTERM');
    await plane.startApiServer();
    wire.set({ kind: 'pass' });
    await until(() => on.copy.size() === 1 && on.value('stays') === '19');
    expect(refused).toEqual([410]);
  });

  test('holds of 10,000 objects what is kept of them, and no more', async () => {
    const writer = reflected('default', 'no-such', { config });
    const text = 'x'.repeat(4_000);
    const startedMs = performance.now();
    await Promise.all(
      Array.from({ length: 8 }, async (_, lane) => {
        for (let n = lane; n < 10_000; n += 8) await writer.putAs('many', `many-${n}`, `${n} ${text}`);
      }),
    );
    const createdMs = performance.now();
    const before = heapBytes();
    const on = reflected('default', 'many', { config, times: usualTimes, keep: (object) => few.parse(object).metadata.name });
    await on.copy.listed;
    const listedMs = performance.now();
    const grown = heapBytes() - before;
    process.stdout.write(
      `10,000 objects: made in ${Math.round((createdMs - startedMs) / 1_000)} s, listed in ${Math.round(listedMs - createdMs)} ms, heap +${Math.round(grown / 1e5) / 10} MB\n`,
    );
    expect(on.copy.size()).toBe(10_000);
    expect(grown).toBeLessThan(12_000_000); // the objects themselves are 40 MB of text
  }, 240_000);
});

const few = z.object({ metadata: z.object({ name: z.string() }) });

function heapBytes(): number {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  if (typeof collect === 'function') collect();
  return process.memoryUsage().heapUsed;
}
