import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import type { Api } from '../../../operator/runtime/api.ts';
import { ApiError } from '../../../operator/runtime/api-error.ts';
import { processClock } from '../../../operator/runtime/clock.ts';
import { type ReflectorTimes, reflect, usualTimes } from '../../../operator/runtime/reflector.ts';
import { listPath, objectPath } from '../../../operator/runtime/resource.ts';
import { aNamespace, anApi, anApiByWire, isGivenCluster } from './plane.ts';

const namespace = aNamespace();
const never = new AbortController().signal;
const configMaps = { apiVersion: 'v1', plural: 'configmaps' };
const configMap = z.object({ data: z.object({ value: z.string() }).optional() });
const quick: ReflectorTimes = { ...usualTimes, pageSize: 3, backoff: { firstMs: 100, longestMs: 500 } };

/** The config maps with this label, reflected over this way to the API server, and another way to change them. */
function reflected(label: string, { api = anApi(), times = quick }: { readonly api?: Api; readonly times?: ReflectorTimes } = {}) {
  const direct = anApi();
  const stop = new AbortController();
  const changed: string[] = [];
  const errors: unknown[] = [];
  const path = listPath(configMaps, namespace.name());
  const key = (name: string) => `${namespace.name()}/${name}`;
  const copy = reflect(
    api,
    {
      path,
      query: { labelSelector: `test=${label}` },
      keep: (object) => configMap.parse(object).data?.value ?? '',
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
    put: (name: string, value: string) =>
      direct.request(
        {
          method: 'PATCH',
          path: objectPath(configMaps, namespace.name(), name),
          query: { fieldManager: 'test', force: 'true' },
          contentType: 'application/apply-patch+yaml',
          body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels: { test: label } }, data: { value } },
        },
        never,
      ),
    remove: (name: string) => direct.request({ method: 'DELETE', path: objectPath(configMaps, namespace.name(), name) }, never),
  };
}

async function until(holds: () => boolean, withinMs = 20_000): Promise<void> {
  const endMs = performance.now() + withinMs;
  while (!holds()) {
    if (performance.now() > endMs) throw new Error(`it does not come to that within ${withinMs} ms`);
    await pause(20);
  }
}

/** The API, refusing what this says; what it lets through is answered by the real server. */
function refusing(api: Api, why: (path: string, isWatch: boolean) => ApiError | undefined): Api {
  return {
    ...api,
    request: async (call, signal) => {
      const error = why(call.path, false);
      if (error !== undefined) throw error;
      return api.request(call, signal);
    },
    stream: async (call, idleMs, onLine, signal) => {
      const error = why(call.path, true);
      if (error !== undefined) throw error;
      return api.stream(call, idleMs, onLine, signal);
    },
  };
}

describe('a reflector', () => {
  test('lists in pages, then follows what comes, changes and goes', async () => {
    const on = reflected('follows');
    for (let n = 0; n < 8; n++) await on.put(`follows-${n}`, `${n}`);
    const later = reflected('follows');
    await later.copy.listed;
    expect(later.copy.size()).toBe(8);
    await on.put('follows-0', 'changed');
    await on.remove('follows-1');
    await on.put('follows-8', '8');
    await until(() => later.value('follows-0') === 'changed' && later.value('follows-1') === undefined && later.value('follows-8') === '8');
    expect(later.errors).toEqual([]);
  });

  test('opens the next watch when the server ends one, and misses nothing', async () => {
    const on = reflected('short', { times: { ...quick, watchMs: [1_000, 1_000] } });
    await on.copy.listed;
    for (let n = 0; n < 12; n++) {
      await on.put('short', `${n}`);
      await pause(300);
    }
    await until(() => on.value('short') === '11');
    expect(on.errors).toEqual([]);
  });

  test('keeps its copy while it is forbidden to look, and catches up afterwards', async () => {
    let forbidden = false;
    const no = new ApiError('forbidden', { kind: 'refused', status: 403, reason: 'Forbidden', retryAfterMs: undefined });
    const api = refusing(anApi(), () => (forbidden ? no : undefined));
    const on = reflected('forbidden', { api, times: { ...quick, watchMs: [1_000, 1_000] } });
    await on.put('forbidden', 'before');
    await until(() => on.value('forbidden') === 'before');
    forbidden = true;
    await until(() => on.errors.includes(no));
    await on.put('forbidden', 'after');
    await pause(500);
    expect(on.value('forbidden')).toBe('before');
    forbidden = false;
    await until(() => on.value('forbidden') === 'after');
  });

  test('waits as long as a busy server asks for', async () => {
    let asked = 0;
    const busy = new ApiError('busy', { kind: 'refused', status: 429, reason: 'TooManyRequests', retryAfterMs: 2_000 });
    const startedMs = performance.now();
    const on = reflected('busy', { api: refusing(anApi(), () => (asked++ === 0 ? busy : undefined)) });
    await on.copy.listed;
    expect(performance.now() - startedMs).toBeGreaterThan(1_900);
  });

  test('finds by a new list what was deleted while its version expired', async () => {
    let expired = false;
    const gone = new ApiError('too old', { kind: 'refused', status: 410, reason: 'Expired', retryAfterMs: undefined });
    const no = new ApiError('not now', { kind: 'refused', status: 503, reason: '', retryAfterMs: undefined });
    let away = false;
    const api = refusing(anApi(), (_path, isWatch) => {
      if (away) return no;
      return expired && isWatch ? gone : undefined;
    });
    const on = reflected('expired', { api, times: { ...quick, watchMs: [1_000, 1_000] } });
    await on.put('expired-stays', '1');
    await on.put('expired-goes', '1');
    await until(() => on.copy.size() === 2);
    away = true;
    await until(() => on.errors.includes(no));
    await on.remove('expired-goes');
    expired = true;
    away = false;
    await until(() => on.copy.size() === 1);
    expired = false;
    await on.put('expired-stays', '2');
    await until(() => on.value('expired-stays') === '2');
  });
});

describe.skipIf(isGivenCluster)('a reflector whose connection', () => {
  test('is reset goes on with a new one', async () => {
    const { api, wire } = await anApiByWire();
    const on = reflected('reset', { api });
    await on.put('reset', 'before');
    await until(() => on.value('reset') === 'before');
    wire.set({ kind: 'cut' });
    await on.put('reset', 'after');
    await pause(1_000);
    wire.set({ kind: 'pass' });
    await until(() => on.value('reset') === 'after');
    expect(on.errors.length).toBeGreaterThan(0);
  });

  test('falls silent gives it up, and is told of what happened meanwhile', async () => {
    const { api, wire } = await anApiByWire();
    const on = reflected('silent', { api, times: { ...quick, idleMs: 2_000 } });
    await on.put('silent', 'before');
    await until(() => on.value('silent') === 'before');
    wire.set({ kind: 'black-hole' });
    await on.put('silent', 'after');
    await pause(3_000);
    expect(on.value('silent')).toBe('before');
    wire.set({ kind: 'cut' }); // what stood is lost for good
    wire.set({ kind: 'pass' });
    await until(() => on.value('silent') === 'after');
    expect(on.errors.some((error) => `${error}`.includes('no answer for 2 s'))).toBe(true);
  });
});
