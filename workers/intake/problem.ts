import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express';
import type { Logger } from 'pino';
import { troubleOf } from '../../ledger/trouble.ts';

/** Answers that say no: problem documents (RFC 9457) that name the field and what to do. No phone number and no secret is ever in one. */

/** Kinds of problem, with the status and title that stand for each. docs/reference/intake.md describes them. */
export const problemKinds = {
  'malformed-body': [400, 'The body cannot be read'],
  'token-missing': [401, 'A valid token is needed'],
  'webhook-not-verified': [401, 'The webhook is not verified'],
  'wrong-scope': [403, 'This token does not reach that far'],
  'not-found': [404, 'There is nothing here'],
  'method-not-allowed': [405, 'This method is not served here'],
  'body-too-slow': [408, 'The body did not arrive in time'],
  'call-is-live': [409, 'The call is live'],
  'key-reused': [409, 'The idempotency key belongs to another request'],
  'already-ended': [409, 'The session has ended'],
  'body-too-large': [413, 'The body is too large'],
  'unsupported-media-type': [415, 'This content type is not read here'],
  'invalid-field': [422, 'A field cannot be accepted'],
  'queue-full': [429, 'The queue is full'],
  'too-many-attempts': [429, 'Too many wrong tokens'],
  'internal-error': [500, 'This should not have happened'],
  'hang-up-failed': [502, 'The provider did not end the call'],
  'handler-away': [503, "The pool's handler did not answer"],
  'ledger-away': [503, 'The ledger does not answer'],
  'too-busy': [503, 'More arrives than can be written down'],
} as const satisfies Record<string, readonly [number, string]>;

export type ProblemKind = keyof typeof problemKinds;

/** The HTTP status of a kind of problem. */
export function statusOf(kind: ProblemKind): number {
  return problemKinds[kind][0];
}

/** What the caller is told beside the kind of problem. */
export type ProblemDetail = {
  readonly detail: string;
  /** Dotted path of the field that it is about. */
  readonly field?: string;
  readonly retryAfterSeconds?: number;
  readonly headers?: Readonly<Record<string, string>>;
};

/** Thrown by handlers; the error handler below turns it into the answer. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly kind: ProblemKind;
  readonly told: ProblemDetail;

  constructor(kind: ProblemKind, told: ProblemDetail) {
    super(told.detail);
    this.kind = kind;
    this.told = told;
  }

  get status(): number {
    return statusOf(this.kind);
  }
}

/** The ledger is away: nothing was accepted as far as we know, and a repeat with the same idempotency key is safe. */
export function ledgerAway(): Problem {
  return new Problem('ledger-away', {
    detail: 'the ledger does not answer: send this again later, with the same idempotencyKey so that nothing is queued twice',
    retryAfterSeconds: 5,
  });
}

export function sendProblem(response: Response, problem: Problem): void {
  const { detail, field, retryAfterSeconds, headers } = problem.told;
  const [status, title] = problemKinds[problem.kind];
  if (retryAfterSeconds !== undefined) response.setHeader('Retry-After', String(retryAfterSeconds));
  for (const [name, value] of Object.entries(headers ?? {})) response.setHeader(name, value);
  response
    .status(status)
    .type('application/problem+json')
    .send(
      JSON.stringify({ type: `urn:trunkline:problem:${problem.kind}`, title, status, detail, ...(field === undefined ? {} : { field }) }),
    );
}

/** Turns whatever a handler threw into a problem. What nobody foresaw is logged and told without its details. */
export function problemHandler(log: Logger): ErrorRequestHandler {
  return (error: unknown, request: Request, response: Response, next) => {
    if (response.headersSent) return next(error);
    if (error instanceof Problem) return sendProblem(response, error);
    // Express could not decode a parameter of the path, so there is nothing of that name.
    if (error instanceof URIError)
      return sendProblem(response, new Problem('not-found', { detail: 'it is not percent-encoded UTF-8', field: 'path' }));
    if (troubleOf(error) !== 'defect') {
      log.warn({ err: error, method: request.method }, 'the ledger is away');
      return sendProblem(response, ledgerAway());
    }
    log.error({ err: error, method: request.method }, 'a request failed');
    return sendProblem(response, new Problem('internal-error', { detail: 'the request failed for a reason of ours; it is in the log' }));
  };
}

/** For the end of an application's chain: no route took the request. */
export const notFound: RequestHandler = (request, response) => {
  sendProblem(response, new Problem('not-found', { detail: `no route serves ${request.method} ${request.path.slice(0, 200)}` }));
};
