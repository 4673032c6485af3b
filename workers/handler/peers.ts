import express, { type Request, type RequestHandler, type Response, type Router } from 'express';
import type { Logger } from 'pino';
import { parseServerMessage } from '../../providers/vapi/webhooks.ts';
import type { Verified } from '../events/verified.ts';
import { type Listening, listen } from '../http.ts';
import { Problem, problemHandler } from '../intake/problem.ts';
import { type HandlerAtHome, homeHeader, peerPath, peerStatus } from './at-home.ts';

/** Whoever forwards an event waits no longer than the provider does. */
const answerWithinMs = 20_000;

/**
 * `POST /v1/peer/{project}`: an event of a call that this worker has and another one got. Proven like every webhook; whoever got it has written it down and
 * waits for the handler's answer alone.
 */
export function peerRouter(deps: { readonly verified: Verified; readonly handler: HandlerAtHome; readonly log: Logger }): Router {
  async function receive(request: Request, response: Response): Promise<void> {
    const { project, raw } = await deps.verified.receive(request);
    const message = parseServerMessage(raw);
    if (message.kind === 'invalid') throw new Problem('malformed-body', { detail: message.message, field: message.path });
    const type = message.kind === 'other' ? message.type : message.kind;
    const event = { raw, type, callId: message.callId, project: project.name, headers: request.headers };
    const answer = await deps.handler.answerHere(event, untilGone(response));
    if (answer.kind === 'answer') response.status(peerStatus.answer).type(answer.contentType).send(answer.body);
    else response.status(peerStatus[answer.kind]).end();
  }

  const router = express.Router();
  router.post(peerPath(':project'), (request, response) => receive(request, response));
  router.use(problemHandler(deps.log));
  return router;
}

/**
 * Listens where the pool's other workers reach this one. Undefined: it cannot, as when a sidecar has the port. Then no other worker hands it anything, which only a
 * stateful handler ever wants.
 */
export async function openPeers(options: {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly isServing: () => boolean;
  readonly log: Logger;
}): Promise<Listening | undefined> {
  const { name, host, port, isServing, log } = options;
  const router = express.Router().use(unlessElsewhere(name, isServing));
  try {
    return await listen({ host, port, address: 'alone', routers: [router], leaving: () => false });
  } catch (error) {
    log.error({ err: error }, 'other workers cannot hand events to this one: the address for it is not to be had');
    return undefined;
  }
}

/** One that does not serve yet has no calls, whoever of its name may have had them before; nor has one that has another's address now. */
function unlessElsewhere(name: string, isServing: () => boolean): RequestHandler {
  return (request, response, next) => {
    if (isServing() && request.headers[homeHeader] === name) next();
    else response.status(peerStatus.notServing).end();
  };
}

/** Aborted when whoever asked has gone, or has waited long enough. */
function untilGone(response: Response): AbortSignal {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  return AbortSignal.any([gone.signal, AbortSignal.timeout(answerWithinMs)]);
}
