import { expect, test } from 'vitest';
import { beginSending } from '../../../ledger/attempts/begin-sending.ts';
import { releaseSlots } from '../../../ledger/dispatch/release-slots.ts';
import { takeBack } from '../../../ledger/dispatch/take-back.ts';
import { aDataPath, type DataPath, place, seen } from '../../workers/data-path.ts';

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

test('what is being sent is never taken back, however late and whatever is held', async () => {
  const on = await aDataPath();
  const [sent, unsent] = [await place(on, owner), await place(on, owner)];
  await begin(on, sent.attemptId);
  await tooLate(on);
  expect(await takeBack(on.database, on.poolId, { ...nobodyHeld, pool: true })).toEqual([unsent.attemptId]);
  expect(await seen(on, sent)).toMatchObject({ session: 'open', attempt: 'sending', released: false });
  expect(await seen(on, unsent)).toMatchObject({ session: 'queued', attempt: 'ended', released: true });
  expect(await begin(on, unsent.attemptId)).toEqual([]);
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
