import { expect, test } from 'vitest';
import { knownCalls } from '../../ledger/watch.ts';
import { aDataPath, place } from '../workers/data-path.ts';

test('calls of a list are known by their id, and over ones by their name, unless they were given up as never made', async () => {
  const on = await aDataPath();
  const [live, over, unsent, sending] = [await place(on, 1), await place(on, 1), await place(on, 1), await place(on, 1)];
  const set = (columns: string, id: string) => on.database.query(`update attempt set ${columns} where id = $1`, [id]);
  await set(`state = 'bound', call_id = 'live'`, live.attemptId);
  await set(`state = 'cooling', outcome = 'Normal'`, over.attemptId);
  await set(`state = 'ended', outcome = 'Unsent', released_at = clock_timestamp()`, unsent.attemptId);
  await set(`state = 'sending'`, sending.attemptId);
  const listed = [
    { id: 'live', attemptId: live.attemptId },
    { id: 'over', attemptId: over.attemptId },
    { id: 'unsent', attemptId: unsent.attemptId },
    { id: 'sending', attemptId: sending.attemptId },
    { id: 'foreign', attemptId: undefined },
  ];
  expect([...(await knownCalls(on.database, on.poolId, listed))]).toEqual([
    ['live', { attemptId: live.attemptId, state: 'bound' }],
    ['over', { attemptId: over.attemptId, state: 'cooling' }],
  ]);
});
