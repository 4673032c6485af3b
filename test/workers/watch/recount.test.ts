import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { projectName } from '../../../crds/values.ts';
import { readGuard, reportWentBack } from '../../../ledger/guard.ts';
import { newId } from '../../../ledger/ids.ts';
import { takeWatchLeases } from '../../../ledger/watch.ts';
import { callNameOf } from '../../../providers/vapi/call-name.ts';
import { openProject } from '../../../providers/vapi/client.ts';
import { boundForMs } from '../../../workers/session-bounds.ts';
import { openWatcher } from '../../../workers/watch/watcher.ts';
import { serve } from '../../providers/vapi/http-server.ts';
import { aDataPath, type DataPath, silent } from '../data-path.ts';

const north = projectName.parse('north');

/** A guarded pool, and a provider that lists these calls of project north. */
async function guarded(on: DataPath, calls: () => readonly object[]) {
  await on.database.query('insert into dispatcher (pool_id, epoch) values ($1, 1)', [on.poolId]);
  await reportWentBack(on.database, on.poolId);
  const server = await serve(() => ({ status: 200, body: calls() }));
  const api = openProject({ baseUrl: server.url, apiKey: async () => 'key' });
  const policy = on.policy.projects.find((project) => project.name === north);
  if (policy === undefined) throw new Error('no project north');
  const watcher = openWatcher({
    database: on.database,
    poolId: on.poolId,
    providers: { of: () => ({ api, policy }), close: api.close },
    applier: on.applier,
    endings: on.endings,
    boundForMs: (className) => boundForMs(on.policy.classes.find(({ name }) => name === className)),
    webhooks: 'expected',
    wallClock: Date.now,
    now: () => performance.now(),
    log: silent,
  });
  return {
    async look() {
      const [lease] = await takeWatchLeases(on.database, on.poolId, 1, [north], 1);
      if (lease === undefined) throw new Error('no lease');
      await watcher.look(lease, new AbortController().signal);
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

test('a list that cannot be complete settles nothing', async () => {
  const on = await aDataPath();
  const watch = await guarded(on, () => [{ id: 'unreadable' }]);
  await watch.age(46);
  await watch.look();
  expect(await watch.listed()).toEqual([]);
});
