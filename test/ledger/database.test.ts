import { expect, test } from 'vitest';
import { inTransaction, openDatabase } from '../../ledger/database.ts';
import { freshLedger } from '../support/ledger.ts';

test('a connection that breaks in the middle of a transaction fails the transaction and nothing else', async () => {
  const { database, url } = await freshLedger();
  const own = openDatabase(url, { applicationName: 'breaks', maxConnections: 1, onError: () => undefined });
  const broken = inTransaction(own, async (sql) => {
    const { rows } = await sql.query<{ pid: number }>('select pg_backend_pid() as pid');
    await database.query('select pg_terminate_backend($1)', [rows[0]?.pid]);
    // Between two statements nobody asks the connection anything.
    await new Promise((resolve) => setTimeout(resolve, 300));
    await sql.query('select 1');
  });
  await expect(broken).rejects.toThrow();
  expect((await own.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
  await own.end();
});
