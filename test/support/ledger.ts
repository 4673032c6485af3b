import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject, onTestFinished } from 'vitest';
import { type Database, openDatabase } from '../../ledger/database.ts';
import { migrate } from '../../ledger/migrate.ts';

/** A migrated ledger in a database of its own, dropped when the test that asked for it is over. */
export async function freshLedger(
  options: { readonly maxConnections?: number } = {},
): Promise<{ readonly database: Database; readonly url: string }> {
  const name = `t_${randomBytes(6).toString('hex')}`;
  const admin = new pg.Client({ connectionString: inject('postgresUrl') });
  await admin.connect();
  await admin.query(`create database ${name}`);
  const url = new URL(inject('postgresUrl'));
  url.pathname = `/${name}`;
  const database = openDatabase(url.href, {
    applicationName: 'test',
    maxConnections: options.maxConnections ?? 5,
    onError: () => undefined,
  });
  await migrate(database);
  onTestFinished(async () => {
    await database.end();
    await admin.query(`drop database if exists ${name} with (force)`);
    await admin.end();
  });
  return { database, url: url.href };
}
