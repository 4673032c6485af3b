import type { CallsClient } from '@vapi-ai/server-sdk/calls';
import { z } from 'zod';
import type { ClockReading } from '../../capacity/watching/clock-skew.ts';
import { type Connections, type Gate, GateClosed } from '../connections.ts';
import { redact } from './redact.ts';

/**
 * One request through the provider's SDK and what became of it: an answer, or a failure that knows whether anything was sent. The SDK's own
 * retries are off, for it would repeat creations too.
 */

export type RequestKind = 'create' | 'get' | 'list' | 'hangUp';
/** Told what the provider's clock showed in an answer, timed with `performance.now()`. */
export type OnClock = (reading: ClockReading) => void;
/** Finished calls are listed with their transcripts; an answer about one call that is larger than this is none. */
const maxAnswerBytes: Readonly<Record<RequestKind, number>> = { create: 1_000_000, get: 16_000_000, list: 32_000_000, hangUp: 100_000 };
/** More than the API gives at once. Each row is looked at, and many small ones would take the event loop for minutes. */
const maxRows = 1_000;

export type OnRequest = (kind: RequestKind, ms: number, status: number | undefined) => void;

/** `because` says whose doing it was when nothing was sent: ours (the moment had passed, the caller gave up), the network's, or who keeps the keys. */
type Failure = {
  readonly kind: 'failure';
  readonly sent: boolean;
  readonly because: 'given-up' | 'unreachable' | 'no-key';
  readonly detail: string;
};

export type Exchange = { readonly kind: 'answer'; readonly status: number; readonly body: unknown; readonly bytes: number } | Failure;

export type Api = {
  readonly baseUrl: string;
  readonly apiKey: () => Promise<string>;
  readonly connections: Connections;
  readonly onRequest: OnRequest | undefined;
  readonly onClock: OnClock | undefined;
};

export type Bounds = { readonly gate: Gate; readonly timeoutMs: number; readonly signal: AbortSignal };

/** What every client of the SDK is made with; making one costs nothing, so each request has its own. */
export type SdkClient = ConstructorParameters<typeof CallsClient>[0];
export type SdkRequest = NonNullable<Parameters<CallsClient['get']>[1]>;
export type Send = (client: SdkClient, request: SdkRequest) => Promise<unknown>;

/** The SDK's errors for an answer that is no 2xx; anything else that it throws has no status. */
const refusal = z.object({ statusCode: z.number(), body: z.unknown() });

export async function exchange(api: Api, kind: RequestKind, send: Send, bounds: Bounds): Promise<Exchange> {
  const deadline = openDeadline(bounds);
  const startedMs = performance.now();
  let sent = false;
  let key = '';
  let askedAtMs = startedMs;
  let answer: { status: number; bytes: number } | undefined;
  let broken: { readonly error: unknown } | undefined;
  let keyless = false;
  const client: SdkClient = {
    baseUrl: api.baseUrl.replace(/\/+$/, ''),
    token: async () => {
      keyless = true;
      key = await api.apiKey();
      keyless = false;
      return key;
    },
    maxRetries: 0,
    fetch: async (url, init) => {
      const gate = () => {
        askedAtMs = performance.now();
        sent = bounds.gate();
        return sent;
      };
      // A fetch that rejects leaves the SDK's clock running, and with it the process: the error is kept, and the SDK gets an answer.
      const response = await api.connections.fetch(String(url), init ?? {}, gate, maxAnswerBytes[kind]).catch((error: unknown) => {
        broken = { error };
        return Response.error();
      });
      if (broken !== undefined) return response;
      answer = { status: response.status, bytes: Number(response.headers.get('content-length') ?? 0) };
      const reading = clockOf(response.headers.get('date'), askedAtMs);
      if (reading !== undefined) api.onClock?.(reading);
      return response.ok ? response : withoutKey(response, key);
    },
  };
  try {
    // The SDK stops its own clock when the headers come; ours covers the body.
    const request = { maxRetries: 0, timeoutInSeconds: bounds.timeoutMs / 1_000 + 1, abortSignal: deadline.signal };
    const body = await send(client, request);
    if (broken !== undefined) return failure(broken.error, sent, deadline.ended(), bounds.timeoutMs);
    if (Array.isArray(body) && body.length > maxRows) return failure(new Error(`the answer has ${body.length} rows`), sent, undefined, 0);
    return { kind: 'answer', body, status: answer?.status ?? 0, bytes: answer?.bytes ?? 0 };
  } catch (error) {
    const refused = refusal.safeParse(error);
    if (answer !== undefined && refused.success) return { kind: 'answer', body: refused.data.body, ...answer };
    const failed = failure(broken === undefined ? error : broken.error, sent, deadline.ended(), bounds.timeoutMs);
    return keyless && failed.because === 'unreachable' ? { ...failed, because: 'no-key' } : failed;
  } finally {
    deadline.clear();
    api.onRequest?.(kind, performance.now() - startedMs, answer?.status);
  }
}

/** A refusal that repeats the key, as many do, made fit for logs. */
async function withoutKey(response: Response, key: string): Promise<Response> {
  const text = await response.text();
  const told = key === '' ? text : text.replaceAll(key, '…');
  return new Response(told === '' ? null : told, { status: response.status, headers: response.headers });
}

/** The provider's clock by an answer's `Date`: full seconds, looked at between the request's first byte and the answer's last one. */
function clockOf(date: string | null, askedAtMs: number): ClockReading | undefined {
  const showedMs = Date.parse(date ?? '');
  return Number.isNaN(showedMs) ? undefined : { showedMs, resolutionMs: 1_000, askedAtMs, toldAtMs: performance.now() };
}

function failure(error: unknown, sent: boolean, ended: 'timeout' | 'aborted' | undefined, timeoutMs: number): Failure {
  if (ended === 'aborted') return { kind: 'failure', sent, because: 'given-up', detail: 'the request was given up' };
  if (ended === 'timeout') return { kind: 'failure', sent, because: 'unreachable', detail: `no answer within ${timeoutMs} ms` };
  const causes = causesOf(error);
  const because = causes.some((cause) => cause instanceof GateClosed) ? 'given-up' : 'unreachable';
  return { kind: 'failure', sent, because, detail: redact(causes.map(describe).filter(Boolean).join(': ')) };
}

/** The error and what caused it, outermost first. */
function causesOf(error: unknown): readonly Error[] {
  const causes: Error[] = [];
  for (let cause = error; cause instanceof Error && causes.length < 5; cause = cause.cause) causes.push(cause);
  return causes;
}

function describe(error: Error): string {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return code !== '' && !error.message.includes(code) ? `${code} ${error.message}`.trim() : error.message;
}

/** A signal for one request. Listeners on the caller's signal, which may live as long as the worker, are taken off again. */
function openDeadline(bounds: Bounds) {
  const controller = new AbortController();
  let ended: 'timeout' | 'aborted' | undefined;
  const end = (how: 'timeout' | 'aborted') => {
    ended ??= how;
    controller.abort();
  };
  const giveUp = () => end('aborted');
  const timer = setTimeout(() => end('timeout'), bounds.timeoutMs);
  if (bounds.signal.aborted) giveUp();
  else bounds.signal.addEventListener('abort', giveUp, { once: true });
  return {
    signal: controller.signal,
    ended: () => ended,
    clear: () => {
      clearTimeout(timer);
      bounds.signal.removeEventListener('abort', giveUp);
    },
  };
}
