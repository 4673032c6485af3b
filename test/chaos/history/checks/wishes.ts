import { found, type Violation } from '../../violation.ts';
import { admissionsOf, type History } from '../history.ts';
import { checkedThenWrittenMs } from '../tolerances.ts';

/** I5, wish by wish: who handed a session in decides where it runs and until when somebody may be called. */
export function checkPlaces(history: History): readonly Violation[] {
  const sessions = new Map(history.sessions.map((session) => [session.id, session]));
  const elsewhere = admissionsOf(history).filter(({ sessionId, project }) => {
    const pinned = sessions.get(sessionId)?.project ?? null;
    return pinned !== null && pinned !== project;
  });
  return found(
    'I5',
    'admitted elsewhere than their session is bound to',
    elsewhere.map(({ id }) => id),
  );
}

/**
 * The same, instant by instant: nobody is called after the time that was allowed. The time is looked at last with the commit of the sending.
 */
export function checkExpiry(history: History): readonly Violation[] {
  const sessions = new Map(history.sessions.map((session) => [session.id, session]));
  const late = admissionsOf(history).filter(({ sessionId, sendingAtMs }) => {
    const expiresAtMs = sessions.get(sessionId)?.expiresAtMs ?? Number.POSITIVE_INFINITY;
    return sendingAtMs !== null && sendingAtMs > expiresAtMs + checkedThenWrittenMs;
  });
  return found(
    'I5',
    'sent after the time until which their session allowed it',
    late.map(({ id }) => id),
  );
}
