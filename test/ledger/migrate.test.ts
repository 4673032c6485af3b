import { describe, expect, test } from 'vitest';
import { LedgerTooNew, migrate } from '../../ledger/migrate.ts';
import { freshLedger } from '../support/ledger.ts';

describe('migrations', () => {
  test('are safe to run by several processes at once, and again', async () => {
    const { database } = await freshLedger();
    await database.query('drop schema trunkline cascade');
    await Promise.all([migrate(database), migrate(database), migrate(database)]);
    const { rows } = await database.query('select version from trunkline.migration order by version');
    expect(rows).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11].map((version) => ({ version })));
  });

  test('refuse a ledger that a newer release wrote', async () => {
    const { database } = await freshLedger();
    await database.query('insert into trunkline.migration (version) values (999)');
    await expect(migrate(database)).rejects.toThrow(LedgerTooNew);
  });
});
