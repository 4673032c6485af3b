import type { AttemptFact, Refusal } from '../history/history.ts';
import { clocksApartMs } from '../history/tolerances.ts';

/**
 * Refusals that nobody could have avoided. The provider gives callers their lines without asking: those who come between a decision and its creation may be
 * more than the margin of lines that is kept free for them. So a refusal is explained when all lines but theirs, and the one that was refused, are within the
 * ceiling that the decision used; whether that ceiling and its count were right is judged by the history.
 */
export function crowdedOut(refusals: readonly Refusal[], attempts: readonly AttemptFact[]): readonly Refusal[] {
  const byCall = new Map(attempts.flatMap((attempt) => (attempt.callId === null ? [] : [[attempt.callId, attempt]])));
  const left = attempts.filter(({ outcome }) => outcome === 'Capacity');
  return refusals.filter((refusal) => {
    const index = left.findIndex((attempt) => mayBe(attempt, refusal));
    const [attempt] = index === -1 ? [] : left.splice(index, 1);
    if (attempt === undefined || attempt.admittedAtMs === null || attempt.ceiling === null) return false;
    const { admittedAtMs } = attempt;
    // Nobody knows of a caller before the row of the call is there.
    const cameSince = refusal.live.filter(({ id, kind }) => kind === 'inbound' && (byCall.get(id)?.createdAtMs ?? 0) >= admittedAtMs);
    return refusal.live.length - cameSince.length + 1 <= attempt.ceiling;
  });
}

function mayBe({ project, sendingAtMs, endedAtMs }: AttemptFact, refusal: Refusal): boolean {
  if (project !== refusal.project || sendingAtMs === null) return false;
  return sendingAtMs <= refusal.atMs + clocksApartMs && refusal.atMs <= (endedAtMs ?? Number.POSITIVE_INFINITY) + clocksApartMs;
}
