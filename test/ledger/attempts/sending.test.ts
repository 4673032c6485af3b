import { expect, test } from 'vitest';
import { beginSending } from '../../../ledger/attempts/begin-sending.ts';
import { releaseSlots } from '../../../ledger/dispatch/release-slots.ts';
import { takeBack } from '../../../ledger/dispatch/take-back.ts';
import { writePolicy } from '../../../ledger/policy.ts';
import { aDataPath, type DataPath, place, seen } from '../../workers/data-path.ts';
import { salesPool } from '../../workers/intake/serving.ts';

const owner = 1;
const nobodyHeld = { pool: false, classes: [] };

const begin = async (on: DataPath, attemptId: string, by = owner) =>
  (await beginSending(on.database, on.poolId, by, [attemptId])).map((dial) => dial.attemptId);

const tooLate = (on: DataPath) => on.database.query(`update attempt set send_by = clock_timestamp() - interval '1 ms'`);

test('an attempt is sent once, by its owner, before its moment is over', async () => {
  const on = await aDataPath();
  const placed = await place(on, owner);
  expect(await begin(on, placed.attemptId, 2)).toEqual([]);
  expect(await begin(on, placed.attemptId)).toEqual([placed.attemptId]);
  expect(await begin(on, placed.attemptId)).toEqual([]);
});

test('an attempt whose moment is over is not sent', async () => {
  const on = await aDataPath();
  const placed = await place(on, owner);
  await tooLate(on);
  expect(await begin(on, placed.attemptId)).toEqual([]);
  expect(await seen(on, placed)).toMatchObject({ attempt: 'admitted' });
});

test('nobody is dialled for a session that has expired on the way', async () => {
  const on = await aDataPath();
  const [late, timely] = [await place(on, owner), await place(on, owner)];
  const expires = `update session set expires_at = clock_timestamp() + $2 * interval '1 s' where id = $1`;
  await on.database.query(expires, [late.sessionId, 0]);
  await on.database.query(expires, [timely.sessionId, 60]);
  expect(await begin(on, late.attemptId)).toEqual([]);
  expect(await begin(on, timely.attemptId)).toEqual([timely.attemptId]);
});

test('nobody is dialled who has called in meanwhile', async () => {
  const on = await aDataPath();
  const placed = await place(on, owner);
  const call = `insert into attempt (id, pool_id, direction, project, subscription, number, state, released_at)
    values (gen_random_uuid(), $1, 'Inbound', 'north', 'main', $2, $3, $4)`;
  await on.database.query(call, [on.poolId, placed.number, 'ended', new Date()]);
  await on.database.query(call, [on.poolId, placed.number, 'bound', null]);
  expect(await begin(on, placed.attemptId)).toEqual([]);
  await on.database.query(
    `update attempt set state = 'ended', released_at = clock_timestamp() where direction = 'Inbound' and state = 'bound'`,
  );
  expect(await begin(on, placed.attemptId)).toEqual([placed.attemptId]);
});

test('nothing is sent through a project that has left the policy', async () => {
  const on = await aDataPath();
  const placed = await place(on, owner);
  const [subscription] = salesPool.spec.subscriptions;
  if (subscription === undefined) throw new Error('the sample has a subscription');
  const projects = subscription.projects.filter(({ name }) => name !== 'north');
  expect(projects.length).toBeLessThan(subscription.projects.length);
  await writePolicy(on.database, salesPool.metadata.name, { ...salesPool.spec, subscriptions: [{ ...subscription, projects }] });
  expect(await begin(on, placed.attemptId)).toEqual([]);
  await writePolicy(on.database, salesPool.metadata.name, { ...salesPool.spec, mode: 'Observe' });
  expect(await begin(on, placed.attemptId)).toEqual([placed.attemptId]);
});

test('a worker that was given up as dead sends nothing any more', async () => {
  const on = await aDataPath();
  const { rows } = await on.database.query<{ id: number }>(
    `insert into worker (pool_id, name, state) values ($1, 'lost', 'serving') returning id`,
    [on.poolId],
  );
  const lost = rows[0]?.id ?? 0;
  const [before, after] = [await place(on, lost), await place(on, lost)];
  expect(await begin(on, before.attemptId, lost)).toEqual([before.attemptId]);
  await on.database.query(`update worker set state = 'gone' where id = $1`, [lost]);
  expect(await begin(on, after.attemptId, lost)).toEqual([]);
});

test.each(['all', 'named'] as const)('what is being sent is never taken back, however late and whatever is held: %s', async (looked) => {
  const on = await aDataPath();
  const [sent, unsent] = [await place(on, owner), await place(on, owner)];
  await begin(on, sent.attemptId);
  await tooLate(on);
  const among = looked === 'all' ? 'all' : [sent.attemptId, unsent.attemptId];
  expect(await takeBack(on.database, on.poolId, { ...nobodyHeld, pool: true }, among)).toEqual([unsent.attemptId]);
  expect(await seen(on, sent)).toMatchObject({ session: 'open', attempt: 'sending', released: false });
  expect(await seen(on, unsent)).toMatchObject({ session: 'queued', attempt: 'ended', released: true });
  expect(await begin(on, unsent.attemptId)).toEqual([]);
});

test('only those are taken back that are asked for', async () => {
  const on = await aDataPath();
  const [asked, other] = [await place(on, owner), await place(on, owner)];
  await tooLate(on);
  expect(await takeBack(on.database, on.poolId, nobodyHeld, [asked.attemptId])).toEqual([asked.attemptId]);
  expect(await seen(on, other)).toMatchObject({ session: 'open', attempt: 'admitted' });
});

test('only a slot that cools can be released', async () => {
  const on = await aDataPath();
  const placed = await place(on, owner);
  await begin(on, placed.attemptId);
  expect(await releaseSlots(on.database, on.poolId, [placed.attemptId])).toEqual([]);
  await on.endings.end({
    attemptId: placed.attemptId,
    outcome: 'Normal',
    endedReason: 'customer-ended-call',
    line: 'taken',
    limits: undefined,
  });
  expect(await releaseSlots(on.database, on.poolId, [placed.attemptId])).toEqual([placed.attemptId]);
  expect(await releaseSlots(on.database, on.poolId, [placed.attemptId])).toEqual([]);
});
