import { expect, test, vi } from 'vitest';
import { projectName } from '../../../crds/values.ts';
import { noteListed, readGuard, reportWentBack } from '../../../ledger/guard.ts';
import { takeWatchLeases } from '../../../ledger/watch.ts';
import { admitted, enqueue, leads, type Stage, stage, untilAdmitted, viewOf } from './stage.ts';

const front = projectName.parse('front');

const viewShows = (on: Stage, what: object) =>
  vi.waitFor(async () => expect(await viewOf(on)).toMatchObject(what), { timeout: 10_000, interval: 50 });

test('a guarded pool admits nothing, says why, and goes on when every project has been listed', async () => {
  const on = await stage(3);
  await vi.waitFor(async () => expect(await viewOf(on)).not.toBeNull(), { timeout: 10_000, interval: 50 });
  await reportWentBack(on.database, on.poolId);
  await viewShows(on, { guard: { reason: 'WentBack', unlisted: ['front'] } });
  await enqueue(on, leads(2));
  await viewShows(on, { classes: [{}, {}, { name: 'campaign', queued: 2, blocked: { by: 'guard', unlisted: ['front'] } }] });
  expect(await admitted(on)).toEqual([]);

  const guard = await readGuard(on.database, on.poolId);
  await takeWatchLeases(on.database, on.poolId, on.owner, [front], 1);
  await noteListed(on.database, on.poolId, front, guard?.id ?? '');
  await untilAdmitted(on, 2);
  await vi.waitFor(async () => expect((await viewOf(on)).guard).toBeUndefined(), { timeout: 10_000, interval: 50 });
  expect(await readGuard(on.database, on.poolId)).toBeUndefined();
});

test('what was admitted and not sent when the pool is guarded goes back to the queue', async () => {
  const on = await stage(1);
  await enqueue(on, leads(1));
  await untilAdmitted(on, 1);
  await reportWentBack(on.database, on.poolId);
  await vi.waitFor(async () => expect((await on.database.query('select state from session')).rows).toEqual([{ state: 'queued' }]), {
    timeout: 10_000,
    interval: 50,
  });
});
