import type { Api } from '../runtime/api.ts';
import { ApiError } from '../runtime/api-error.ts';
import { applyObject, type Manifest } from '../runtime/apply.ts';
import type { Clock } from '../runtime/clock.ts';
import type { ObjectKey } from './keys.ts';
import type { ChildTrouble } from './observed.ts';
import { openOwnWrites } from './own-writes.ts';
import { type ChildKind, childPath, controllerOf, fieldManager, placeOf } from './resources.ts';
import { openStrangers } from './strangers.ts';
import type { Cluster } from './watches.ts';

/** Makes the objects of a pool be as planned, each with one request and only if it differs. */
export type Applier = {
  readonly apply: (plan: readonly Manifest[], uid: string, signal: AbortSignal) => Promise<AppliedPlan>;
  /** Whether watches have shown all that was written there. */
  readonly haveSeen: (paths: readonly string[]) => boolean;
  /** The object as we know it: as a watch has shown it, or as we wrote it since. */
  readonly newest: (kind: ChildKind, key: ObjectKey) => unknown;
  /** A watch tells of this object: whether it is as we wrote it, or on its way to be. */
  readonly isOwnWrite: (kind: ChildKind, key: ObjectKey) => boolean;
};

export type AppliedPlan = {
  /** What says the same however often one asks. */
  readonly troubles: readonly ChildTrouble[];
  /** What may pass by itself, and is told if it does not. */
  readonly failing: readonly ChildTrouble[];
  /** The first failure of either kind. */
  readonly failure: ApiError | undefined;
  /** Where the objects lie. */
  readonly paths: readonly string[];
};

/** Refusals that last; they are told at once, and tried again late. */
const lasting: readonly number[] = [400, 403, 404, 422];

export function openApplier(api: Api, cluster: Pick<Cluster, 'child' | 'childVersion'>, clock: Clock): Applier {
  const own = openOwnWrites(clock);
  const strangers = openStrangers(api, clock);

  const newest = (kind: ChildKind, key: ObjectKey) =>
    own.newerThan(childPath(kind, key), cluster.childVersion(kind, key)) ?? cluster.child(kind, key);

  /** What is in the way of the object, if anything is. */
  async function applyOne(desired: Manifest, uid: string, signal: AbortSignal): Promise<ChildTrouble | undefined> {
    const { kind, key, name, namespace, path } = placeOf(desired);
    // Our watches show what carries our label. Something else of that name would be taken over without being looked at.
    const live = newest(kind, key) ?? (await strangers.find({ kind, namespace, name }, signal));
    if (live !== undefined && controllerOf(live)?.uid !== uid) return nameConflict(kind, name);
    // Made between the look and the write, a stranger's object is a conflict: in place of ours by its uid, where there was none as far as it differs from
    // ours. One that says nothing else (a bare ServiceAccount) would be merged into.
    const force = live !== undefined;
    await own.during(path, () =>
      applyObject(api, path, { desired, live, owner: { manager: fieldManager, subresource: '' }, force }, signal),
    );
    return undefined;
  }

  async function apply(plan: readonly Manifest[], uid: string, signal: AbortSignal): Promise<AppliedPlan> {
    const troubles: ChildTrouble[] = [];
    const failing: ChildTrouble[] = [];
    let failure: ApiError | undefined;

    async function applyNext(desired: Manifest): Promise<void> {
      try {
        const trouble = await applyOne(desired, uid, signal);
        if (trouble !== undefined) troubles.push(trouble);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        failure ??= error;
        const { failure: why, message } = error;
        const { kind, name } = placeOf(desired);
        if (why.kind === 'refused' && lasting.includes(why.status)) troubles.push({ kind, name, reason: 'Refused', message });
        else failing.push({ kind, name, reason: 'NotTaken', message });
      }
    }

    // The first is the account that pods run as: without it the cluster would try their making again only seconds later.
    const [first, ...others] = plan;
    if (first !== undefined) await applyNext(first);
    await Promise.all(others.map(applyNext));
    return {
      troubles: byKind(troubles),
      failing: byKind(failing),
      failure,
      paths: plan.map((one) => placeOf(one).path),
    };
  }

  return {
    apply,
    newest,
    haveSeen: own.haveSeen,
    isOwnWrite: (kind, key) => own.isOwn(childPath(kind, key), cluster.childVersion(kind, key)),
  };
}

function byKind(troubles: readonly ChildTrouble[]): readonly ChildTrouble[] {
  return troubles.toSorted((one, other) => (one.kind < other.kind ? -1 : 1));
}

function nameConflict(kind: ChildKind, name: string): ChildTrouble {
  const message = `${kind} ${name} is there already and does not belong to this pool: delete or rename it, or name the pool otherwise`;
  return { kind, name, reason: 'NameConflict', message };
}
