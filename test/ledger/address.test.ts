import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { LedgerUrlMissing, openAddress } from '../../ledger/address.ts';
import { openDatabase } from '../../ledger/database.ts';
import { freshLedger } from '../support/ledger.ts';

async function aFile(content: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'trunkline-address-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const file = join(directory, 'url');
  await writeFile(file, content);
  return file;
}

const url = 'postgres://somebody:s3cret@ledger:5432/trunkline';

describe('the file of the ledger URL', () => {
  test('is read anew each time, and what it said last holds on while it says nothing that can be used', async () => {
    const file = await aFile(`${url}\n`);
    const address = openAddress({ kind: 'file', file });
    expect(address()).toBe(url);
    await writeFile(file, `${url}2\n`);
    expect(address()).toBe(`${url}2`);
    for (const useless of ['', 'not an address', 'https://ledger/']) {
      await writeFile(file, useless);
      expect(address()).toBe(`${url}2`);
    }
    await rm(file);
    expect(address()).toBe(`${url}2`);
  });

  test.each([
    { name: 'empty', content: '\n', says: /is empty/ },
    { name: 'no URL', content: 's3cret', says: /holds no URL of a PostgreSQL database/ },
    { name: 'a URL that cannot be read', content: 'postgres://a:s3cret%@ledger:notaport/x', says: /holds no URL/ },
  ])('that is $name to begin with is refused without its content', async ({ content, says }) => {
    const file = await aFile(content);
    const opening = () => openAddress({ kind: 'file', file });
    expect(opening).toThrow(LedgerUrlMissing);
    expect(opening).toThrow(says);
    expect(opening).not.toThrow(/s3cret/);
  });

  test('that is not there is named', () => {
    expect(() => openAddress({ kind: 'file', file: '/nowhere/url' })).toThrow('/nowhere/url');
  });
});

test('connections opened after the password was changed log in with the new one', async () => {
  const { database: admin, url: ledger } = await freshLedger();
  const user = `rotating_${process.pid}`;
  const withPassword = (password: string) => Object.assign(new URL(ledger), { username: user, password }).href;
  await admin.query(`create role ${user} login password 'old'`);
  onTestFinished(async () => void (await admin.query(`drop role ${user}`)));
  const file = await aFile(withPassword('old'));
  const database = openDatabase(openAddress({ kind: 'file', file }), {
    applicationName: 'test',
    maxConnections: 1,
    onError: () => undefined,
  });
  onTestFinished(() => database.end());
  await database.query('select 1');

  await admin.query(`alter role ${user} password 'new'`);
  await admin.query('select pg_terminate_backend(pid) from pg_stat_activity where usename = $1', [user]);
  await expect(database.query('select 1')).rejects.toThrow();
  await expect(database.query('select 1')).rejects.toThrow(/password/);
  await writeFile(file, withPassword('new'));
  expect((await database.query('select current_user as name')).rows).toEqual([{ name: user }]);
});
