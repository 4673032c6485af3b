import { expect, test } from 'vitest';
import { bindAttempt } from '../../../ledger/attempts/bind.ts';
import { callNameOf } from '../../../providers/vapi/call-name.ts';
import { aDataPath, type DataPath, type Placed, seen } from '../data-path.ts';
import { north, sentAgo, watching } from './watching.ts';

const ended = ({ attemptId }: Placed) => ({
  id: `call-${attemptId}`,
  orgId: 'org-1',
  name: callNameOf(attemptId),
  type: 'outboundPhoneCall',
  status: 'ended',
  endedReason: 'customer-ended-call',
  createdAt: new Date().toISOString(),
  updatedAt: new Date().toISOString(),
});

async function bound(on: DataPath): Promise<Placed> {
  const placed = await sentAgo(on, 10, 'forgotten');
  const call = { callId: `call-${placed.attemptId}`, controlUrl: undefined, boundForMs: 60_000, limits: undefined };
  await bindAttempt(on.database, on.poolId, { by: 'answer', attemptId: placed.attemptId, ...call });
  return placed;
}

/** The ledger takes nothing about this attempt any more. */
const spoil = ({ database }: DataPath, { attemptId }: Placed) =>
  database.query(`
    create function spoiled() returns trigger language plpgsql as $$ begin raise exception 'spoiled'; end $$;
    create trigger spoiled before update on attempt for each row when (old.id = '${attemptId}') execute function spoiled()`);

const readUntil = async ({ database, poolId }: DataPath) =>
  (await database.query('select polled_until from project_watch where pool_id = $1', [poolId])).rows;

test('a call that cannot be applied keeps no other from it, and its list is not noted as read', async () => {
  const on = await aDataPath();
  await on.database.query('insert into project_watch (pool_id, project) values ($1, $2)', [on.poolId, north]);
  const [spoiled, sound] = [await bound(on), await bound(on)];
  await spoil(on, spoiled);
  const look = await watching(on, () => ({ status: 200, body: [ended(sound), ended(spoiled)] }));
  await look();
  expect(await seen(on, spoiled)).toMatchObject({ session: 'open', attempt: 'bound' });
  expect(await seen(on, sound)).toMatchObject({ session: 'ended', outcome: 'Completed', attempt: 'cooling' });
  expect(await readUntil(on)).toEqual([{ polled_until: null }]);
  await on.database.query('drop trigger spoiled on attempt');
  await look({ gained: true });
  expect(await seen(on, spoiled)).toMatchObject({ session: 'ended', outcome: 'Completed' });
  expect(await readUntil(on)).toEqual([{ polled_until: expect.any(Date) }]);
});

test('a list with a call that cannot be applied does not prove that another was never made', async () => {
  const on = await aDataPath();
  const [spoiled, doubtful] = [await bound(on), await sentAgo(on, 60, 'in doubt')];
  await on.database.query('update attempt set look_ups = 4 where id = $1', [doubtful.attemptId]);
  await spoil(on, spoiled);
  const look = await watching(on, () => ({ status: 200, body: [ended(spoiled)] }));
  await look();
  expect(await seen(on, doubtful)).toMatchObject({ session: 'open', attempt: 'sending', released: false });
});
