import type { ProjectName } from '../../crds/values.ts';

/**
 * A ledger can lose its newest part: a replica is promoted that had not heard the last seconds, or a backup is restored. What was dialled in that time
 * the ledger does not know, and would dial again (I5). Then the pool is guarded: nothing is admitted until the provider's own lists have told, project
 * by project, which calls were made.
 */

/** Which server's data the ledger is. Null: this server does not say. */
export type LedgerCopy = { readonly systemId: string | null; readonly timeline: number | null };

/**
 * Figures of the ledger that only ever rise, and are on disk before anybody can see them. Whoever remembers a higher one knows that the ledger went back.
 * (Decisions are not among them: they reach the disk with the sending that follows, so after a crash there may be fewer than were seen.)
 */
export type LedgerMark = { readonly epoch: number; readonly beats: number };

/** `NewTimeline`: a replica was promoted, or a backup recovered. `OtherCopy`: another server's data. `WentBack`: an older state of the same. */
export const guardReasons = ['NewTimeline', 'OtherCopy', 'WentBack'] as const;
export type GuardReason = (typeof guardReasons)[number];

/**
 * Calls are listed from so long before the last instant that the ledger still knows. The dispatcher beats twice a second, a creation takes up to 10 s,
 * and the provider stamps calls by its own clock: five minutes cover all of it many times, and cost a page or two.
 */
export const certainMarginMs = 5 * 60_000;

/** Why a pool must be guarded that was last dispatched on `before` and is now on `now`; undefined: nothing is lost. Unknown facts accuse nobody. */
export function guardReason(before: LedgerCopy & LedgerMark, now: LedgerCopy, remembered: LedgerMark | undefined): GuardReason | undefined {
  if (differ(before.systemId, now.systemId)) return 'OtherCopy';
  if (differ(before.timeline, now.timeline)) return 'NewTimeline';
  return remembered !== undefined && wentBack(remembered, before) ? 'WentBack' : undefined;
}

/** Whether a ledger that shows `seen` is older than one that showed `remembered`. */
export function wentBack(remembered: LedgerMark, seen: LedgerMark): boolean {
  return seen.epoch < remembered.epoch || seen.beats < remembered.beats;
}

/** Projects whose calls are still to be listed before anything is admitted. */
export function unlistedProjects(projects: readonly ProjectName[], listed: ReadonlySet<string>): readonly ProjectName[] {
  return projects.filter((project) => !listed.has(project));
}

function differ<T>(before: T | null, now: T | null): boolean {
  return before !== null && now !== null && before !== now;
}
