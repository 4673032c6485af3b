import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { findToken, hashToken, newToken } from '../../ledger/tokens.ts';
import { openDeclaredTokens, readTokenLines } from '../../workers/declared-tokens.ts';
import { openSecrets } from '../../workers/secrets.ts';
import { aDataPath, silent } from './data-path.ts';

const hash = 'ab'.repeat(32);

test.each([
  { text: hash, tokens: [{ hash, class: undefined }] },
  { text: `${hash} campaign`, tokens: [{ hash, class: 'campaign' }] },
  { text: hash.toUpperCase(), tokens: [{ hash, class: undefined }] },
  { text: '# made for the CRM', tokens: [] },
])('a line of the secret: $text', ({ text, tokens }) => {
  const read = readTokenLines([text]);
  expect(read.tokens.map((token) => ({ ...token, hash: token.hash.toString('hex') }))).toEqual(tokens);
  expect(read.unreadable).toEqual([]);
});

test.each(['tl_a-token-itself', hash.slice(1), `${hash} campaign more`, `${hash} Not/A/Class`])('declares no token: %s', (text) => {
  expect(readTokenLines([hash, text])).toMatchObject({ unreadable: [2] });
});

test('the tokens of the secret are valid as long as their lines are there', async () => {
  const { database, poolId } = await aDataPath();
  const directory = await mkdtemp(join(tmpdir(), 'trunkline-tokens-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  await mkdir(join(directory, 'intake'));
  const token = newToken();
  const write = (text: string) => writeFile(join(directory, 'intake', 'tokens'), text);
  const ref = { name: 'intake', key: 'tokens' };
  const tokens = openDeclaredTokens({ database, poolId, secretRef: () => ref, secrets: openSecrets(directory), log: silent });
  await expect(tokens.refresh()).rejects.toThrow('intake/tokens');
  await write(`${hashToken(token).toString('hex')} campaign\n`);
  await tokens.refresh();
  expect(await findToken(database, poolId, hashToken(token))).toEqual({ class: 'campaign' });
  await write(`# no token any more\n`);
  await sleep(1_100);
  await tokens.refresh();
  expect(await findToken(database, poolId, hashToken(token))).toBeUndefined();
});
