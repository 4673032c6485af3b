import { found, type Violation } from '../../violation.ts';
import { type AttemptFact, attemptNamedBy, type CallFact, groupBy, type History } from '../history.ts';
import { freedBy } from '../holding.ts';
import { clocksApartMs } from '../tolerances.ts';

/** I5 by the provider's word alone: every call says which attempt it was made for, no attempt has two, and no number two at once. */
export function checkDialledOnce({ calls }: History): readonly Violation[] {
  const dialled = calls.filter(({ kind }) => kind === 'outbound');
  return [
    ...found('I5', 'calls that do not say what they were made for', dialled.filter((call) => attemptNamedBy(call) === undefined).map(idOf)),
    ...found('I5', 'several calls for one attempt', severalForOne(dialled)),
    ...found('I5', 'numbers with two live calls of ours', liveTwice(dialled)),
  ];
}

/** I5, call by call: every call that the provider has was made as its attempt says. */
export function checkDials(history: History): readonly Violation[] {
  const where = dialsOf(history);
  return [
    ...found(
      'I5',
      'calls of attempts that were never committed as being sent',
      where((_, attempt) => attempt.sendingAtMs === null),
    ),
    ...found(
      'I5',
      'calls whose attempts say that none was made',
      where((_, attempt) => freedBy(attempt) === 'worker'),
    ),
    ...found('I5', 'calls to somebody else, or elsewhere, than their attempt says', where(isElsewhere)),
    ...found('I5', 'attempts bound to a call that was made for another', boundToOthers(history)),
  ];
}

/** I5, instant by instant: a call is made in the time in which its attempt is being sent. */
export function checkDialInstants(history: History): readonly Violation[] {
  const where = dialsOf(history);
  return [
    ...found('I5', 'calls before their attempt was committed as being sent', where(isBeforeSending)),
    ...found('I5', 'calls made after their attempt was over', where(isAfterEnd)),
  ];
}

/** Finds among our calls, each with the attempt that it was made for, those that are wrong. */
function dialsOf({ calls, attempts }: History) {
  const byId = new Map(attempts.map((attempt) => [attempt.id, attempt]));
  const pairs = calls.flatMap((call) => {
    const attempt = call.kind === 'outbound' ? byId.get(attemptNamedBy(call) ?? '') : undefined;
    return attempt === undefined ? [] : [{ call, attempt }];
  });
  return (wrong: (call: CallFact, attempt: AttemptFact) => boolean): readonly string[] =>
    pairs.filter(({ call, attempt }) => wrong(call, attempt)).map(({ call, attempt }) => `${call.id} of ${attempt.id}`);
}

const idOf = ({ id }: CallFact): string => id;

function severalForOne(dialled: readonly CallFact[]): readonly string[] {
  return [...groupBy(dialled, attemptNamedBy)].filter(([, calls]) => calls.length > 1).map(([id]) => id);
}

function isBeforeSending(call: CallFact, { sendingAtMs }: AttemptFact): boolean {
  return sendingAtMs !== null && call.createdAtMs < sendingAtMs - clocksApartMs;
}

function isAfterEnd(call: CallFact, { endedAtMs }: AttemptFact): boolean {
  return endedAtMs !== null && call.createdAtMs > endedAtMs + clocksApartMs;
}

function isElsewhere(call: CallFact, { number, project }: AttemptFact): boolean {
  return call.project !== project || (number !== null && call.number !== number);
}

function boundToOthers({ calls, attempts }: History): readonly string[] {
  const byId = new Map(calls.map((call) => [call.id, call]));
  return attempts
    .filter(({ id, sessionId, direction, callId }) => {
      const call = byId.get(callId ?? '');
      return call !== undefined && sessionId !== null && direction === 'Outbound' && attemptNamedBy(call) !== id;
    })
    .map(({ id }) => id);
}

function liveTwice(dialled: readonly CallFact[]): readonly string[] {
  const twice: string[] = [];
  for (const calls of groupBy(dialled, ({ number }) => number).values()) {
    let liveUntilMs = Number.NEGATIVE_INFINITY;
    for (const call of calls.toSorted((a, b) => a.createdAtMs - b.createdAtMs)) {
      if (call.createdAtMs < liveUntilMs) twice.push(call.id);
      liveUntilMs = Math.max(liveUntilMs, call.endedAtMs ?? Number.POSITIVE_INFINITY);
    }
  }
  return twice;
}
