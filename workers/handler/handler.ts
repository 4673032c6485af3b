import type { IncomingHttpHeaders } from 'node:http';
import type { Logger } from 'pino';
import type { HandlerSpec } from '../../crds/pool.ts';
import { durationMs } from '../../crds/values.ts';
import type { Secrets } from '../secrets.ts';
import { openModuleTarget } from './module-target.ts';
import { openTurnstile } from './turnstile.ts';
import { openUrlTarget } from './url-target.ts';

/**
 * The team's own logic: gets the provider's events and answers those that want an answer, inside the provider's deadline. Whatever it does (slow,
 * broken, absent, flooding), the worker goes on: time, concurrency and what waits are bounded.
 */
export type Handler = {
  answer(event: HandlerEvent, signal: AbortSignal): Promise<HandlerAnswer>;
  close(): Promise<void>;
};

export type HandlerEvent = {
  /** The provider's message as it came, already verified. */
  readonly raw: Buffer;
  readonly type: string;
  /** Undefined: it is about no call. */
  readonly callId: string | undefined;
  readonly project: string;
  readonly headers: IncomingHttpHeaders;
};

export type HandlerAnswer =
  | { readonly kind: 'answer'; readonly status: number; readonly body: Buffer; readonly contentType: string }
  /** There is no handler, or it has nothing to say. */
  | { readonly kind: 'none' }
  | { readonly kind: 'late' }
  | { readonly kind: 'failed'; readonly detail: string };

/** Where events go: an address, or a module in a thread. The signal is the event's deadline. */
export type Target = {
  answer(event: HandlerEvent, deadline: AbortSignal): Promise<Exclude<HandlerAnswer, { kind: 'late' }>>;
  close(): Promise<void>;
};

export type HandlerOptions = {
  readonly secrets: Secrets;
  readonly log: Logger;
  /** Latency as the provider sees it: waiting for a place included. */
  readonly observe: (type: string, ms: number) => void;
  /** Milliseconds since 1970, for signatures. */
  readonly wallClock?: () => number;
  /** Spreads restarts. */
  readonly random?: () => number;
};

/** Events that nobody waits for. They have places of their own, so that reports never keep a caller's tool call waiting. */
const toldTypes: ReadonlySet<string> = new Set(['status-update', 'end-of-call-report']);
const awaitedBounds = { inside: 32, waiting: 128 };
const toldBounds = { inside: 8, waiting: 500 };

export function openHandler(spec: HandlerSpec | undefined, options: HandlerOptions): Handler {
  if (spec === undefined) return { answer: async () => ({ kind: 'none' }), close: async () => undefined };
  const target: Target = 'url' in spec ? openUrlTarget(spec, options) : openModuleTarget(spec, options);
  const timeoutMs = durationMs(spec.timeout);
  const awaited = openTurnstile(awaitedBounds);
  const told = openTurnstile(toldBounds);

  /** For events that are awaited, the time begins when they come; for the others, when their turn comes. */
  async function admitted(event: HandlerEvent, signal: AbortSignal): Promise<HandlerAnswer> {
    const isTold = toldTypes.has(event.type);
    const turnstile = isTold ? told : awaited;
    const waitingEnds = isTold ? signal : AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    const entered = await turnstile.enter(waitingEnds);
    if (entered === 'full') return { kind: 'failed', detail: 'busy: too many events wait for the handler' };
    if (entered === 'gave-up') return { kind: 'late' };
    const deadline = isTold ? AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]) : waitingEnds;
    try {
      const answer = await target.answer(event, deadline);
      return answer.kind === 'failed' && deadline.aborted ? { kind: 'late' } : answer;
    } finally {
      turnstile.leave();
    }
  }

  return {
    async answer(event, signal) {
      const startedMs = performance.now();
      const answer = await admitted(event, signal);
      options.observe(event.type, performance.now() - startedMs);
      if (answer.kind === 'failed' || answer.kind === 'late') {
        options.log.warn({ project: event.project, type: event.type, ...answer }, 'the handler did not answer');
      }
      return answer;
    },
    close: target.close,
  };
}
