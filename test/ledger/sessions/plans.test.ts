import { describe, expect, test } from 'vitest';
import { endManyQueued } from '../../../ledger/sessions/cancel.ts';
import { listStatement } from '../../../ledger/sessions/list.ts';
import { freshLedger } from '../../support/ledger.ts';

/** A queue of 60,000 in four classes, most of it ended. */
async function longQueue() {
  const { database } = await freshLedger();
  await database.query(`insert into pool (name) values ('sales')`);
  for (let chunk = 0; chunk < 6; chunk += 1) {
    await database.query(
      `insert into session (id, pool_id, class, direction, state, outcome)
       select gen_random_uuid(), 1, 'class-' || n % 4, 'Outbound', case when n % 10 = 0 then 'queued' else 'ended' end,
         case when n % 10 = 0 then null else 'Completed' end
       from generate_series(1, 10000) n`,
    );
  }
  await database.query('analyze session');
  return database;
}

describe('on a long queue', () => {
  test.each([
    {
      name: 'listing',
      statement: listStatement,
      types: 'int, text, text[], text, bigint, int',
      values: `1, null, array['queued', 'open', 'ended'], null, 9223372036854775807, 100`,
    },
    {
      name: 'cancelling a class',
      statement: endManyQueued,
      types: 'int, boolean, text, bigint, bigint',
      values: `1, false, 'class-0', 0, 9223372036854775807`,
    },
  ])('$name reads an index and never the whole table', async ({ statement, types, values }) => {
    const database = await longQueue();
    const connection = await database.connect();
    await connection.query(`prepare looked_at (${types}) as ${statement}`);
    const { rows } = await connection.query(`explain execute looked_at (${values})`);
    connection.release();
    const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
    expect(plan).toContain('session_listing');
    expect(plan).not.toContain('Seq Scan on session');
  });
});
