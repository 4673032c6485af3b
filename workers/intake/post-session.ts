import type { Request, Response } from 'express';
import type { TokenScope } from '../../ledger/tokens.ts';
import { acceptSession } from './accept.ts';
import { readBody, requireType } from './body.ts';
import type { Intake } from './intake.ts';
import { Problem } from './problem.ts';
import { queueBatch } from './queueing.ts';
import { maxSessionBytes, parseAsked, type SessionRequest, sessionRequest } from './session-request.ts';

const bodyTimeoutMs = 10_000;

/** `POST /v1/sessions`: 202 once the session is committed, 200 with the first one's id when its idempotency key is known. */
export async function postSession(intake: Intake, scope: TokenScope, request: Request, response: Response): Promise<void> {
  requireType(request, ['application/json']);
  const asked = parse(await readBody(request, { maxBytes: maxSessionBytes, timeoutMs: bodyTimeoutMs }));
  const { deps, room, singles } = intake;
  const verdict = acceptSession(asked, { policy: deps.policy(), scope, defaultClass: undefined, nowMs: await room.nowMs() });
  if (!verdict.accepted) throw new Problem(verdict.why.kind, verdict.why);

  const [queued] = await queueBatch(deps, room, [verdict.session], ([session]) => insertOne(singles, session));
  if (queued === undefined) throw new Error(`session ${verdict.session.id} got no answer`);
  if (queued.kind === 'full') {
    throw new Problem('queue-full', {
      detail: `the queue of class ${queued.class} is full: come back when it has drained, or raise queue.maxDepth`,
      field: 'class',
      retryAfterSeconds: await intake.retryAfter(queued.class),
    });
  }
  const { inserted } = queued;
  if (inserted.conflict) {
    throw new Problem('key-reused', { detail: `session ${inserted.id} was made with this key and other content`, field: 'idempotencyKey' });
  }
  response
    .status(inserted.created ? 202 : 200)
    .location(`/v1/sessions/${inserted.id}`)
    .json({ id: inserted.id, state: inserted.state, class: inserted.class });
}

async function insertOne(singles: Intake['singles'], session: Parameters<Intake['singles']['add']>[0] | undefined) {
  const committed = session === undefined ? undefined : singles.add(session);
  if (committed === undefined)
    throw new Problem('too-busy', { detail: 'more sessions arrive than can be written down now', retryAfterSeconds: 1 });
  return [await committed];
}

/** @throws Problem naming the field */
function parse(body: Buffer): SessionRequest {
  const asked = parseAsked(sessionRequest, parseJson(body));
  if (asked.ok) return asked.data;
  throw new Problem('invalid-field', asked.issue);
}

/** @throws Problem; the parser's own words would repeat a part of the body */
export function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) throw new Problem('malformed-body', { detail: 'the body is not JSON', field: 'body' });
    throw error;
  }
}
