import { found, type Violation } from '../../violation.ts';
import { type AttemptFact, attemptNamedBy, type History } from '../history.ts';

/** The provider's word for a call that was ended through its control address. */
const endedByUs = 'manually-canceled';

/** I4: no call is ended by us but those that somebody asked to end, one by one. */
export function checkLiveCalls({ calls, attempts, sessions }: History): readonly Violation[] {
  const byId = new Map(attempts.map((attempt) => [attempt.id, attempt]));
  const byCall = new Map(
    attempts.flatMap((attempt): [string, AttemptFact][] => (attempt.callId === null ? [] : [[attempt.callId, attempt]])),
  );
  const asked = new Set(sessions.filter(({ cancelledAtMs }) => cancelledAtMs !== null).map(({ id }) => id));
  const cut = calls.filter((call) => {
    const attempt = byCall.get(call.id) ?? byId.get(attemptNamedBy(call) ?? '');
    return call.reason === endedByUs && !asked.has(attempt?.sessionId ?? '');
  });
  return found(
    'I4',
    'live calls were ended that nobody had asked to end',
    cut.map(({ id }) => id),
  );
}
