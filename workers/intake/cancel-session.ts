import type { Request, Response } from 'express';
import { z } from 'zod';
import { cancelSession } from '../../ledger/sessions/cancel.ts';
import { getSession } from '../../ledger/sessions/get.ts';
import type { TokenScope } from '../../ledger/tokens.ts';
import { reaches } from './accept.ts';
import type { Intake } from './intake.ts';
import { Problem } from './problem.ts';
import { noSession, sessionId, wrongScope } from './queries.ts';
import { parseAsked } from './session-request.ts';

const query = z.strictObject({ hangup: z.enum(['true', 'false']).default('false') });

/**
 * `DELETE /v1/sessions/{id}`: 200 when the session ended here and now, also when it was cancelled before; 202 when the provider was asked to end its
 * call, whose end is then heard of like any other; 409 for a live call without `hangup=true`.
 */
export async function deleteSession({ deps }: Intake, scope: TokenScope, request: Request, response: Response): Promise<void> {
  const id = sessionId(request);
  const asked = parseAsked(query, request.query);
  if (!asked.ok) throw new Problem('invalid-field', asked.issue);
  const session = await getSession(deps.database, deps.poolId, id);
  if (session === undefined) throw noSession(id);
  if (!reaches(scope, session.class)) throw wrongScope(scope);

  const found = await cancelSession(deps.database, deps.poolId, id, { withResults: deps.hasResults() });
  if (found.kind === 'absent') throw noSession(id);
  if (found.kind === 'cancelled' || (found.kind === 'ended' && found.outcome === 'Cancelled')) {
    if (found.kind === 'cancelled') deps.waker.wake();
    response.json({ id, state: 'ended', class: session.class, outcome: 'Cancelled' });
    return;
  }
  if (found.kind === 'ended')
    throw new Problem('already-ended', { detail: `the session ended with outcome ${found.outcome}`, field: 'id' });
  if (asked.data.hangup === 'false') {
    throw new Problem('call-is-live', { detail: `its call is ${found.state}: ask with ?hangup=true to end it`, field: 'hangup' });
  }
  const ending = await deps.hangUp(id);
  if (ending === 'asked') {
    response.status(202).json({ id, state: found.state, class: session.class });
    return;
  }
  if (ending === 'failed')
    throw new Problem('hang-up-failed', { detail: 'the provider did not take the request: ask again', retryAfterSeconds: 1 });
  throw new Problem('call-is-live', {
    detail: `its call is ${found.state} and cannot be ended at this moment: it may just be starting or ending, so ask again`,
    field: 'hangup',
    retryAfterSeconds: 1,
  });
}
