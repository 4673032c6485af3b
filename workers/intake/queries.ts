import type { Request, Response } from 'express';
import { z } from 'zod';
import { isId } from '../../ledger/ids.ts';
import { readDecision } from '../../ledger/scaling/decisions.ts';
import { getSession } from '../../ledger/sessions/get.ts';
import { listSessions } from '../../ledger/sessions/list.ts';
import { sessionStates } from '../../ledger/sessions/states.ts';
import type { TokenScope } from '../../ledger/tokens.ts';
import { reaches } from './accept.ts';
import type { Intake } from './intake.ts';
import { Problem } from './problem.ts';
import { parseAsked } from './session-request.ts';

/** What the API shows: one session, a page of sessions, the pool. */

/** `GET /v1/sessions/{id}` */
export async function showSession({ deps }: Intake, scope: TokenScope, request: Request, response: Response): Promise<void> {
  const id = sessionId(request);
  const session = await getSession(deps.database, deps.poolId, id);
  if (session === undefined) throw noSession(id);
  if (!reaches(scope, session.class)) throw wrongScope(scope);
  response.json(session);
}

/** The id in the path. @throws Problem when it is none */
export function sessionId(request: Request): string {
  const id = String(request.params['id']).toLowerCase();
  if (!isId(id)) throw new Problem('not-found', { detail: 'the path must end in the id of a session, a UUID', field: 'id' });
  return id;
}

export function noSession(id: string): Problem {
  return new Problem('not-found', { detail: `this pool has no session ${id}, or no longer`, field: 'id' });
}

export function wrongScope(scope: TokenScope): Problem {
  return new Problem('wrong-scope', { detail: `this token is for class ${scope.class} only`, field: 'class' });
}

const listQuery = z.strictObject({
  class: z.string().max(40).optional(),
  state: z.enum([...sessionStates, 'open']).optional(),
  cursor: z
    .string()
    .regex(/^[1-9]\d{0,17}$/, 'must be what the last page gave as next')
    .optional(),
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
});

/** `GET /v1/sessions`: newest first; `next` is the cursor of the page after. */
export async function showSessions({ deps }: Intake, scope: TokenScope, request: Request, response: Response): Promise<void> {
  const asked = parseAsked(listQuery, request.query);
  if (!asked.ok) throw new Problem('invalid-field', asked.issue);
  const { class: className = scope.class, state, cursor, limit } = asked.data;
  if (scope.class !== undefined && className !== scope.class) throw wrongScope(scope);
  const page = await listSessions(deps.database, deps.poolId, { class: className, state, before: cursor, limit });
  response.json({ sessions: page.sessions, next: page.next });
}

/** `GET /v1/pool`: the dispatcher's view with its age, and how many wait by the ledger's own count. */
export async function showPool(intake: Intake, _scope: TokenScope, _request: Request, response: Response): Promise<void> {
  const [seen, queued] = await Promise.all([intake.view(), intake.room.depths()]);
  response.json({
    pool: intake.deps.policy().pool,
    view: seen?.view ?? null,
    ageMs: seen === undefined ? null : Math.round(seen.ageMs),
    queued: Object.fromEntries(queued),
  });
}

/** `GET /v1/workers`: the newest decision on the number of workers, with its age and that of the last change. */
export async function showWorkers({ deps }: Intake, _scope: TokenScope, _request: Request, response: Response): Promise<void> {
  const seen = await readDecision(deps.database, deps.poolId);
  response.json({
    pool: deps.policy().pool,
    decision: seen?.decision ?? null,
    ageMs: seen === undefined ? null : Math.round(seen.ageMs),
    changedAgeMs: seen === undefined ? null : Math.round(seen.changedAgeMs),
  });
}
