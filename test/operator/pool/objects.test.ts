import { expect, test } from 'vitest';
import type { Applier } from '../../../operator/pool/apply.ts';
import { freshMemory } from '../../../operator/pool/memory.ts';
import { openObjects } from '../../../operator/pool/objects.ts';
import { plannerOf } from '../../../operator/pool/planner.ts';
import { ApiError } from '../../../operator/runtime/api-error.ts';
import { virtualClock } from '../runtime/virtual-time.ts';
import { declaredWith } from './status/observed.ts';

test('what the API server asks to wait is waited for, however often the pool is looked at meanwhile', async () => {
  const clock = virtualClock();
  const refused = new ApiError('slow down', { kind: 'refused', status: 429, reason: 'TooManyRequests', retryAfterMs: 60_000 });
  const failing = [{ kind: 'Service', name: 'sales-vcp', reason: 'NotTaken', message: 'slow down' }] as const;
  let tries = 0;
  const applier: Applier = {
    apply: async () => {
      tries += 1;
      return { troubles: [], failing, failure: refused, paths: [] };
    },
    haveSeen: () => true,
    newest: () => undefined,
    isOwnWrite: () => true,
  };
  const { planChildren } = plannerOf('trunkline:1')('cluster-1');
  const cluster = { deployment: () => undefined, poolCount: () => 1 };
  const objects = openObjects({ planChildren, applier, cluster, clock, random: () => 0.5 });
  const pool = declaredWith({});
  if (!pool.declared.accepted) throw new Error('the sound pool is accepted');
  const memory = freshMemory(pool, clock.nowMs());
  const acting = { generation: pool.generation, compiled: pool.declared };
  const look = () => objects.make(pool, acting, memory, new AbortController().signal);

  expect((await look()).waits).toEqual([60_000]);
  for (let second = 2; second < 60; second += 2) {
    await clock.advance(2_000);
    await look();
  }
  expect(tries).toBe(1);
  await clock.advance(2_000);
  await look();
  expect(tries).toBe(2);
  await objects.make({ ...pool, generation: pool.generation + 1 }, acting, memory, new AbortController().signal);
  expect(tries, 'what the team has changed is tried at once').toBe(3);
});
