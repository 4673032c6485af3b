import { type Admission, type AttemptFact, admissionsOf, type History, isForeign } from './history.ts';
import { heardWithinMs, sameBatchMs, sameRowMs } from './tolerances.ts';

/**
 * Slots held, recounted from when each attempt took and gave back what, and from nothing else. What the dispatcher itself wrote it knew at once; what
 * workers wrote (calls that came in, dials that made no call) it heard a moment later. So a count at an admission has a floor that was certainly known
 * and a roof of what may still have been counted.
 */
export type Recount = { readonly floor: number; readonly roof: number };

export type Ledger = {
  /** In the order of decisions. */
  readonly admissions: readonly Admission[];
  readonly recountLines: (at: Admission, counts: (attempt: AttemptFact) => boolean) => Recount;
  readonly recountSlots: (at: Admission, counts: (attempt: Admission) => boolean) => Recount;
};

export function openLedgerOf(history: History): Ledger {
  const admissions = admissionsOf(history);
  const place = new Map(admissions.map((admission, index) => [admission.id, index]));
  const sessionSince = new Map(history.sessions.map((session) => [session.id, session.createdAtMs]));
  const gaps = gapsBefore(admissions);
  const own = history.attempts.filter((attempt) => !isForeign(attempt));
  const { adopted } = history.said;

  /** A call that comes in holds its line from when we first saw it as ours, an outbound one from its admission. */
  const lineFromMs = (attempt: AttemptFact): number =>
    attempt.direction === 'Outbound'
      ? (attempt.admittedAtMs ?? Number.POSITIVE_INFINITY)
      : Math.max(attempt.createdAtMs, sessionSince.get(attempt.sessionId ?? '') ?? 0);

  const decidedBefore = (attempt: AttemptFact, at: Admission): boolean =>
    (place.get(attempt.id) ?? Number.POSITIVE_INFINITY) <= (place.get(at.id) ?? -1);

  function recountLines(at: Admission, counts: (attempt: AttemptFact) => boolean): Recount {
    let [floor, roof] = [0, gaps.get(at.id) ?? 0];
    for (const attempt of own) {
      if (!counts(attempt)) continue;
      const seen = attempt.direction === 'Outbound' ? decidedBefore(attempt, at) : lineFromMs(attempt) <= at.admittedAtMs;
      if (!seen || freedKnownAt(attempt, at.admittedAtMs)) continue;
      roof += 1;
      const known = decidedBefore(attempt, at) || lineFromMs(attempt) <= at.admittedAtMs - heardWithinMs;
      if (known && (attempt.releasedAtMs ?? Number.POSITIVE_INFINITY) > at.admittedAtMs && !adopted.has(attempt.id)) floor += 1;
    }
    return { floor, roof };
  }

  function recountSlots(at: Admission, counts: (attempt: Admission) => boolean): Recount {
    let [floor, roof] = [0, gaps.get(at.id) ?? 0];
    for (const attempt of admissions) {
      if (!decidedBefore(attempt, at)) break;
      if (!counts(attempt)) continue;
      // A caller whose admission lapsed keeps the line and gives up the slot of the class.
      const untilMs = attempt.refusal === null ? attempt.releasedAtMs : attempt.boundAtMs;
      if (!freedKnownAt(attempt, at.admittedAtMs)) roof += 1;
      if ((untilMs ?? Number.POSITIVE_INFINITY) > at.admittedAtMs && !adopted.has(attempt.id)) floor += 1;
    }
    return { floor, roof };
  }

  return { admissions, recountLines, recountSlots };
}

/** Whether the dispatcher certainly knew at that instant that the attempt holds nothing any more. */
function freedKnownAt(attempt: AttemptFact, atMs: number): boolean {
  const { releasedAtMs } = attempt;
  if (releasedAtMs === null) return false;
  return releasedAtMs + (freedBy(attempt) === 'worker' ? heardWithinMs : 0) <= atMs;
}

/** Who gave the slot back: the dispatcher after it cooled, or whoever knew that no line was ever taken, at once with the end. */
export function freedBy({ endedAtMs, releasedAtMs }: AttemptFact): 'worker' | 'dispatcher' | 'nobody' {
  if (releasedAtMs === null) return 'nobody';
  return endedAtMs === null || Math.abs(releasedAtMs - endedAtMs) < sameRowMs ? 'worker' : 'dispatcher';
}

/** Decisions of the same batch that did not come to be leave a gap in the sequence; those behind them counted them. */
function gapsBefore(admissions: readonly Admission[]): ReadonlyMap<string, number> {
  const gaps = new Map<string, number>();
  let inBatch = 0;
  let first: Admission | undefined;
  for (const [index, admission] of admissions.entries()) {
    const before = admissions[index - 1];
    const missing = before === undefined ? 0 : admission.seq - before.seq - 1;
    if (first?.epoch === admission.epoch && admission.admittedAtMs - first.admittedAtMs < sameBatchMs) {
      inBatch += missing;
    } else {
      first = admission;
      inBatch = missing;
    }
    gaps.set(admission.id, Math.max(0, inBatch));
  }
  return gaps;
}
