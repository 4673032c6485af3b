import { found, type Violation } from '../../violation.ts';
import { type AttemptFact, attemptNamedBy, type CallFact, groupBy, type History, inOrderOfDecision } from '../history.ts';
import { heardWithinMs } from '../tolerances.ts';

/** I5, person by person: nobody is dialled again after an outcome that the class does not retry, or too often. */
export function checkRedials(history: History): readonly Violation[] {
  const attemptsOf = groupBy(history.attempts, ({ sessionId }) => sessionId);
  const callsOf = callsBySession(history);
  const again: string[] = [];
  const heard: string[] = [];
  for (const session of history.sessions) {
    if (session.direction !== 'Outbound') continue;
    const rule = retryOf(history, session.class);
    const attempts = (attemptsOf.get(session.id) ?? []).toSorted(inOrderOfDecision);
    if (
      !mayFollow(
        attempts.map(({ outcome }) => outcome),
        rule,
      )
    )
      again.push(session.id);
    if (
      !mayFollow(
        (callsOf.get(session.id) ?? []).map(({ outcome }) => outcome ?? null),
        rule,
      )
    )
      heard.push(session.id);
  }
  return [
    ...found('I5', 'attempts after an outcome that is not retried, or too many', again),
    ...found('I5', 'calls after an outcome that is not retried, or too many, by the account of the provider', heard),
  ];
}

/** I5, instant by instant: nobody has two attempts at once, and no number is dialled while it is on the phone. */
export function checkParallel(history: History): readonly Violation[] {
  const dials = history.attempts.filter(({ id, direction }) => direction === 'Outbound' && !history.said.adopted.has(id));
  const parallel = [...groupBy(dials, ({ sessionId }) => sessionId)].filter(([, attempts]) =>
    overlap(attempts.toSorted(inOrderOfDecision)),
  );
  return [
    ...found(
      'I5',
      'sessions with two attempts at once',
      parallel.map(([id]) => id),
    ),
    ...found('I5', 'numbers admitted while an attempt with them was open', busyNumbers(history)),
  ];
}

type Retry = { readonly on: ReadonlySet<string>; readonly maxAttempts: number };

/** Nothing was dialled, so nothing was used up. */
const nothingDialled: ReadonlySet<string> = new Set(['Capacity', 'Throttled', 'Unsent', 'ProjectFault']);

/** What the class retries; where policies differ, what any of them does. */
function retryOf({ policies }: History, className: string): Retry {
  const declared = [...policies.values()].flatMap(({ classes }) => classes.find(({ name }) => name === className)?.retry ?? []);
  return {
    on: new Set(declared.flatMap(({ on }) => on)),
    maxAttempts: Math.max(1, ...declared.map(({ maxAttempts }) => maxAttempts)),
  };
}

function mayFollow(outcomes: readonly (string | null)[], { on, maxAttempts }: Retry): boolean {
  const dialled = outcomes.filter((outcome) => outcome === null || !nothingDialled.has(outcome));
  const before = outcomes.slice(0, -1).filter((outcome) => outcome !== null && !nothingDialled.has(outcome));
  return dialled.length <= maxAttempts && before.every((outcome) => outcome !== null && on.has(outcome));
}

function overlap(attempts: readonly AttemptFact[]): boolean {
  return attempts.some((attempt, index) => {
    const next = attempts[index + 1];
    return next?.admittedAtMs != null && (attempt.endedAtMs ?? Number.POSITIVE_INFINITY) > next.admittedAtMs;
  });
}

function callsBySession({ attempts, calls }: History): ReadonlyMap<string, readonly CallFact[]> {
  const sessionOf = new Map(attempts.map(({ id, sessionId }) => [id, sessionId]));
  return groupBy(
    calls.filter(({ kind }) => kind === 'outbound').toSorted((a, b) => a.createdAtMs - b.createdAtMs),
    (call) => sessionOf.get(attemptNamedBy(call) ?? ''),
  );
}

/** Outbound attempts exclude each other exactly; a caller is in the way from when everybody had seen the call. */
function busyNumbers({ attempts, said }: History): readonly string[] {
  const busy: string[] = [];
  for (const ofNumber of groupBy(attempts, ({ number }) => number).values()) {
    for (const dial of ofNumber) {
      const { admittedAtMs } = dial;
      if (dial.direction !== 'Outbound' || admittedAtMs === null) continue;
      const inTheWay = ofNumber.some((other) => {
        if (other.id === dial.id || said.adopted.has(other.id)) return false;
        const fromMs =
          other.direction === 'Outbound' ? (other.admittedAtMs ?? Number.POSITIVE_INFINITY) : other.createdAtMs + heardWithinMs;
        return fromMs < admittedAtMs && (other.releasedAtMs ?? Number.POSITIVE_INFINITY) > admittedAtMs;
      });
      if (inTheWay) busy.push(dial.id);
    }
  }
  return busy;
}
