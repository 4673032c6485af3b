import express, { type Request, type Response, type Router } from 'express';
import type { Logger } from 'pino';
import type { ProjectPolicy } from '../../capacity/policy/policy.ts';
import type { InboxEvent, StoredEvent } from '../../ledger/inbox.ts';
import { parseServerMessage, type ServerMessage } from '../../providers/vapi/webhooks.ts';
import type { Handler, HandlerEvent } from '../handler/handler.ts';
import type { AssistantRequest, CallerAnswer } from '../inbound/answerer.ts';
import { Problem, problemHandler } from '../intake/problem.ts';
import type { Verified } from './verified.ts';

/** The provider gives up on most events after 20 s. */
const handlerWithinMs = 19_000;

/** A caller's assistant is chosen within 3 s, and not at all when that would be later than 7 of the 7.5 s that the provider waits. */
const chooseWithinMs = 3_000;
const callerWithinMs = 7_000;

/** A message of the provider, and who waits for what comes of it. */
type Asked = {
  readonly event: HandlerEvent;
  readonly project: ProjectPolicy;
  readonly response: Response;
  readonly startedAtMs: number;
};

type Stored = Extract<ServerMessage, { kind: 'status-update' | 'end-of-call-report' }>;

/**
 * `POST /v1/vapi/{project}`: everything that the provider tells us. Verified over the raw bytes before anything is read from them. Status updates and
 * reports are committed before the 200, so a worker that dies right after loses none; the work follows.
 */
export function webhookRouter(deps: {
  readonly verified: Verified;
  readonly store: (event: InboxEvent) => Promise<StoredEvent | undefined>;
  readonly work: (event: StoredEvent, callerNumber: string | undefined) => void;
  readonly answerCaller: (request: AssistantRequest, project: ProjectPolicy) => Promise<CallerAnswer>;
  readonly handler: Handler;
  readonly observe: (type: string, ms: number) => void;
  /** Told what was our own part: until it was kept, or there was somebody else to wait for. */
  readonly observeOwn: (ms: number) => void;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly log: Logger;
}): Router {
  async function receive(request: Request, response: Response): Promise<void> {
    const startedAtMs = deps.now();
    const { project, raw } = await deps.verified.receive(request);
    const message = parseServerMessage(raw);
    if (message.kind === 'invalid') throw new Problem('malformed-body', { detail: message.message, field: message.path });
    if (message.kind === 'assistant-request' || message.kind === 'other') deps.observeOwn(deps.now() - startedAtMs);
    const type = message.kind === 'other' ? message.type : message.kind;
    const event = { raw, type, callId: message.callId, project: project.name, headers: request.headers };
    await answer(message, { event, project, response, startedAtMs });
    deps.observe(type, deps.now() - startedAtMs);
  }

  async function answer(message: Exclude<ServerMessage, { kind: 'invalid' }>, { event, project, response, startedAtMs }: Asked) {
    switch (message.kind) {
      case 'assistant-request': {
        const { kind, body } = await deps.answerCaller(message, project);
        response.status(200).json(kind === 'assistant' ? await handlerAnswer(body, event, startedAtMs) : body);
        return;
      }
      case 'status-update':
      case 'end-of-call-report': {
        const stored = await deps.store(inboxEventOf(message, project));
        response.status(200).json({});
        deps.observeOwn(deps.now() - startedAtMs);
        if (stored === undefined) return;
        deps.work(stored, message.callerNumber);
        await deps.handler.answer(event, AbortSignal.timeout(handlerWithinMs));
        return;
      }
      case 'other': {
        const result = await deps.handler.answer(event, AbortSignal.timeout(handlerWithinMs));
        if (result.kind === 'answer') response.status(result.status).type(result.contentType).send(result.body);
        else if (result.kind === 'none') response.status(200).json({});
        else throw new Problem('handler-away', { detail: `the answer is ${result.kind}: deliver again`, retryAfterSeconds: 1 });
        return;
      }
    }
  }

  /** For an admitted call, the team's own choice of assistant or destination wins; without one, or too late, the class's assistant answers. */
  async function handlerAnswer(ours: object, event: HandlerEvent, startedAtMs: number): Promise<object> {
    const leftMs = Math.min(chooseWithinMs, callerWithinMs - (deps.now() - startedAtMs));
    if (leftMs <= 0) return ours;
    const result = await deps.handler.answer(event, AbortSignal.timeout(Math.ceil(leftMs)));
    if (result.kind !== 'answer' || result.status !== 200) return ours;
    const theirs = parseObject(result.body);
    const decides =
      theirs !== undefined && ['assistantId', 'assistant', 'squadId', 'squad', 'destination', 'error'].some((key) => key in theirs);
    if (!decides) return ours;
    const overrides = 'assistantOverrides' in ours && typeof ours.assistantOverrides === 'object' ? ours.assistantOverrides : {};
    return 'destination' in theirs || 'error' in theirs
      ? theirs
      : { ...theirs, assistantOverrides: { ...objectAt(theirs, 'assistantOverrides'), ...overrides } };
  }

  const router = express.Router();
  router.post('/v1/vapi/:project', (request, response) => receive(request, response));
  router.use('/v1/vapi', problemHandler(deps.log));
  return router;
}

const maxAnswerDepth = 100;

/** Looks without recursion: the depth is what is in doubt. */
function isDeeperThan(root: unknown, bound: number): boolean {
  const waiting: { readonly value: unknown; readonly depth: number }[] = [{ value: root, depth: 1 }];
  for (let item = waiting.pop(); item !== undefined; item = waiting.pop()) {
    const { value, depth } = item;
    if (typeof value !== 'object' || value === null) continue;
    if (depth > bound) return true;
    for (const inner of Object.values(value)) waiting.push({ value: inner, depth: depth + 1 });
  }
  return false;
}

/** What the work needs later, and no more: no transcript is kept. */
function inboxEventOf(message: Stored, project: ProjectPolicy): InboxEvent {
  return {
    project: project.name,
    dedupe: message.dedupeKey,
    callId: message.callId,
    kind: message.kind,
    event: {
      callName: message.callName,
      status: message.kind === 'status-update' ? message.status : 'ended',
      endedReason: message.endedReason,
      controlUrl: message.kind === 'status-update' ? message.controlUrl : undefined,
      direction: message.direction,
      costUsd: message.kind === 'end-of-call-report' ? message.costUsd : undefined,
    },
  };
}

function parseObject(body: Buffer): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    if (isDeeperThan(value, maxAnswerDepth)) return undefined; // writing it out again would overflow the stack, and with it the caller's answer
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.fromEntries(Object.entries(value)) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function objectAt(value: Readonly<Record<string, unknown>>, key: string): object {
  const found = value[key];
  return typeof found === 'object' && found !== null ? found : {};
}
