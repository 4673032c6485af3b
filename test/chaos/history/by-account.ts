import type { PoolSpec } from '../../../crds/pool.ts';
import { type SubscriptionName, subscriptionName } from '../../../crds/values.ts';

/**
 * Names of subscriptions as the first policy had them. One that is renamed while calls live is the same account at the provider, and is judged as one: its
 * lines, its rates, and what was learned of it.
 */
export type FirstNames = ReadonlyMap<string, SubscriptionName>;

export function firstNames(policies: readonly { readonly version: number; readonly spec: PoolSpec }[]): FirstNames {
  const names = new Map<string, SubscriptionName>();
  for (const { spec } of policies.toSorted((a, b) => a.version - b.version)) {
    for (const { name, accountId } of spec.subscriptions) {
      if (accountId !== undefined && !names.has(accountId)) names.set(accountId, name);
    }
  }
  return names;
}

/** What the account of a subscription of this policy was called at first. */
export function firstNameOf(names: FirstNames, { subscriptions }: PoolSpec, present: string): SubscriptionName {
  const account = subscriptions.find(({ name }) => name === present)?.accountId;
  return (account === undefined ? undefined : names.get(account)) ?? subscriptionName.parse(present);
}

/** The policy with the first names of all accounts. */
export function byFirstNames(names: FirstNames, spec: PoolSpec): PoolSpec {
  const first = (present: string) => firstNameOf(names, spec, present);
  return {
    ...spec,
    subscriptions: spec.subscriptions.map((one) => ({ ...one, name: first(one.name) })),
    classes: spec.classes.map(({ reservedAt, ...one }) =>
      reservedAt === undefined
        ? one
        : { ...one, reservedAt: Object.fromEntries(Object.entries(reservedAt).map(([name, slots]) => [first(name), slots])) },
    ),
  };
}
