import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { readGuard, reportWentBack } from '../../../ledger/guard.ts';
import { newId } from '../../../ledger/ids.ts';
import { takeWatchLeases } from '../../../ledger/watch.ts';
import { callNameOf } from '../../../providers/vapi/call-name.ts';
import { aDataPath, type DataPath } from '../data-path.ts';
import { north, watching } from './watching.ts';

/** A guarded pool, and a provider that lists these calls of project north. */
async function guarded(on: DataPath, calls: (query: URLSearchParams) => readonly object[], wallClock: () => number = Date.now) {
  await on.database.query('insert into dispatcher (pool_id, epoch) values ($1, 1)', [on.poolId]);
  await reportWentBack(on.database, on.poolId);
  const look = await watching(on, ({ url }) => ({ status: 200, body: calls(url.searchParams) }), wallClock);
  return {
    async look() {
      const [lease] = await takeWatchLeases(on.database, on.poolId, 1, [north], 1);
      if (lease === undefined) throw new Error('no lease');
      await look(lease);
    },
    age: (seconds: number) => on.database.query(`update guard set raised_at = clock_timestamp() - $1 * interval '1 s'`, [seconds]),
    listed: async () => [...((await readGuard(on.database, on.poolId))?.listed ?? [])],
  };
}

async function waiting(on: DataPath, number: string) {
  const sessionId = newId();
  await on.database.query(
    `insert into session (id, pool_id, class, direction, state, number) values ($2, $1, 'campaign', 'Outbound', 'queued', $3)`,
    [on.poolId, sessionId, number],
  );
  const attemptId = randomUUID();
  return (status: string, endedReason?: string) => ({
    id: `call-${attemptId}`,
    orgId: 'org',
    name: callNameOf(attemptId),
    type: 'outboundPhoneCall',
    status,
    endedReason,
    customer: { number },
    assistantOverrides: { metadata: { trunkline: { pool: 'sales', class: 'campaign', session: sessionId } } },
    createdAt: new Date().toISOString(),
    updatedAt: new Date().toISOString(),
  });
}

test('for a guard, forgotten calls are bound or ended at once, and a list that is late enough settles the project', async () => {
  const on = await aDataPath();
  const [live, over] = [await waiting(on, '+14155560001'), await waiting(on, '+14155560002')];
  const watch = await guarded(on, () => [live('in-progress'), over('ended', 'customer-ended-call')]);
  await watch.look();
  expect((await on.database.query('select state, outcome from session order by seq')).rows).toEqual([
    { state: 'open', outcome: null },
    { state: 'ended', outcome: 'Completed' },
  ]);
  expect(await watch.listed()).toEqual([]);
  await watch.age(46);
  await watch.look();
  expect(await watch.listed()).toEqual(['north']);
});

test('a list that takes more requests than a minute has is read on in the next, and leaves some to others', async () => {
  const on = await aDataPath();
  const newestMs = Date.now();
  const day = Array.from({ length: 8_000 }, (_, n) => ({
    id: `inbound-${n}`,
    orgId: 'org',
    type: 'inboundPhoneCall',
    status: 'ended',
    endedReason: 'customer-ended-call',
    createdAt: new Date(newestMs - n * 10).toISOString(),
    updatedAt: new Date(newestMs).toISOString(),
  }));
  let nowMs = 60_000_000;
  const asked: string[] = [];
  const page = (query: URLSearchParams) => {
    const created = query.has('createdAtGe');
    asked.push(created ? 'recount' : 'changes');
    const before = query.get('createdAtLt') ?? '9999';
    return created ? day.filter(({ createdAt }) => createdAt < before).slice(0, Number(query.get('limit'))) : [];
  };
  const watch = await guarded(on, page, () => nowMs);
  await watch.age(46);
  await watch.look();
  expect(asked).toContain('changes');
  expect(await watch.listed()).toEqual([]);
  nowMs += 60_000;
  await watch.look();
  expect(await watch.listed()).toEqual(['north']);
});

test('a list that cannot be complete settles nothing', async () => {
  const on = await aDataPath();
  const watch = await guarded(on, () => [{ id: 'unreadable' }]);
  await watch.age(46);
  await watch.look();
  expect(await watch.listed()).toEqual([]);
});
