import type { IncomingHttpHeaders } from 'node:http';
import type { Logger } from 'pino';
import type { Statefulness } from '../../capacity/scaling/policy.ts';
import { openConnections } from '../../providers/connections.ts';
import { redact } from '../../providers/vapi/redact.ts';
import type { Handler, HandlerAnswer, HandlerEvent } from './handler.ts';
import type { Home, Homes } from './homes.ts';

/**
 * Hands every event of a call to the worker that has the call, when the handler is stateful: to the handler here, or to the worker there, as the provider posted
 * it and with the provider's own proof. Nothing is handed over twice; a worker that does not even listen has lost what it knew, and the call goes on here.
 */
export type HandlerAtHome = Handler & {
  /** An event that another worker got, of a call that is here. */
  answerHere(event: HandlerEvent, signal: AbortSignal): Promise<HandlerAnswer>;
};

/** The last event of a call. */
const lastType = 'end-of-call-report';
const maxAnswerBytes = 2_100_000;

export function openHandlerAtHome(deps: {
  readonly handler: Handler;
  readonly homes: Homes;
  readonly statefulness: () => Statefulness;
  /** Names of the headers by which a project's webhooks prove where they come from. */
  readonly proofHeaders: (project: string) => readonly string[];
  readonly log: Logger;
}): HandlerAtHome {
  const { handler, homes, log } = deps;
  const connections = openConnections({ maxAnswerBytes, maxSockets: 40 });

  async function answerHere(event: HandlerEvent, signal: AbortSignal): Promise<HandlerAnswer> {
    const { callId, type } = event;
    if (callId === undefined) return handler.answer(event, signal);
    homes.accept(callId);
    try {
      return await handler.answer(event, signal);
    } finally {
      if (type === lastType) {
        await homes.end(callId).catch((error: unknown) => log.warn({ err: error, call: callId }, 'call not ended here: found out later'));
      }
    }
  }

  /** `unreachable`: nothing was sent. */
  async function answerThere(
    event: HandlerEvent,
    { worker, address }: Extract<Home, { at: 'there' }>,
    signal: AbortSignal,
  ): Promise<HandlerAnswer | 'unreachable'> {
    let sent = false;
    const gate = () => {
      sent = true;
      return true;
    };
    try {
      const headers = { 'content-type': 'application/json', ...picked(event.headers, deps.proofHeaders(event.project)) };
      const request = { method: 'POST', headers, body: event.raw, signal };
      return await answerOf(await connections.fetch(`http://${address}${peerPath(event.project)}`, request, gate));
    } catch (error) {
      if (signal.aborted) return { kind: 'late' };
      const detail = redact(error instanceof Error ? error.message : String(error));
      log.warn({ worker, call: event.callId, type: event.type, sent, detail }, 'the worker that has the call did not answer');
      return sent ? { kind: 'failed', detail } : 'unreachable';
    }
  }

  return {
    async answer(event, signal) {
      const { callId } = event;
      if (callId === undefined || deps.statefulness() === 'stateless') return handler.answer(event, signal);
      const home = await homes.homeOf(callId);
      if (home.at === 'here') return answerHere(event, signal);
      const answer = await answerThere(event, home, signal);
      if (answer !== 'unreachable') return answer;
      const next = await homes.homeOf(callId, home.worker);
      if (next.at === 'here') return answerHere(event, signal);
      const last = await answerThere(event, next, signal);
      return last === 'unreachable' ? { kind: 'failed', detail: 'no worker that has the call can be reached' } : last;
    },
    answerHere,
    async close() {
      connections.close();
      await handler.close();
    },
  };
}

/** Where a worker takes events of its calls from others. */
export const peerPath = (project: string) => `/v1/peer/${project}`;

/** What {@link answerOf} reads. */
export const peerStatus = { answer: 200, none: 204, failed: 502, late: 504 } as const satisfies Record<HandlerAnswer['kind'], number>;

async function answerOf(response: Response): Promise<HandlerAnswer> {
  switch (response.status) {
    case peerStatus.answer: {
      const contentType = response.headers.get('content-type') ?? 'application/json';
      return { kind: 'answer', status: 200, body: Buffer.from(await response.arrayBuffer()), contentType };
    }
    case peerStatus.none:
      return { kind: 'none' };
    case peerStatus.late:
      return { kind: 'late' };
    default:
      return { kind: 'failed', detail: `the worker that has the call answered ${response.status}` };
  }
}

function picked(headers: IncomingHttpHeaders, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = headers[name.toLowerCase()];
      return typeof value === 'string' ? [[name, value]] : [];
    }),
  );
}
