import { timingSafeEqual } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { Scenario } from '../contract.ts';
import type { Declaration, Org } from '../declaration.ts';
import type { Truth } from '../truth/truth.ts';
import { type Call, hasEnded, renderCall, stateAt } from './call.ts';
import { type Creation, type CreationWorld, createCall } from './creation.ts';
import type { Exchange } from './exchange.ts';
import { listCalls } from './lists.ts';
import type { RequestRate } from './requests.ts';
import { type Judged, queryOf, violationsOf } from './spec/conformance.ts';

export type ApiRequest = {
  readonly method: string;
  readonly path: string;
  readonly search: URLSearchParams;
  readonly authorization: string | undefined;
  /** The body as text; empty when there is none. */
  readonly body: string;
};

/** `silence` is a request that is never answered. */
export type ApiAnswer = { readonly status: number; readonly body: unknown } | 'silence';

type ApiWorld = {
  readonly declaration: Declaration;
  readonly truth: Truth;
  readonly exchange: Exchange;
  readonly scenario: Scenario;
  readonly clock: Clock;
  readonly requests: RequestRate;
  readonly creation: CreationWorld;
  readonly speed: number;
  readonly controlBase: () => string;
};

/** The provider's API, without the wire: who asks, how often, is it valid, and what is the answer. */
export class Api {
  readonly #world: ApiWorld;

  constructor(world: ApiWorld) {
    this.#world = world;
  }

  answer(request: ApiRequest): ApiAnswer {
    const org = this.#authenticate(request.authorization);
    if (org === undefined)
      return problem(
        401,
        'Unauthorized',
        'Invalid Key. Hot tip, you may be using the public key instead of the private key, or vice versa.',
      );
    const perMinute = this.#world.scenario.provider.requestsPerMinute ?? org.requestsPerMinute;
    if (!this.#world.requests.admit(org.project, perMinute * this.#world.speed, this.#nowMs())) {
      this.#world.truth.tell({ event: 'refused', atMs: this.#nowMs(), project: org.project, why: 'request-rate' });
      return problem(429, 'Too Many Requests', 'Rate limit exceeded.');
    }
    const route = `${request.method} ${request.path}`;
    if (route === 'POST /call') return this.#create(org, request.body);
    if (route === 'GET /call') return this.#list(org, request.search);
    if (route === 'GET /assistant') return this.#resources(org, request.search, 'GET /assistant');
    if (route === 'GET /phone-number') return this.#resources(org, request.search, 'GET /phone-number');
    const id = /^GET \/call\/([^/]+)$/.exec(route)?.[1];
    if (id !== undefined) return this.#get(org, id);
    return this.#violated(route.replace(/[0-9a-f-]{36}/g, '{id}'), ['is not simulated'], 404, 'Not Found');
  }

  /** `POST` to a live call's control URL; whoever knows the URL may. */
  control(call: Call | undefined, body: string): ApiAnswer {
    if (call === undefined || hasEnded(call)) return problem(404, 'Not Found', 'Call not found or already ended.');
    const message = parseJson(body);
    if (typeof message !== 'object' || message === null || !('type' in message) || message.type !== 'end-call') {
      return this.#violated('POST control', ['type must be end-call; nothing else is simulated'], 400, 'Bad Request');
    }
    this.#world.exchange.end(call, 'manually-canceled', 'Cancelled');
    return { status: 200, body: {} };
  }

  #authenticate(authorization: string | undefined): Org | undefined {
    const key = /^Bearer (.+)$/.exec(authorization ?? '')?.[1];
    if (key === undefined) return undefined;
    return this.#world.declaration.orgs.find((org) => sameText(org.apiKey, key));
  }

  #create(org: Org, text: string): ApiAnswer {
    const body = parseJson(text);
    if (body === undefined) return this.#violated('POST /call', ['body must be JSON'], 400, 'Bad Request');
    const creation = createCall(this.#world.creation, org, body);
    if (creation.kind === 'invalid') return this.#invalid(creation);
    if (creation.kind === 'timeout') return 'silence';
    if (creation.kind === 'fault') return problem(creation.status, reasonOf(creation.status), 'The simulated provider has a fault.');
    if (creation.kind === 'over-limit') {
      this.#world.truth.tell({ event: 'refused', atMs: this.#nowMs(), project: org.project, why: 'over-limit' });
      return {
        status: 400,
        body: { statusCode: 400, message: 'Over Concurrency Limit.', error: 'Bad Request', ...this.#limits(org, true) },
      };
    }
    return { status: 201, body: { ...this.#render(creation.call, org, this.#nowMs()), ...this.#limits(org, false) } };
  }

  #invalid(creation: Extract<Creation, { kind: 'invalid' }>): ApiAnswer {
    if (creation.violation) return this.#violated('POST /call', creation.messages, 400, 'Bad Request');
    return { status: 400, body: { message: creation.messages, error: 'Bad Request', statusCode: 400 } };
  }

  #list(org: Org, search: URLSearchParams): ApiAnswer {
    const query = queryOf(search);
    const violations = violationsOf('GET /call', query);
    if (violations.length > 0) return this.#violated('GET /call', violations, 400, 'Bad Request');
    const { exchange, scenario, controlBase } = this.#world;
    const asOfMs = this.#nowMs() - scenario.provider.listLagSeconds * 1_000;
    const calls = listCalls(exchange.ofProject(org.project), query, asOfMs);
    return { status: 200, body: calls.map(({ call, state }) => renderCall(call, org, state, controlBase())) };
  }

  #get(org: Org, id: string): ApiAnswer {
    const call = this.#world.exchange.get(id);
    const body = call?.record.project === org.project ? this.#render(call, org, this.#nowMs()) : undefined;
    return body === undefined ? problem(404, 'Not Found', 'Call not found.') : { status: 200, body };
  }

  #resources(org: Org, search: URLSearchParams, route: 'GET /assistant' | 'GET /phone-number'): ApiAnswer {
    const query = queryOf(search);
    const violations = violationsOf(route, query);
    if (violations.length > 0) return this.#violated(route, violations, 400, 'Bad Request');
    const since = { orgId: org.orgId, createdAt: '2026-01-01T00:00:00.000Z', updatedAt: '2026-01-01T00:00:00.000Z' };
    const body =
      route === 'GET /assistant'
        ? org.assistants.map(({ id, name }) => ({ id, name, ...since }))
        : org.phoneNumbers.map(({ id, number }) => ({
            id,
            provider: 'twilio',
            number,
            twilioAccountSid: 'AC00000000000000000000000000000000',
            ...since,
          }));
    const limit = typeof query['limit'] === 'number' ? query['limit'] : 100;
    return { status: 200, body: body.slice(0, limit) };
  }

  #render(call: Call, org: Org, atMs: number): Readonly<Record<string, unknown>> | undefined {
    const state = stateAt(call, atMs);
    return state === undefined ? undefined : renderCall(call, org, state, this.#world.controlBase());
  }

  #limits(org: Org, blocked: boolean): object {
    if (!this.#world.scenario.provider.limitsInAnswers) return {};
    const { lines } = this.#world.truth;
    const { limit } = lines.of(org.subscription);
    const remaining = blocked ? 0 : lines.free(org.subscription);
    return { subscriptionLimits: { concurrencyBlocked: blocked, concurrencyLimit: limit, remainingConcurrentCalls: remaining } };
  }

  #violated(where: string, messages: readonly string[], status: number, error: string): ApiAnswer {
    for (const message of messages) this.#world.truth.tell({ event: 'violation', atMs: this.#nowMs(), what: `${where}: ${message}` });
    return { status, body: { message: messages, error, statusCode: status } };
  }

  #nowMs(): number {
    return this.#world.clock.nowMs();
  }
}

/** Schemas that answers of the API must fit, by route; tests hold them against it. */
export const answerSchemas: Readonly<Record<string, Judged>> = {
  'POST /call': 'Call',
  'GET /call': 'Call',
  'GET /assistant': 'Assistant',
  'GET /phone-number': 'TwilioPhoneNumber',
};

function problem(status: number, error: string, message: string): ApiAnswer {
  return { status, body: { message, error, statusCode: status } };
}

function reasonOf(status: number): string {
  return status >= 500 ? 'Internal Server Error' : 'Bad Request';
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function sameText(one: string, other: string): boolean {
  const [left, right] = [Buffer.from(one), Buffer.from(other)];
  return left.length === right.length && timingSafeEqual(left, right);
}
