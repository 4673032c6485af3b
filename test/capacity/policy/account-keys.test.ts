import { expect, test } from 'vitest';
import { accountKeysOf } from '../../../capacity/policy/account-keys.ts';
import { subscriptionName } from '../../../crds/values.ts';

const declared = (accounts: Readonly<Record<string, string | undefined>>) => ({
  subscriptions: Object.entries(accounts).map(([name, accountId]) => ({ name: subscriptionName.parse(name), accountId })),
});

test.each([
  { what: 'by its name where none is declared', now: { main: undefined }, former: [], keys: { main: ['main'] } },
  {
    what: 'by its id, and what lies under its name from earlier releases',
    now: { main: 'x' },
    former: [],
    keys: { main: ['account:x', 'main'] },
  },
  {
    what: 'by its id after a rename, and under the name that it had',
    now: { east: 'x' },
    former: [{ main: 'x' }],
    keys: { east: ['account:x', 'east', 'main'] },
  },
  {
    what: 'under no name that another had',
    now: { main: 'y', east: 'x' },
    former: [{ main: 'x', east: 'y' }],
    keys: { main: ['account:y'], east: ['account:x'] },
  },
  {
    what: 'under no name that another has',
    now: { east: 'x', main: 'y' },
    former: [{ east: 'x' }, { main: 'x' }],
    keys: { east: ['account:x', 'east'], main: ['account:y'] },
  },
  {
    what: 'under its name from the time before it was declared',
    now: { main: 'x' },
    former: [{ main: undefined }],
    keys: { main: ['account:x', 'main'] },
  },
  {
    what: 'by its id when it is declared no more',
    now: { main: undefined },
    former: [{ main: 'x' }],
    keys: { main: ['main', 'account:x'] },
  },
  {
    what: 'not by the id of one that has another name now',
    now: { main: undefined, east: 'x' },
    former: [{ main: 'x' }],
    keys: { main: ['main'], east: ['account:x', 'east'] },
  },
])('what is known of an account is kept $what', ({ now, former, keys }) => {
  const found = accountKeysOf(
    declared(now),
    former.map((one) => declared(one)),
  );
  expect(Object.fromEntries([...found].map(([name, one]) => [name, [one.key, ...one.former]]))).toEqual(keys);
});
