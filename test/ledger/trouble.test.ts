import pg from 'pg';
import { describe, expect, inject, test } from 'vitest';
import { connectionConfig } from '../../ledger/database.ts';
import { troubleOf } from '../../ledger/trouble.ts';

async function failureOf(work: () => Promise<unknown>): Promise<unknown> {
  try {
    await work();
  } catch (error) {
    return error;
  }
  throw new Error('nothing failed');
}

const connect = async (change: (url: URL) => void, config: pg.ClientConfig = {}) => {
  const url = new URL(inject('postgresUrl'));
  change(url);
  const client = new pg.Client({ ...connectionConfig(url.href, { applicationName: 'test' }), options: '', ...config });
  client.on('error', () => undefined);
  await client.connect();
  return client;
};

const asItIs = () => undefined;

async function running(statement: string, config: pg.ClientConfig = {}): Promise<unknown> {
  const client = await connect(asItIs, config);
  const error = await failureOf(() => client.query(statement));
  await client.end().catch(asItIs);
  return error;
}

describe('trouble with the ledger', () => {
  test.each([
    { name: 'nobody listens', fail: () => failureOf(() => connect((url) => (url.port = '1'))), trouble: 'away' },
    { name: 'there is no such database', fail: () => failureOf(() => connect((url) => (url.pathname = '/none'))), trouble: 'away' },
    { name: 'the password is wrong', fail: () => failureOf(() => connect((url) => (url.password = 'wrong'))), trouble: 'away' },
    { name: 'a statement takes too long', fail: () => running('select pg_sleep(5)', { statement_timeout: 50 }), trouble: 'away' },
    { name: 'the server ends our connection', fail: () => running('select pg_terminate_backend(pg_backend_pid())'), trouble: 'away' },
    { name: 'a statement is wrong', fail: () => running('select nothing'), trouble: 'defect' },
    { name: 'a value does not fit', fail: () => running(`select '\\u0000'::jsonb`), trouble: 'defect' },
  ])('$name: $trouble', async ({ fail, trouble }) => {
    expect(troubleOf(await fail())).toBe(trouble);
  });

  test('of our own making is a defect', () => {
    expect(troubleOf(new TypeError('x is not a function'))).toBe('defect');
    expect(troubleOf('text')).toBe('defect');
  });
});
