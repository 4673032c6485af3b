import { describe, expect, test } from 'vitest';
import { className } from '../../../crds/values.ts';
import { createQueueRoom } from '../../../workers/intake/queue-room.ts';
import { freshLedger } from '../../support/ledger.ts';

const campaign = className.parse('campaign');

async function aQueue(length: number) {
  const { database } = await freshLedger();
  await database.query(`insert into pool (name) values ('sales')`);
  await database.query('insert into queue_depth (pool_id, class, delta) values (1, $1, $2)', [campaign, length]);
  return database;
}

describe('room in a queue', () => {
  test('is counted down by what was granted and not yet written', async () => {
    const room = createQueueRoom(await aQueue(90), 1, () => 0);
    expect((await room.take(campaign, 100, 6)).granted).toBe(6);
    expect((await room.take(campaign, 100, 6)).granted).toBe(4);
    expect((await room.take(campaign, 100, 6)).granted).toBe(0);
  });

  test('comes back when what was granted was not used', async () => {
    const room = createQueueRoom(await aQueue(90), 1, () => 0);
    const taken = await room.take(campaign, 100, 10);
    taken.settle(0);
    expect((await room.take(campaign, 100, 10)).granted).toBe(10);
  });

  test('counts what this worker queued before the ledger is asked again', async () => {
    const database = await aQueue(0);
    const room = createQueueRoom(database, 1, () => 0);
    (await room.take(campaign, 1_000_000, 900_000)).settle(900_000);
    expect((await room.take(campaign, 1_000_000, 200_000)).granted).toBe(100_000);
  });

  test('sees at once what others queued, when it is nearly full', async () => {
    const database = await aQueue(0);
    const room = createQueueRoom(database, 1, () => 0);
    (await room.take(campaign, 100, 1)).settle(0);
    await database.query('insert into queue_depth (pool_id, class, delta) values (1, $1, 99)', [campaign]);
    expect((await room.take(campaign, 100, 5)).granted).toBe(1);
  });

  test("goes by the ledger's clock", async () => {
    const database = await aQueue(0);
    let nowMs = 1_000;
    const room = createQueueRoom(database, 1, () => nowMs);
    const first = await room.nowMs();
    expect(Math.abs(first - Date.now())).toBeLessThan(5_000);
    nowMs += 200;
    expect((await room.nowMs()) - first).toBe(200);
  });
});
