import type { SubscriptionName } from '../../crds/values.ts';

/**
 * What is known of an account outlives the name that a policy gives it: what was learned of its lines, and how fast it was dialled. It is kept by the
 * account's id, or by the subscription's name where no account is declared.
 */

export type AccountKey = {
  readonly key: string;
  /** Keys under which it may have been kept before, most likely first: by earlier releases, or while no account was declared. */
  readonly former: readonly string[];
};

export type AccountKeys = ReadonlyMap<SubscriptionName, AccountKey>;

type Declared = {
  readonly subscriptions: readonly { readonly name: SubscriptionName; readonly accountId?: string | undefined }[];
};

/** No name of a subscription has a colon. */
const keyOfAccount = (accountId: string) => `account:${accountId}`;

/** `former`: the other policies that are known, newest first. */
export function accountKeysOf(now: Declared, former: readonly Declared[]): AccountKeys {
  const known = [now, ...former];
  const accountsOf = (name: SubscriptionName) =>
    known.flatMap(({ subscriptions }) => subscriptions.filter((one) => one.name === name).map(({ accountId }) => accountId));
  const present = new Set(now.subscriptions.map(({ accountId }) => accountId));

  function keyOf(name: SubscriptionName, accountId: string | undefined): AccountKey {
    if (accountId === undefined) {
      const before = accountsOf(name).find((one) => one !== undefined);
      return { key: name, former: before === undefined || present.has(before) ? [] : [keyOfAccount(before)] };
    }
    const others = former.flatMap(({ subscriptions }) => subscriptions.filter((one) => one.accountId === accountId).map((one) => one.name));
    // Under a name that was ever another's may lie what was learned of that one.
    const itsAlone = [...new Set(others)].filter((one) => one !== name && accountsOf(one).every((its) => its === accountId));
    const itsOwn = accountsOf(name).every((its) => its === undefined || its === accountId) ? [name] : [];
    return { key: keyOfAccount(accountId), former: [...itsOwn, ...itsAlone] };
  }

  return new Map(now.subscriptions.map(({ name, accountId }) => [name, keyOf(name, accountId)]));
}
