/**
 * When a watcher looks at a project's calls. Webhooks tell most; lists find what they lost, and serve machines that none can reach. All of it stays
 * inside the part of the project's requests per minute that creations leave.
 */

/** Lists never come closer together than this. */
const shortestMs = 2_000;

/** While webhooks arrive, a list only has to catch the lost ones before anybody misses the slot. */
const relaxedMs = 15_000;

/** Lists use at most this part of what polling may ask; look-ups need the rest. */
const listShare = 0.6;

/**
 * Time from one list to the next. `missed` is how many endings the last list told first: as long as there are any, webhooks cannot be trusted.
 *
 * E.g. with 18 requests a minute for polling: every 5.6 s without webhooks, every 15 s while none is missed.
 */
export function listEveryMs(options: {
  readonly pollingPerMinute: number;
  readonly webhooks: 'expected' | 'none';
  readonly missed: number;
}): number {
  const fastMs = Math.max(shortestMs, 60_000 / (options.pollingPerMinute * listShare));
  if (options.webhooks === 'none' || options.missed > 0) return fastMs;
  return Math.max(fastMs, relaxedMs);
}

/** Moments after a creation without an answer at which its project's calls are listed in search of it. */
export const lookUpAtMs: readonly number[] = [1_000, 3_000, 7_000, 15_000, 30_000, 45_000];

/** Only a complete list at or after this says that a call does not exist; before, the provider may not show it yet. */
export const ambiguityHoldMs = 45_000;

/** Whether a look-up is due for an attempt that has been in doubt so long and was looked up so often. After the last moment: every 15 s. */
export function lookUpDue(ambiguousForMs: number, lookUps: number): boolean {
  const next = lookUpAtMs[lookUps] ?? ambiguityHoldMs + (lookUps - lookUpAtMs.length + 1) * 15_000;
  return ambiguousForMs >= next;
}

/** While a guard waits for a project's list: how long after one that was no proof comes the next. */
const recountAgainMs = 10_000;

/**
 * Whether a project's calls are to be listed for a guard of this age: at once, when the list becomes a proof, and again from then on.
 *
 * E.g. after 0 s, after 45 s and, when that list was not complete, after 55 s.
 */
export function recountDue(guardAgeMs: number, lastAtAgeMs: number | undefined): boolean {
  if (lastAtAgeMs === undefined) return true;
  return guardAgeMs >= Math.max(ambiguityHoldMs, lastAtAgeMs + recountAgainMs);
}

/** A call nobody has heard of for this long is asked about. */
export const silentAfterMs = 120_000;

/** Look-ups that failed for this long past a call's bound: the slot is released, outcome `Unknown` (invariant I6). */
export const giveUpPastBoundMs = 120_000;

/** A call whose news the ledger refused so often and for so long will not be taken by it: it is no trouble of a moment. */
const putAsideAfter = { tries: 10, ms: 300_000 } as const;

/**
 * Whether a call that cannot be brought into the ledger is put aside, so that the lists of its project prove again what they prove and guards end.
 * What it holds in the ledger stays: its line is free when a look-up or its bound says so (invariant I6).
 */
export function isPutAside(failing: { readonly tries: number; readonly forMs: number }): boolean {
  return failing.tries >= putAsideAfter.tries && failing.forMs >= putAsideAfter.ms;
}
