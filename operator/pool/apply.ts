import type { Api } from '../runtime/api.ts';
import { ApiError, isRefusedWith } from '../runtime/api-error.ts';
import { applyObject, type Manifest } from '../runtime/apply.ts';
import type { Clock } from '../runtime/clock.ts';
import type { ChildTrouble } from './observed.ts';
import { controllerOf, fieldManager, placeOf, versionNumber } from './resources.ts';
import type { Cluster } from './watches.ts';

/** Makes the objects of a pool be as planned, each with one request and only if it differs. */
export type Applier = {
  readonly apply: (plan: readonly Manifest[], uid: string, signal: AbortSignal) => Promise<AppliedPlan>;
};

export type AppliedPlan = {
  readonly troubles: readonly ChildTrouble[];
  /** The first failure that may pass by itself, to be tried again. */
  readonly failure: ApiError | undefined;
  /** What was written has not been seen by a watch yet: look again then. */
  readonly unseen: boolean;
};

type Written = { readonly object: unknown; readonly atMs: number };

/**
 * A watch tells of our own write a moment after its answer. Until then the answer counts, lest the object be written twice. For so long at most: what
 * somebody deleted meanwhile is made again then.
 */
const answerCountsMs = 5_000;
/** Refusals that say the same however often one asks; they are told, and tried again late. */
const lasting: readonly number[] = [400, 403, 404, 422];

export function openApplier(api: Api, cluster: Pick<Cluster, 'child'>, clock: Clock): Applier {
  const written = new Map<string, Written>();

  function newest(path: string, seen: unknown): { readonly live: unknown; readonly unseen: boolean } {
    const own = written.get(path);
    if (own === undefined) return { live: seen, unseen: false };
    const isSeen = seen !== undefined && versionNumber(seen) >= versionNumber(own.object);
    if (!isSeen && clock.nowMs() - own.atMs < answerCountsMs) return { live: own.object, unseen: true };
    written.delete(path);
    return { live: seen, unseen: false };
  }

  async function applyOne(
    desired: Manifest,
    uid: string,
    signal: AbortSignal,
  ): Promise<{ readonly trouble?: ChildTrouble; readonly unseen: boolean }> {
    const { kind, key, name, path } = placeOf(desired);
    const { live: seen, unseen } = newest(path, cluster.child(kind, key));
    // Our watches show what carries our label. Something else of that name would be taken over without being looked at.
    const live = seen ?? (await existing(api, path, signal));
    if (live !== undefined && controllerOf(live)?.uid !== uid) {
      const message = `${kind} ${name} is there already and does not belong to this pool: delete or rename it, or name the pool otherwise`;
      return { trouble: { kind, name, reason: 'NameConflict', message }, unseen };
    }
    const applied = await applyObject(api, path, { desired, live, owner: { manager: fieldManager, subresource: '' } }, signal);
    if (applied.changed === 'nothing') return { unseen };
    written.set(path, { object: applied.object, atMs: clock.nowMs() });
    return { unseen: true };
  }

  async function apply(plan: readonly Manifest[], uid: string, signal: AbortSignal): Promise<AppliedPlan> {
    const troubles: ChildTrouble[] = [];
    let failure: ApiError | undefined;
    let unseen = false;

    async function applyNext(desired: Manifest): Promise<void> {
      try {
        const one = await applyOne(desired, uid, signal);
        if (one.trouble !== undefined) troubles.push(one.trouble);
        unseen ||= one.unseen;
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        failure ??= error;
        const { failure: why } = error;
        const { kind, name } = placeOf(desired);
        if (why.kind === 'refused' && lasting.includes(why.status))
          troubles.push({ kind, name, reason: 'Refused', message: error.message });
      }
    }

    // The first is the account that pods run as: without it the cluster would try their making again only seconds later.
    const [first, ...others] = plan;
    if (first !== undefined) await applyNext(first);
    await Promise.all(others.map(applyNext));
    return { troubles: troubles.toSorted((one, other) => (one.kind < other.kind ? -1 : 1)), failure, unseen };
  }

  return { apply };
}

async function existing(api: Api, path: string, signal: AbortSignal): Promise<unknown> {
  try {
    return await api.request({ method: 'GET', path }, signal);
  } catch (error) {
    if (isRefusedWith(error, 404)) return undefined;
    throw error;
  }
}
