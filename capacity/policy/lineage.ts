import type { PoolSpec } from '../../crds/pool.ts';
import type { ProjectName, SubscriptionName, UpstreamName } from '../../crds/values.ts';

/**
 * Where a line counts that was taken under an earlier policy. A subscription may have been renamed since, a project taken out or led through other
 * upstreams: the call goes on, and holds a line of the same account and channels of the same upstreams (I1).
 */

/** What of a policy says where lines count. */
export type DeclaredLines = {
  readonly version: number;
  readonly subscriptions: readonly { readonly name: SubscriptionName; readonly accountId?: string | undefined }[];
  readonly projects: readonly {
    readonly name: ProjectName;
    readonly subscription: SubscriptionName;
    readonly upstreams: readonly UpstreamName[];
  }[];
};

export type LineHolder = {
  readonly project: ProjectName;
  readonly subscription: SubscriptionName;
  /** Null where no decision by a policy made it: a caller who was never admitted, a call of somebody else. */
  readonly policyVersion: number | null;
};

/** By the names of the policy in force, where it has them. */
export type Placement = { readonly subscription: SubscriptionName; readonly upstreams: readonly UpstreamName[] };

export type Lineage = {
  readonly placeOf: (holder: LineHolder) => Placement;
  /** Other names that the accounts of subscriptions had, newest first. */
  readonly formerNames: ReadonlyMap<SubscriptionName, readonly SubscriptionName[]>;
};

/** Of a declaration, what says where lines count. */
export function declaredLines(version: number, { subscriptions }: PoolSpec): DeclaredLines {
  return {
    version,
    subscriptions,
    projects: subscriptions.flatMap(({ name, projects }) => projects.map((project) => ({ ...project, subscription: name }))),
  };
}

/** `former`: the policies before it that are known, newest first. */
export function lineageOf(now: DeclaredLines, former: readonly DeclaredLines[]): Lineage {
  const known = [now, ...former];
  const byAccount = new Map(now.subscriptions.flatMap(({ name, accountId }) => (accountId === undefined ? [] : [[accountId, name]])));
  const byName = new Set(now.subscriptions.map(({ name }) => name));
  const places = new Map<string, Placement>();

  /** The policy under which it was begun; where that is not known any more, the newest that has it. */
  const policyOf = ({ policyVersion }: LineHolder, has: (policy: DeclaredLines) => boolean) =>
    known.find((policy) => policy.version === policyVersion && has(policy)) ?? known.find(has);

  function subscriptionOf(holder: LineHolder): SubscriptionName {
    const { subscription, project } = holder;
    const isIt = ({ name }: { readonly name: SubscriptionName }) => name === subscription;
    const declared = policyOf(holder, ({ subscriptions }) => subscriptions.some(isIt));
    const account = declared?.subscriptions.find(isIt)?.accountId;
    const sameAccount = account === undefined ? undefined : byAccount.get(account);
    if (sameAccount !== undefined) return sameAccount;
    if (byName.has(subscription)) return subscription;
    return now.projects.find(({ name }) => name === project)?.subscription ?? subscription;
  }

  function upstreamsOf(holder: LineHolder): readonly UpstreamName[] {
    const isIt = ({ name }: { readonly name: ProjectName }) => name === holder.project;
    return policyOf(holder, ({ projects }) => projects.some(isIt))?.projects.find(isIt)?.upstreams ?? [];
  }

  return {
    placeOf: (holder) => {
      const key = `${holder.policyVersion} ${holder.subscription} ${holder.project}`;
      const place = places.get(key) ?? { subscription: subscriptionOf(holder), upstreams: upstreamsOf(holder) };
      places.set(key, place);
      return place;
    },
    formerNames: new Map(now.subscriptions.map(({ name, accountId }) => [name, formerNamesOf(name, accountId, former)])),
  };
}

function formerNamesOf(
  present: SubscriptionName,
  account: string | undefined,
  former: readonly DeclaredLines[],
): readonly SubscriptionName[] {
  if (account === undefined) return [];
  const names = former.flatMap(({ subscriptions }) =>
    subscriptions.filter(({ accountId }) => accountId === account).map(({ name }) => name),
  );
  return [...new Set(names)].filter((name) => name !== present);
}
