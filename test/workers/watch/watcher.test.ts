import { describe, expect, test } from 'vitest';
import { projectName } from '../../../crds/values.ts';
import { beginSending } from '../../../ledger/attempts/begin-sending.ts';
import { bindAttempt } from '../../../ledger/attempts/bind.ts';
import { buryDeadWorkers, registerWorker } from '../../../ledger/workers.ts';
import { callNameOf } from '../../../providers/vapi/call-name.ts';
import { openProject } from '../../../providers/vapi/client.ts';
import { boundForMs } from '../../../workers/session-bounds.ts';
import { openWatcher } from '../../../workers/watch/watcher.ts';
import { type Reply, serve } from '../../providers/vapi/http-server.ts';
import { aDataPath, type DataPath, type Placed, place, seen, silent } from '../data-path.ts';

const north = projectName.parse('north');

/** A watcher of project north, and a provider that answers every request like this. */
async function watching(on: DataPath, answer: () => Reply) {
  const server = await serve(answer);
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
    log: silent,
  });
  return () => watcher.look({ project: north, readUntilMs: Date.now(), nowMs: Date.now(), gained: false }, new AbortController().signal);
}

/** A worker that lives, with an attempt that it sent so long ago and has not heard of since. */
async function sentAgo(on: DataPath, seconds: number, inDoubt: 'in doubt' | 'forgotten'): Promise<Placed> {
  const connection = await on.database.connect();
  const owner = await registerWorker(connection, on.poolId, 'w1');
  connection.release();
  const placed = await place(on, owner);
  expect(await beginSending(on.database, on.poolId, owner, [placed.attemptId])).toHaveLength(1);
  await on.database.query(
    `update attempt set sending_at = sending_at - $2 * interval '1 s', created_at = created_at - $2 * interval '1 s',
       ambiguous_at = case when $3 then clock_timestamp() - $2 * interval '1 s' end, look_ups = case when $3 then 6 else 0 end where id = $1`,
    [placed.attemptId, seconds, inDoubt === 'in doubt'],
  );
  return placed;
}

describe('a call whose creation nobody told the end of', () => {
  test('is looked up although the worker that sent it lives, and its session waits again when there is no call', async () => {
    const on = await aDataPath();
    const placed = await sentAgo(on, 31, 'forgotten');
    expect(await buryDeadWorkers(on.database, on.poolId)).toBe(1);
    await on.database.query(`update attempt set ambiguous_at = ambiguous_at - interval '46 s'`);
    const look = await watching(on, () => ({ status: 200, body: [] }));
    await look();
    expect(await seen(on, placed)).toMatchObject({ session: 'queued', attempt: 'ended' });
  });

  test('is not looked up while its answer may still come', async () => {
    const on = await aDataPath();
    await sentAgo(on, 25, 'forgotten');
    expect(await buryDeadWorkers(on.database, on.poolId)).toBe(0);
  });

  test('keeps its slot while lists fail, and gives it back with outcome Unknown when any call must be over', async () => {
    const on = await aDataPath();
    const bound = boundForMs(on.policy.classes.find(({ name }) => name === 'campaign')) / 1_000;
    const young = await sentAgo(on, bound - 60, 'in doubt');
    const old = await sentAgo(on, bound + 180, 'in doubt');
    const look = await watching(on, () => ({ status: 401, body: { message: 'Invalid key' } }));
    await look();
    expect(await seen(on, young)).toMatchObject({ session: 'open', attempt: 'sending' });
    expect(await seen(on, old)).toMatchObject({ session: 'ended', outcome: 'Unknown', attempt: 'cooling' });
  });
});

test('a call that a list does not show yet is waited for', async () => {
  const on = await aDataPath();
  const placed = await sentAgo(on, 40, 'in doubt');
  // The look-up after 30 s was not made yet, so one is due.
  await on.database.query('update attempt set look_ups = 4');
  const look = await watching(on, () => ({ status: 200, body: [] }));
  await look();
  expect(await seen(on, placed)).toMatchObject({ session: 'open', attempt: 'sending', released: false });
});

test('an end that no webhook told is found in the list, for calls that have no name of ours too', async () => {
  const on = await aDataPath();
  const [named, nameless] = [await sentAgo(on, 10, 'forgotten'), await sentAgo(on, 10, 'forgotten')];
  for (const { attemptId } of [named, nameless]) {
    const call = { callId: `call-${attemptId}`, controlUrl: undefined, boundForMs: 60_000, limits: undefined };
    await bindAttempt(on.database, on.poolId, { by: 'answer', attemptId, ...call });
  }
  const over = ({ attemptId }: Placed, name: string | undefined) => ({
    id: `call-${attemptId}`,
    orgId: 'org-1',
    name,
    type: 'outboundPhoneCall',
    status: 'ended',
    endedReason: 'customer-ended-call',
    createdAt: new Date().toISOString(),
    updatedAt: new Date().toISOString(),
  });
  const look = await watching(on, () => ({ status: 200, body: [over(named, callNameOf(named.attemptId)), over(nameless, undefined)] }));
  await look();
  for (const placed of [named, nameless])
    expect(await seen(on, placed)).toMatchObject({ session: 'ended', outcome: 'Completed', attempt: 'cooling' });
});
