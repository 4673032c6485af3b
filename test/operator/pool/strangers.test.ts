import { expect, test } from 'vitest';
import { openStrangers } from '../../../operator/pool/strangers.ts';
import type { Api, Call } from '../../../operator/runtime/api.ts';
import { ApiError } from '../../../operator/runtime/api-error.ts';
import { sleep } from '../../../operator/runtime/clock.ts';
import { virtualClock } from '../runtime/virtual-time.ts';

const never = new AbortController().signal;
const isList = ({ path }: Call) => path.endsWith('/services');

/** A cluster in which these Services are not ours. */
function aCluster(names: readonly string[], listTakesMs = 0) {
  const clock = virtualClock();
  const calls: Call[] = [];
  const api: Api = {
    request: async (call) => {
      calls.push(call);
      const of = (name: string) => ({ metadata: { name, namespace: 'team', resourceVersion: '1' } });
      if (isList(call) && listTakesMs > 0) await sleep(clock, listTakesMs, never);
      if (isList(call)) return { metadata: { resourceVersion: '5' }, items: names.length === 0 ? null : names.map(of) };
      const name = call.path.split('/').at(-1) ?? '';
      if (names.includes(name)) return of(name);
      throw new ApiError('not found', { kind: 'refused', status: 404, reason: 'NotFound', retryAfterMs: undefined });
    },
    stream: () => Promise.reject(new Error('nothing is watched here')),
    close: () => undefined,
  };
  const strangers = openStrangers(api, clock);
  const find = (name: string) => strangers.find({ kind: 'Service', namespace: 'team', name }, never);
  return { calls, clock, find };
}

const many = Array.from({ length: 40 }, (_, index) => `pool-${index}`);

test('a name is asked for by itself', async () => {
  const { calls, find } = aCluster(['taken']);
  expect(await find('free')).toBeUndefined();
  expect(await find('taken')).toMatchObject({ metadata: { name: 'taken' } });
  expect(calls.map(({ path }) => path)).toEqual(['/api/v1/namespaces/team/services/free', '/api/v1/namespaces/team/services/taken']);
});

test('of many names at once a list tells which are taken, and only those are fetched', async () => {
  const { calls, find } = aCluster(['pool-30']);
  const found = await Promise.all(many.map(find));
  expect(found.map((one) => one !== undefined).indexOf(true)).toBe(30);
  expect(calls.filter(isList)).toHaveLength(1);
  expect(calls.filter(isList)[0]).toMatchObject({ query: { labelSelector: 'app.kubernetes.io/managed-by!=trunkline-operator' } });
  expect(calls.length).toBeLessThanOrEqual(7);
});

test('a list where there is no stranger says so', async () => {
  const { calls, find } = aCluster([]);
  expect(new Set(await Promise.all(many.map(find)))).toEqual(new Set([undefined]));
  expect(calls).toHaveLength(6);
});

test('a list counts for two seconds', async () => {
  const { calls, clock, find } = aCluster([]);
  await Promise.all(many.map(find));
  await clock.advance(2_001);
  await Promise.all(many.map(find));
  expect(calls.filter(isList)).toHaveLength(2);
});

test.each([
  { takes: 'a second', listTakesMs: 1_000, asked: 5 },
  { takes: 'four seconds', listTakesMs: 4_000, asked: many.length },
])('a list that takes $takes is believed only if it is not old by then', async ({ listTakesMs, asked }) => {
  const { calls, clock, find } = aCluster([], listTakesMs);
  const found = Promise.all(many.map(find));
  await clock.advance(listTakesMs);
  await found;
  expect(calls.filter((call) => !isList(call))).toHaveLength(asked);
});
