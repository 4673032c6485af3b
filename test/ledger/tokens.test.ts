import { expect, test } from 'vitest';
import { className } from '../../crds/values.ts';
import { declareTokens, ensureToken, findToken, hashToken, newToken } from '../../ledger/tokens.ts';
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

test('tokens of a secret come and go with their lines, issued ones stay', async () => {
  const { database } = await freshLedger();
  await database.query(`insert into pool (name) values ('sales')`);
  const [issued, first, second] = [newToken(), newToken(), newToken()];
  await ensureToken(database, 1, issued);
  const scopes = () => Promise.all([issued, first, second].map((token) => findToken(database, 1, hashToken(token))));

  await declareTokens(database, 1, [
    { hash: hashToken(first), class: undefined },
    { hash: hashToken(second), class: 'campaign' },
  ]);
  expect(await scopes()).toEqual([{ class: undefined }, { class: undefined }, { class: 'campaign' }]);
  await declareTokens(database, 1, [{ hash: hashToken(first), class: 'campaign' }]);
  expect(await scopes()).toEqual([{ class: undefined }, { class: 'campaign' }, undefined]);
  await declareTokens(database, 1, []);
  expect(await scopes()).toEqual([{ class: undefined }, undefined, undefined]);
});
