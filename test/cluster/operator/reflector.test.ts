import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { Api } from '../../../operator/runtime/api.ts';
import { ApiError, isRefusedWith } from '../../../operator/runtime/api-error.ts';
import { listPath } from '../../../operator/runtime/resource.ts';
import { administrator } from '../cluster.ts';
import { quick, reflected, until } from './copy.ts';
import { aNamespace, anApi, anApiByWire, isGivenCluster } from './plane.ts';

const namespace = aNamespace();
const never = new AbortController().signal;
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

/** Somebody who reads config maps as long as a role lets them. */
async function aReader(name: string) {
  const config = administrator();
  config.users = config.users.map((user) => ({ ...user, impersonateUser: name }));
  const direct = anApi();
  const rbac = (plural: string) => listPath({ apiVersion: 'rbac.authorization.k8s.io/v1', plural }, namespace.name());
  const rules = [{ apiGroups: [''], resources: ['configmaps'], verbs: ['list', 'watch'] }];
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name };
  const binding = { metadata: { name }, roleRef, subjects: [{ kind: 'User', name, apiGroup: 'rbac.authorization.k8s.io' }] };
  await direct.request({ method: 'POST', path: rbac('roles'), body: { metadata: { name }, rules } }, never);
  return {
    api: anApi(config),
    allow: () => direct.request({ method: 'POST', path: rbac('rolebindings'), body: binding }, never),
    forbid: () => direct.request({ method: 'DELETE', path: `${rbac('rolebindings')}/${name}` }, never),
  };
}

describe('a reflector', () => {
  test('lists in pages, then follows what comes, changes and goes', async () => {
    const on = reflected(namespace.name(), 'follows');
    for (let n = 0; n < 8; n++) await on.put(`follows-${n}`, `${n}`);
    const later = reflected(namespace.name(), 'follows');
    await later.copy.listed;
    expect(later.copy.size()).toBe(8);
    await on.put('follows-0', 'changed');
    await on.remove('follows-1');
    await on.put('follows-8', '8');
    await until(() => later.value('follows-0') === 'changed' && later.value('follows-1') === undefined && later.value('follows-8') === '8');
    expect(later.errors).toEqual([]);
  });

  test('opens the next watch when the server ends one, and misses nothing', async () => {
    const on = reflected(namespace.name(), 'short', { times: { ...quick, watchMs: [1_000, 1_000] } });
    await on.copy.listed;
    for (let n = 0; n < 12; n++) {
      await on.put('short', `${n}`);
      await pause(300);
    }
    await until(() => on.value('short') === '11');
    expect(on.errors).toEqual([]);
  });

  test('keeps its copy while it is forbidden to look, and catches up afterwards', async () => {
    const { api, allow, forbid } = await aReader('reader');
    await allow();
    const on = reflected(namespace.name(), 'forbidden', { api, times: { ...quick, watchMs: [1_000, 1_000] } });
    await on.put('forbidden', 'before');
    await until(() => on.value('forbidden') === 'before');
    await forbid();
    await until(() => on.errors.some((error) => isRefusedWith(error, 403)));
    await on.put('forbidden', 'after');
    const heardAtMs = on.copy.heardAtMs();
    await until(() => on.copy.heardAtMs() > heardAtMs); // a refusal is an answer
    await pause(500);
    expect(on.value('forbidden')).toBe('before');
    await allow();
    await until(() => on.value('forbidden') === 'after');
  });

  test('waits as long as a busy server asks for', async () => {
    let asked = 0;
    const busy = new ApiError('busy', { kind: 'refused', status: 429, reason: 'TooManyRequests', retryAfterMs: 2_000 });
    const startedMs = performance.now();
    const on = reflected(namespace.name(), 'busy', { api: refusing(anApi(), () => (asked++ === 0 ? busy : undefined)) });
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
    const on = reflected(namespace.name(), 'expired', { api, times: { ...quick, watchMs: [1_000, 1_000] } });
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
  test('is slow waits for its lists and has them whole', async () => {
    const { api, wire } = await anApiByWire();
    const writer = reflected(namespace.name(), 'slow');
    for (let n = 0; n < 7; n++) await writer.put(`slow-${n}`, `${n}`);
    wire.set({ kind: 'slow', delayMs: 300 });
    const on = reflected(namespace.name(), 'slow', { api });
    await on.copy.listed;
    expect(on.copy.size()).toBe(7);
    await writer.put('slow-0', 'changed');
    await until(() => on.value('slow-0') === 'changed');
    expect(on.errors).toEqual([]);
  });

  test('is reset goes on with a new one', async () => {
    const { api, wire } = await anApiByWire();
    const on = reflected(namespace.name(), 'reset', { api });
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
    const on = reflected(namespace.name(), 'silent', { api, times: { ...quick, idleMs: 2_000 } });
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
