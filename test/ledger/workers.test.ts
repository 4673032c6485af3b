import { expect, test } from 'vitest';
import { writePolicy } from '../../ledger/policy.ts';
import { beatWorker, buryDeadWorkers, registerWorker, servingWorkers } from '../../ledger/workers.ts';
import { freshLedger } from '../support/ledger.ts';
import { aBeat } from '../support/worker.ts';
import { salesPool } from '../workers/intake/serving.ts';

test('a worker that was buried is not raised by a beat that comes late, and one that the ledger forgot is told the same', async () => {
  const { database } = await freshLedger();
  const { poolId } = await writePolicy(database, salesPool.metadata.name, salesPool.spec);
  const connection = await database.connect();
  const id = await registerWorker(connection, poolId, 'w1');
  expect(await beatWorker(database, id, aBeat())).toBe('serve');
  expect(await servingWorkers(database, poolId)).toEqual([id]);

  // Its connection breaks, and nobody hears of it for a while.
  connection.release(true);
  await database.query(`update worker set beat_at = beat_at - interval '1 min'`);
  await expect
    .poll(async () => {
      await buryDeadWorkers(database, poolId, 'all');
      return (await database.query(`select from worker where state = 'gone'`)).rowCount;
    })
    .toBe(1);
  expect(await beatWorker(database, id, aBeat())).toBe('gone');
  expect((await database.query<{ state: string }>('select state from worker')).rows).toEqual([{ state: 'gone' }]);
  expect(await beatWorker(database, id + 1, aBeat())).toBe('gone');
});
