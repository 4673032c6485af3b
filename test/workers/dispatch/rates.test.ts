import { expect, test } from 'vitest';
import { accountKeysOf } from '../../../capacity/policy/account-keys.ts';
import { subscriptionName } from '../../../crds/values.ts';
import { keptRates, movedRates, ratesByName } from '../../../workers/dispatch/rates.ts';

const declared = (accounts: Readonly<Record<string, string>>) => ({
  subscriptions: Object.entries(accounts).map(([name, accountId]) => ({ name: subscriptionName.parse(name), accountId })),
});
const first = declared({ main: 'x', east: 'y' });
const swapped = declared({ main: 'y', east: 'x' });
const dials = (count: number) => [{ sinceMs: 0, untilMs: 100, count }];

test('calls per second go with the account when names are exchanged, over an election too', () => {
  const before = accountKeysOf(first, []);
  const moved = movedRates(new Map(), new Map([['subscription/main', dials(3)]]), before);
  const kept = keptRates(new Map<string, unknown>([...moved, ['learned/ceiling/main', {}], ['subscription/odd', 'nonsense']]), 100);
  const after = accountKeysOf(swapped, [first]);
  expect([...ratesByName(kept, after)]).toEqual([['subscription/east', dials(3)]]);
});

test('only what a decision moved is written, and limiters of upstreams and projects keep their names', () => {
  const keys = accountKeysOf(first, []);
  const before = ratesByName(
    new Map([
      ['upstream/trunk', dials(1)],
      ['project/front', dials(2)],
    ] as const),
    keys,
  );
  const after = new Map([...before, ['upstream/trunk', dials(5)] as const]);
  expect([...movedRates(before, after, keys)]).toEqual([['upstream/trunk', dials(5)]]);
});

test('of what was written under two keys of an account, the newest counts', () => {
  const at = (untilMs: number) => [{ sinceMs: untilMs, untilMs, count: 1 }];
  const keys = accountKeysOf(declared({ main: 'x' }), []);
  const kept = (byAccount: number, byName: number) =>
    new Map([
      ['subscription/account:x', at(byAccount)],
      ['subscription/main', at(byName)],
    ] as const);
  expect([...ratesByName(kept(1_000, 2_000), keys)]).toEqual([['subscription/main', at(2_000)]]);
  expect([...ratesByName(kept(3_000, 2_000), keys)]).toEqual([['subscription/main', at(3_000)]]);
});
