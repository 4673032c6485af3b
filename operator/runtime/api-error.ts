import { z } from 'zod';

/** Why a request to the Kubernetes API did not do what it was for. */
export type ApiFailure =
  /** The server refused. `reason` is its own word for it, such as Expired, Conflict, Forbidden. */
  | { readonly kind: 'refused'; readonly status: number; readonly reason: string; readonly retryAfterMs: number | undefined }
  /** No whole answer came: refused, reset, silent. A writing request may have been carried out all the same. */
  | { readonly kind: 'unreachable' }
  /** An answer that is none: too long, or not JSON. */
  | { readonly kind: 'unreadable' };

export class ApiError extends Error {
  readonly failure: ApiFailure;

  constructor(message: string, failure: ApiFailure, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'ApiError';
    this.failure = failure;
  }
}

const statusBody = z.object({
  message: z.string().default(''),
  reason: z.string().default(''),
  code: z.int().optional(),
  details: z.object({ retryAfterSeconds: z.number().nonnegative().optional() }).optional(),
});
/** What a server may make us wait: a bound, as it is input. */
const longestRetryAfterMs = 120_000;
const longestMessage = 500;

/** The error for an answer other than 2xx, from its headers and its body, or for an ERROR event of a watch. */
export function refusal(what: string, status: number, body: unknown, retryAfter: string | undefined): ApiError {
  const { success, data } = statusBody.safeParse(body);
  const said = success ? data : { message: '', reason: '', code: undefined, details: undefined };
  const code = said.code ?? status;
  const message = said.message === '' ? `${what}: the API server answers ${code}` : `${what}: ${said.message.slice(0, longestMessage)}`;
  const seconds = retryAfter !== undefined && /^\d{1,9}$/.test(retryAfter) ? Number(retryAfter) : said.details?.retryAfterSeconds;
  return new ApiError(message, {
    kind: 'refused',
    status: code,
    reason: said.reason,
    retryAfterMs: seconds === undefined ? undefined : Math.min(longestRetryAfterMs, seconds * 1_000),
  });
}

/** Whether the server refused with this status. */
export function isRefusedWith(error: unknown, status: number): boolean {
  return error instanceof ApiError && error.failure.kind === 'refused' && error.failure.status === status;
}

/** Whether the server said something, if nothing good: it is there. */
export function hasAnswered(error: unknown): boolean {
  return error instanceof ApiError && error.failure.kind === 'refused';
}

/** How long the server asks to be left alone, if it does. */
export function retryAfterMs(error: unknown): number {
  return error instanceof ApiError && error.failure.kind === 'refused' ? (error.failure.retryAfterMs ?? 0) : 0;
}
