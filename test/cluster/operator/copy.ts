import { setTimeout as pause } from 'node:timers/promises';
import type { KubeConfig } from '@kubernetes/client-node';
import { onTestFinished } from 'vitest';
import { z } from 'zod';
import type { Api } from '../../../operator/runtime/api.ts';
import { processClock } from '../../../operator/runtime/clock.ts';
import { type ReflectorTimes, reflect, usualTimes } from '../../../operator/runtime/reflector.ts';
import { listPath, objectPath } from '../../../operator/runtime/resource.ts';
import { anApi } from './plane.ts';

/** A reflected kind of objects, config maps, and a way to change them that nothing hurts. */

const never = new AbortController().signal;
const configMaps = { apiVersion: 'v1', plural: 'configmaps' };
const configMap = z.object({ data: z.object({ value: z.string() }).optional() });
const dataOf = (object: unknown) => configMap.parse(object).data?.value ?? '';

/** Short waits. */
export const quick: ReflectorTimes = { ...usualTimes, pageSize: 3, backoff: { firstMs: 100, longestMs: 500 } };

/** The config maps with this label, reflected over this way to the API server, and another way to change them. */
export function reflected(
  namespace: string,
  label: string,
  {
    config,
    api = anApi(config),
    times = quick,
    keep = dataOf,
  }: {
    readonly config?: KubeConfig;
    readonly api?: Api;
    readonly times?: ReflectorTimes;
    readonly keep?: (object: unknown) => string;
  } = {},
) {
  const direct = anApi(config);
  const stop = new AbortController();
  const changed: string[] = [];
  const errors: unknown[] = [];
  const path = listPath(configMaps, namespace);
  const key = (name: string) => `${namespace}/${name}`;
  const put = (as: string, name: string, value: string) =>
    direct.request(
      {
        method: 'PATCH',
        path: objectPath(configMaps, namespace, name),
        query: { fieldManager: 'test', force: 'true' },
        contentType: 'application/apply-patch+yaml',
        body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels: { test: as } }, data: { value } },
      },
      never,
    );
  const copy = reflect(
    api,
    {
      path,
      query: { labelSelector: `test=${label}` },
      keep,
      onChange: (one) => changed.push(one),
      onError: (error) => errors.push(error),
    },
    { clock: processClock, random: Math.random, times },
    stop.signal,
  );
  onTestFinished(async () => {
    stop.abort(new Error('the test is over'));
    await copy.ended;
  });
  return {
    copy,
    changed,
    errors,
    value: (name: string) => copy.get(key(name)),
    put: (name: string, value: string) => put(label, name, value),
    /** Under another label, which this does not see. */
    putAs: put,
    remove: (name: string) => direct.request({ method: 'DELETE', path: objectPath(configMaps, namespace, name) }, never),
  };
}

export async function until(holds: () => boolean, withinMs = 20_000): Promise<void> {
  const endMs = performance.now() + withinMs;
  while (!holds()) {
    if (performance.now() > endMs) throw new Error(`it does not come to that within ${withinMs} ms`);
    await pause(20);
  }
}
