import { expect, test } from 'vitest';
import { className } from '../../crds/values.ts';
import { ensureToken, findToken, hashToken, newToken } from '../../ledger/tokens.ts';
import { freshLedger } from '../support/ledger.ts';

test('a token is known by its hash, in its pool only, with its newest scope', async () => {
  const { database } = await freshLedger();
  await database.query(`insert into pool (name) values ('sales'), ('support')`);
  const token = newToken();
  await ensureToken(database, 1, token);
  expect(await findToken(database, 1, hashToken(token))).toEqual({ class: undefined });
  expect(await findToken(database, 2, hashToken(token))).toBeUndefined();
  expect(await findToken(database, 1, hashToken(newToken()))).toBeUndefined();
  await ensureToken(database, 1, token, className.parse('campaign'));
  expect(await findToken(database, 1, hashToken(token))).toEqual({ class: 'campaign' });
  expect((await database.query('select * from token')).rows.map((row) => JSON.stringify(row)).join()).not.toContain(token);
});
