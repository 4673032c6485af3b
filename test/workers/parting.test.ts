import { expect, test } from 'vitest';
import { openParting } from '../../workers/parting.ts';
import { silent } from './data-path.ts';

const parting = (withinMs: number) => openParting({ withinMs, now: () => performance.now(), log: silent });
const away = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });

test('a ledger that is away is told nothing, and keeps nobody', async () => {
  await expect(parting(1_000).tell('something', () => Promise.reject(away))).resolves.toBeUndefined();
});

test('all that is told has one time together', async () => {
  const one = parting(100);
  const beganMs = performance.now();
  for (const what of ['first', 'second', 'third']) await one.tell(what, () => new Promise(() => undefined));
  expect(performance.now() - beganMs).toBeLessThan(1_000);
});

test('a failure of ours is no trouble of the ledger, and is heard of', async () => {
  await expect(parting(1_000).tell('something', () => Promise.reject(new TypeError('ours')))).rejects.toThrow('ours');
});
