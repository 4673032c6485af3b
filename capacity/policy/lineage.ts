import type { ProjectName, SubscriptionName, UpstreamName } from '../../crds/values.ts';
import { type AccountKeys, accountKeysOf } from './account-keys.ts';

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
  readonly upstreams: readonly UpstreamName[];
};

export type LineHolder = {
  readonly project: ProjectName;
  readonly subscription: SubscriptionName;
  /** The policy that has this name of the subscription: by which it was decided on, or entered while nobody has decided; null of an earlier release. */
  readonly policyVersion: number | null;
  /** The policy by which the line was taken: of a caller who waited for the decision, an earlier one. */
  readonly enteredVersion: number | null;
};

/** By the names of the policy in force, where it has them. */
export type LineAt = { readonly subscription: SubscriptionName; readonly upstreams: readonly UpstreamName[] };

export type Lineage = {
  readonly placeOf: (holder: LineHolder) => LineAt;
  readonly accounts: AccountKeys;
};

/** `former`: the other policies that are known, newest first; a later one too, if others go by it that this release cannot read. */
export function lineageOf(now: DeclaredLines, former: readonly DeclaredLines[]): Lineage {
  const known = [now, ...former];
  const byAccount = new Map(now.subscriptions.flatMap(({ name, accountId }) => (accountId === undefined ? [] : [[accountId, name]])));
  const byName = new Set(now.subscriptions.map(({ name }) => name));
  const places = new Map<string, LineAt>();

  /** The policy of this version; where that is not known any more, the newest that has it. */
  const policyOf = (version: number | null, has: (policy: DeclaredLines) => boolean) =>
    known.find((policy) => policy.version === version && has(policy)) ?? known.find(has);

  function subscriptionOf(holder: LineHolder): SubscriptionName {
    const { subscription, project } = holder;
    const isIt = ({ name }: { readonly name: SubscriptionName }) => name === subscription;
    const declared = policyOf(holder.policyVersion, ({ subscriptions }) => subscriptions.some(isIt));
    const account = declared?.subscriptions.find(isIt)?.accountId;
    const sameAccount = account === undefined ? undefined : byAccount.get(account);
    if (sameAccount !== undefined) return sameAccount;
    if (byName.has(subscription)) return subscription;
    return now.projects.find(({ name }) => name === project)?.subscription ?? subscription;
  }

  /**
   * Those that it was begun through, and those of its project now that the policy did not have then: it may have gone through them unsaid. One that is gone
   * may have another name now, so all of the project's count. Too many is safe.
   */
  function upstreamsOf(holder: LineHolder): readonly UpstreamName[] {
    const isIt = ({ name }: { readonly name: ProjectName }) => name === holder.project;
    const policy = policyOf(holder.enteredVersion, ({ projects }) => projects.some(isIt));
    const begun = policy?.projects.find(isIt)?.upstreams ?? [];
    const present = now.projects.find(isIt)?.upstreams ?? [];
    const isGone = begun.some((name) => !now.upstreams.includes(name));
    return [...new Set([...begun, ...present.filter((name) => isGone || policy?.upstreams.includes(name) !== true)])];
  }

  return {
    placeOf: (holder) => {
      const key = `${holder.policyVersion} ${holder.enteredVersion} ${holder.subscription} ${holder.project}`;
      const place = places.get(key) ?? { subscription: subscriptionOf(holder), upstreams: upstreamsOf(holder) };
      places.set(key, place);
      return place;
    },
    accounts: accountKeysOf(now, former),
  };
}
