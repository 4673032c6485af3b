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
/** A worker that listens is connected to within milliseconds; one behind a wire that leads nowhere never is. */
const connectWithinMs = 1_000;
/** More than a handler lets wait (`handler.ts`): who waits for a socket here would be taken for one that finds nobody. */
const maxSockets = 700;

export function openHandlerAtHome(deps: {
  readonly handler: Handler;
  readonly homes: Homes;
  readonly statefulness: () => Statefulness;
  /** Names of the headers by which a project's webhooks prove where they come from. */
  readonly proofHeaders: (project: string) => readonly string[];
  readonly log: Logger;
}): HandlerAtHome {
  const { handler, homes, log } = deps;
  const connections = openConnections({ maxAnswerBytes, maxSockets });

  /** The handler here. With the last event of a call its home is over. */
  async function ask(event: HandlerEvent, signal: AbortSignal): Promise<HandlerAnswer> {
    const { callId, type } = event;
    try {
      return await handler.answer(event, signal);
    } finally {
      if (callId !== undefined && type === lastType) {
        await homes.end(callId).catch((error: unknown) => log.warn({ err: error, call: callId }, 'call not ended here: found out later'));
      }
    }
  }

  /** `unreachable`: it does not listen, or does not serve yet. It was handed nothing, and knows nothing of the call. */
  async function answerThere(
    event: HandlerEvent,
    { worker, address }: Extract<Home, { at: 'there' }>,
    signal: AbortSignal,
  ): Promise<HandlerAnswer | 'unreachable'> {
    let sent = false;
    const tooLate = new AbortController();
    // A process that stood still hears first of the connections that it has.
    const timer = setTimeout(() => setImmediate(() => sent || tooLate.abort()), connectWithinMs);
    const gate = () => {
      sent = true;
      clearTimeout(timer);
      return true;
    };
    try {
      const headers = {
        'content-type': 'application/json',
        [homeHeader]: worker,
        // Kept, it would take an event along with a node that is lost.
        connection: 'close',
        ...picked(event.headers, deps.proofHeaders(event.project)),
      };
      const request = { method: 'POST', headers, body: event.raw, signal: AbortSignal.any([signal, tooLate.signal]) };
      return await answerOf(await connections.fetch(`http://${address}${peerPath(event.project)}`, request, gate));
    } catch (error) {
      if (signal.aborted) return { kind: 'late' };
      const detail = redact(error instanceof Error ? error.message : String(error));
      log.warn({ worker, call: event.callId, type: event.type, sent, detail }, 'the worker that has the call did not answer');
      return sent ? { kind: 'failed', detail } : 'unreachable';
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    async answer(event, signal) {
      const { callId } = event;
      if (callId === undefined || deps.statefulness() === 'stateless') return handler.answer(event, signal);
      const home = await homes.homeOf(callId);
      if (home.at === 'here') return ask(event, signal);
      const answer = await answerThere(event, home, signal);
      if (answer !== 'unreachable') return answer;
      const next = await homes.homeOf(callId, home.worker);
      if (next.at === 'here') return ask(event, signal);
      const last = await answerThere(event, next, signal);
      return last === 'unreachable' ? { kind: 'failed', detail: 'no worker that has the call can be reached' } : last;
    },
    async answerHere(event, signal) {
      if (event.callId !== undefined) homes.accept(event.callId);
      return ask(event, signal);
    },
    async close() {
      connections.close();
      await handler.close();
    },
  };
}

/** Where a worker takes events of its calls from others. */
export const peerPath = (project: string) => `/v1/peer/${project}`;

/** Whom the event is for: addresses are given to others. */
export const homeHeader = 'x-trunkline-home';

/** What {@link answerOf} reads. */
export const peerStatus = { answer: 200, none: 204, notServing: 421, failed: 502, late: 504 } as const satisfies Record<
  HandlerAnswer['kind'] | 'notServing',
  number
>;

async function answerOf(response: Response): Promise<HandlerAnswer | 'unreachable'> {
  switch (response.status) {
    case peerStatus.notServing:
      return 'unreachable';
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
