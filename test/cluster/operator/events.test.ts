import { setTimeout as pause } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { type Happening, openEvents } from '../../../operator/runtime/events.ts';
import { listPath } from '../../../operator/runtime/resource.ts';
import { virtualClock } from '../../operator/runtime/virtual-time.ts';
import { aNamespace, anApi } from './plane.ts';

const namespace = aNamespace();
const written = z.object({
  items: z.array(z.object({ reason: z.string(), note: z.string(), series: z.object({ count: z.number() }).nullish() })),
});

test('what is said a hundred times is one event with a count, and what is said once is one without', async () => {
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  const clock = virtualClock();
  const errors: unknown[] = [];
  // Requests take real time, waits between them virtual time.
  const api = anApi();
  const world = {
    controller: 'trunkline.dev/operator',
    instance: 'test',
    clock,
    wallClock: Date.now,
    random: Math.random,
    onError: (error: unknown) => errors.push(error),
  };
  const events = openEvents(api, world, stop.signal);
  const regarding = { apiVersion: 'v1', kind: 'ConfigMap', namespace: namespace.name(), name: 'sales', uid: 'u-1' };
  const slow: Happening = { regarding, type: 'Warning', reason: 'KeyMissing', action: 'Reconcile', note: 'the key of us-sales is missing' };
  const read = async () =>
    written
      .parse(
        await api.request(
          { method: 'GET', path: listPath({ apiVersion: 'events.k8s.io/v1', plural: 'events' }, namespace.name()) },
          stop.signal,
        ),
      )
      .items.map(({ reason, series }) => `${reason} ${series?.count ?? 1}`)
      .sort();
  const untilWritten = async (wanted: readonly string[]) => {
    for (let tries = 0; tries < 100 && `${await read()}` !== `${wanted}`; tries++) await pause(50);
    expect(await read()).toEqual(wanted);
  };

  events.say(slow);
  events.say({ ...slow, type: 'Normal', reason: 'Scaled', note: '2 to 3 workers' });
  await untilWritten(['KeyMissing 1', 'Scaled 1']);
  for (let n = 0; n < 99; n++) events.say(slow);
  await clock.advance(30_000);
  await untilWritten(['KeyMissing 100', 'Scaled 1']);
  expect(errors).toEqual([]);
});
