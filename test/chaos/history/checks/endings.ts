import { found, type Violation } from '../../violation.ts';
import { type AttemptFact, groupBy, type History, inOrderOfDecision, type SessionFact } from '../history.ts';

/** I7: everything acknowledged is there, in exactly one state, and ended as its last attempt did. */
export function checkEndings(history: History): readonly Violation[] {
  const known = new Set(history.sessions.map(({ id }) => id));
  const attemptsOf = groupBy(history.attempts, ({ sessionId }) => sessionId);
  const where = (wrong: (session: SessionFact, attempts: readonly AttemptFact[]) => boolean): readonly string[] =>
    history.sessions.filter((session) => wrong(session, attemptsOf.get(session.id) ?? [])).map(({ id }) => id);
  return [
    ...found(
      'I7',
      'acknowledged sessions are lost',
      history.acknowledged.filter((id) => !known.has(id)),
    ),
    ...found(
      'I7',
      'attempts of sessions that are not there',
      [...attemptsOf.keys()].filter((id) => !known.has(id)),
    ),
    ...found('I7', 'sessions ended without an outcome, or with one before their end', where(isHalfEnded)),
    ...found('I7', 'open sessions without an open attempt of theirs', where(isOpenWithoutCall)),
    ...found('I7', 'sessions wait or are ended while an attempt of theirs goes on', where(isOverWithCall)),
    ...found('I7', 'sessions ended otherwise than their last attempt', where(isEndedOtherwise)),
  ];
}

/** I7, instant by instant: an end is the end. */
export function checkEndInstants({ sessions, attempts }: History): readonly Violation[] {
  const attemptsOf = groupBy(attempts, ({ sessionId }) => sessionId);
  const again = sessions.filter((session) => isAdmittedAfterEnd(session, attemptsOf.get(session.id) ?? []));
  return found(
    'I7',
    'sessions admitted after their end',
    again.map(({ id }) => id),
  );
}

const going: ReadonlySet<AttemptFact['state']> = new Set(['pending', 'admitted', 'sending', 'bound']);

function isHalfEnded({ state, outcome, endedAtMs }: SessionFact): boolean {
  return (state === 'ended') !== (outcome !== null) || (state === 'ended') !== (endedAtMs !== null);
}

function isOpenWithoutCall({ state, attemptId }: SessionFact, attempts: readonly AttemptFact[]): boolean {
  return state === 'open' && !attempts.some((attempt) => attempt.id === attemptId && going.has(attempt.state));
}

function isOverWithCall({ state }: SessionFact, attempts: readonly AttemptFact[]): boolean {
  return state !== 'open' && attempts.some((attempt) => going.has(attempt.state));
}

function isAdmittedAfterEnd({ endedAtMs }: SessionFact, attempts: readonly AttemptFact[]): boolean {
  return endedAtMs !== null && attempts.some(({ admittedAtMs }) => admittedAtMs !== null && admittedAtMs > endedAtMs);
}

/** What a session's end may be called after its last attempt. One that waited again may have expired or been cancelled before another attempt. */
const endsOf: ReadonlyMap<string, readonly string[]> = new Map([
  ['Normal', ['Completed']],
  ['Busy', ['Busy', 'Expired', 'Cancelled']],
  ['NoAnswer', ['NoAnswer', 'Expired', 'Cancelled']],
  ['Voicemail', ['Voicemail', 'Expired', 'Cancelled']],
  ['ProviderFault', ['ProviderFault', 'Expired', 'Cancelled']],
  ['Permanent', ['Rejected']],
  ['Abandoned', ['Abandoned']],
  ['Overflowed', ['Overflowed']],
  ['Cancelled', ['Cancelled']],
  ['Unknown', ['Unknown']],
]);

/** Nothing was dialled: it waited again, until it was tried too often, or came in and could not be served. */
const endsUndialled: readonly string[] = ['Rejected', 'Expired', 'Cancelled', 'Overflowed', 'ProviderFault'];

function isEndedOtherwise({ state, outcome }: SessionFact, attempts: readonly AttemptFact[]): boolean {
  if (state !== 'ended' || outcome === null) return false;
  const last = attempts.toSorted(inOrderOfDecision).at(-1);
  if (last === undefined) return outcome !== 'Expired' && outcome !== 'Cancelled';
  return last.outcome === null || !(endsOf.get(last.outcome) ?? endsUndialled).includes(outcome);
}
