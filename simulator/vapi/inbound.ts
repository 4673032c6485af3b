import type { Clock } from '../clock.ts';
import { type Declaration, inboundClass, type Org } from '../declaration.ts';
import type { Random } from '../random.ts';
import { endOfTalk, scheduled } from '../traffic/callee.ts';
import type { Outcome } from '../truth/events.ts';
import { answerDeadlineMs, type Truth } from '../truth/truth.ts';
import { type Call, hasEnded } from './call.ts';
import type { Exchange } from './exchange.ts';
import { readOverrides } from './overrides.ts';
import type { Posted } from './post.ts';
import { violationsOf } from './spec/conformance.ts';
import type { Webhooks } from './webhooks.ts';

/** A caller who dials one of the pool's numbers. Spans are as at speed 1. */
export type Arrival = { readonly dialled: string; readonly caller: string; readonly lengthMs: number; readonly patienceMs: number };

type InboundWorld = {
  readonly declaration: Declaration;
  readonly truth: Truth;
  readonly exchange: Exchange;
  readonly webhooks: Webhooks;
  readonly clock: Clock;
  readonly random: Random;
  readonly speed: number;
};

/** How long the provider speaks an error to the caller before it hangs up, at speed 1. */
const spokenErrorMs = 3_000;

type Answer =
  | { readonly kind: 'assistant'; readonly assistantId: string; readonly assistantOverrides: Readonly<Record<string, unknown>> | undefined }
  | { readonly kind: 'destination' }
  | { readonly kind: 'error' }
  | { readonly kind: 'failed'; readonly reason: string };

/** Takes inbound calls: the provider's own gate first, then the question who answers. The line is taken while the answer is pending. */
export class Inbound {
  readonly #world: InboundWorld;

  constructor(world: InboundWorld) {
    this.#world = world;
  }

  ring(arrival: Arrival): void {
    const { declaration, truth, exchange, clock, speed } = this.#world;
    const org = declaration.orgs.find((each) => each.phoneNumbers.some((number) => number.number === arrival.dialled));
    if (org === undefined) throw new Error('A caller dialled a number that no project of the pool owns; mend `number` in the scenario.');
    const ofClass = inboundClass(declaration, arrival.dialled, arrival.caller);
    const { liveByClass } = truth.lines.of(org.subscription);
    const reserveFree = ofClass !== undefined && (liveByClass.get(ofClass.name) ?? 0) < (ofClass.reservedAt.get(org.subscription) ?? 0);

    const call = exchange.create(
      {
        project: org.project,
        subscription: org.subscription,
        kind: 'inbound',
        class: ofClass?.name,
        phoneNumberId: org.phoneNumbers.find((number) => number.number === arrival.dialled)?.id,
        customer: { number: arrival.caller },
        lengthMs: arrival.lengthMs,
      },
      // What comes to pass if nobody answers the question: also after a restart in the middle of it.
      (nowMs) => {
        const patienceMs = arrival.patienceMs / speed;
        if (patienceMs < answerDeadlineMs)
          return [{ atMs: nowMs + patienceMs, status: 'ended', reason: 'customer-ended-call', outcome: 'Abandoned' }];
        return [{ atMs: nowMs + answerDeadlineMs + 250, status: 'ended', reason: 'assistant-request-failed', outcome: 'Rejected' }];
      },
    );
    truth.tell({ event: 'arrival', atMs: clock.nowMs(), dialled: arrival.dialled, taken: call !== 'over-limit' });
    if (call !== 'over-limit') void this.#ask(call, org, arrival, reserveFree);
  }

  async #ask(call: Call, org: Org, arrival: Arrival, reserveFree: boolean): Promise<void> {
    const { truth, exchange, webhooks, clock } = this.#world;
    const posted = await webhooks.ask(call, org, arrival.dialled, answerDeadlineMs);
    // The caller has hung up meanwhile: nobody is there to be answered.
    if (hasEnded(call)) return;

    const nowMs = clock.nowMs();
    const late = posted.kind === 'failed' && posted.why === 'timeout';
    const answer = this.#understand(posted, org);
    truth.tell({
      event: 'answered',
      atMs: nowMs,
      id: call.record.id,
      answer: late ? 'late' : answer.kind,
      tookMs: nowMs - call.createdAtMs,
      reserveFree,
    });
    if (answer.kind === 'failed') exchange.end(call, answer.reason, 'Rejected');
    if (answer.kind === 'destination') exchange.end(call, 'assistant-request-returned-forwarding-phone-number', 'Rejected');
    if (answer.kind === 'error') this.#endAfter(call, spokenErrorMs, 'assistant-request-returned-error', 'Rejected');
    if (answer.kind === 'assistant') this.#connect(call, arrival.lengthMs, answer);
  }

  #connect(call: Call, lengthMs: number, answer: Extract<Answer, { kind: 'assistant' }>): void {
    const { exchange, clock, random, speed } = this.#world;
    const { maxDurationSeconds } = readOverrides(answer.assistantOverrides);
    const steps = scheduled(
      [{ atMs: 0, status: 'in-progress' }, endOfTalk(random, 0, lengthMs, maxDurationSeconds * 1_000)],
      clock.nowMs(),
      speed,
    );
    exchange.plan(call, steps, {
      assistantId: answer.assistantId,
      ...(answer.assistantOverrides === undefined ? {} : { assistantOverrides: answer.assistantOverrides }),
    });
  }

  #endAfter(call: Call, afterMs: number, reason: string, outcome: Outcome): void {
    const { exchange, clock, speed } = this.#world;
    exchange.plan(call, [{ atMs: clock.nowMs() + afterMs / speed, status: 'ended', reason, outcome }]);
  }

  /** Reads the answer to `assistant-request` as the provider does, and judges it by the description. */
  #understand(posted: Posted, org: Org): Answer {
    if (posted.kind === 'failed' || posted.status < 200 || posted.status >= 300)
      return { kind: 'failed', reason: 'assistant-request-failed' };
    const body = parseObject(posted.body);
    if (body === undefined) return this.#violated('not a JSON object', 'assistant-request-returned-unspeakable-error');
    const [violation] = violationsOf('ServerMessageResponseAssistantRequest', body);
    if (violation !== undefined) return this.#violated(violation, 'assistant-request-returned-invalid-assistant');
    if (body['destination'] !== undefined) return { kind: 'destination' };
    if (typeof body['error'] === 'string') return { kind: 'error' };

    const { assistantId, assistantOverrides } = body;
    if (typeof assistantId !== 'string')
      return this.#violated('neither assistantId, destination nor error', 'assistant-request-returned-no-assistant');
    if (!org.assistants.some((assistant) => assistant.id === assistantId)) return { kind: 'failed', reason: 'assistant-not-found' };
    return { kind: 'assistant', assistantId, assistantOverrides: isObject(assistantOverrides) ? assistantOverrides : undefined };
  }

  #violated(what: string, reason: string): Answer {
    this.#world.truth.tell({ event: 'violation', atMs: this.#world.clock.nowMs(), what: `answer to assistant-request: ${what}` });
    return { kind: 'failed', reason };
  }
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
