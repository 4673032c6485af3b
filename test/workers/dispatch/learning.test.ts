import { expect, test } from 'vitest';
import { type AccountKeys, accountKeysOf } from '../../../capacity/policy/account-keys.ts';
import { subscriptionName } from '../../../crds/values.ts';
import { Learning } from '../../../workers/dispatch/learning.ts';

const [main, east] = [subscriptionName.parse('main'), subscriptionName.parse('east')];
const declared = (accounts: Readonly<Record<string, string | undefined>>) => ({
  subscriptions: Object.entries(accounts).map(([name, accountId]) => ({ name: subscriptionName.parse(name), accountId })),
});
const learnedTwo = { learned: 2, foreign: 0, suspected: null, probe: null };

function learning(saved: Readonly<Record<string, unknown>>, accounts: AccountKeys): Learning {
  const made = new Learning(new Map(Object.entries(saved)), () => 0.5, 0);
  made.use(accounts);
  return made;
}

test('what was learned of an account is not taken for another’s that gets its name while nobody dispatches', () => {
  const now = accountKeysOf(declared({ main: 'y', east: 'x' }), [declared({ main: 'x', east: 'y' })]);
  const on = learning({ 'learned/ceiling/main': learnedTwo, 'learned/ceiling/account:x': learnedTwo }, now);
  expect([on.learnedLimit(main), on.learnedLimit(east)]).toEqual([null, 2]);
});

test('what an earlier release kept under the name of a subscription goes on', () => {
  const on = learning({ 'learned/ceiling/main': learnedTwo }, accountKeysOf(declared({ east: 'x' }), [declared({ main: 'x' })]));
  expect(on.learnedLimit(east)).toBe(2);
});

test('what was learned by name goes on when the account is declared, and is written down under it', () => {
  const on = learning({ 'learned/ceiling/main': learnedTwo }, accountKeysOf(declared({ main: undefined }), []));
  expect(on.learnedLimit(main)).toBe(2);
  const [first, then] = [declared({ main: undefined }), declared({ main: 'x' })];
  on.use(accountKeysOf(then, [first]));
  expect(on.learnedLimit(main)).toBe(2);
  expect([...on.takeChanged().keys()]).toEqual(['learned/ceiling/account:x', 'learned/release-lag/account:x']);
  on.use(accountKeysOf(declared({ east: 'x', main: 'y' }), [then, first]));
  expect([on.learnedLimit(main), on.learnedLimit(east)]).toEqual([null, 2]);
});

test('what was learned of an account that is gone for a while is there when it comes back under another name', () => {
  const on = learning({ 'learned/ceiling/account:x': learnedTwo }, accountKeysOf(declared({ main: 'x' }), []));
  expect(on.learnedLimit(main)).toBe(2);
  on.use(accountKeysOf(declared({ other: 'z' }), [declared({ main: 'x' })]));
  on.use(accountKeysOf(declared({ east: 'x' }), [declared({ other: 'z' }), declared({ main: 'x' })]));
  expect(on.learnedLimit(east)).toBe(2);
});

test('what is known of an account is written under it at once, also that nothing is, so that nothing hangs on policies that are forgotten', () => {
  const on = learning({ 'learned/ceiling/main': learnedTwo }, accountKeysOf(declared({ east: 'x', main: 'y' }), [declared({ east: 'x' })]));
  expect([on.learnedLimit(east), on.learnedLimit(main)]).toEqual([null, 2]);
  const written = on.takeChanged();
  expect(written.get('learned/ceiling/account:x')).toMatchObject({ learned: null });
  expect(written.get('learned/ceiling/account:y')).toMatchObject({ learned: 2 });
  const later = new Map([['learned/ceiling/main', learnedTwo] as const, ...written]);
  const next = learning(Object.fromEntries(later), accountKeysOf(declared({ main: 'x', east: 'y' }), []));
  expect([next.learnedLimit(main), next.learnedLimit(east)]).toEqual([null, 2]);
});
