import { CallsClient } from '@vapi-ai/server-sdk/calls';
import { z } from 'zod';
import type { ClockReading } from '../../capacity/watching/clock-skew.ts';
import { type Connections, GateClosed, openConnections } from '../connections.ts';
import type { CreateCallBody, CreateResult, Listing, ListLimits, LookUp, VapiProject } from './contract.ts';
import { type Api, type Bounds, type Exchange, exchange, type OnClock, type OnRequest, type RequestKind, type Send } from './exchange.ts';
import { listAll, openPageSize } from './listing.ts';
import { classifyCreate } from './outcomes.ts';
import { redact } from './redact.ts';
import { seenCall } from './wire.ts';

/**
 * One project's API, over the provider's SDK. Look-ups are repeated once with a fresh key after 401 or 403; a creation is never repeated, for the
 * API has no idempotency key and a second one is a second call to a person.
 */

export type ProjectOptions = {
  readonly baseUrl: string;
  /** Read for every request, so that a rotated key is used at once. */
  readonly apiKey: () => Promise<string>;
  /** Replaces our own connections; what fails after the gate opened is then ambiguous even when no connection was made. */
  readonly fetch?: typeof fetch;
  readonly onRequest?: OnRequest;
};

/** Connections are kept for 30 s; the poller's look-ups keep one warm for the next creation. */
export type OpenProject = VapiProject & { close(): void };

const lookUpTimeoutMs = 10_000;
const listTimeoutMs = 20_000;
const connectionLimits = { maxAnswerBytes: 64_000_000, maxSockets: 32 };

type CreateRequest = NonNullable<Parameters<CallsClient['create']>[0]>;

export function openProject(options: ProjectOptions): OpenProject {
  const connections = options.fetch === undefined ? openConnections(connectionLimits) : foreignConnections(options.fetch);
  let clock: ClockReading | undefined;
  const onClock: OnClock = (reading) => {
    clock = reading;
  };
  const api: Api = { baseUrl: options.baseUrl, apiKey: options.apiKey, connections, onRequest: options.onRequest, onClock };
  const pageSize = openPageSize();

  const list = async (since: ListSince, limits: ListLimits): Promise<Listing> =>
    listAll(
      ({ limit, createdAtLt }) =>
        lookUp(api, 'list', listTimeoutMs, limits.signal, (client, request) =>
          new CallsClient(client).list({ ...since, limit, ...(createdAtLt === undefined ? {} : { createdAtLt }) }, request),
        ),
      pageSize,
      limits.maxRequests,
      limits.from,
    );

  return {
    create: (body, { mayWrite, timeoutMs, signal }) => create(api, body, { gate: mayWrite, timeoutMs, signal }),
    get: (callId, signal) => get(api, callId, signal),
    listUpdatedSince: (since, limits) => list({ updatedAtGe: since.toISOString() }, limits),
    listCreatedSince: (since, limits) => list({ createdAtGe: since.toISOString() }, limits),
    clock: () => clock,
    hangUp: (controlUrl, signal) => hangUp(api, controlUrl, signal),
    close: connections.close,
  };
}

type ListSince = { readonly updatedAtGe: string } | { readonly createdAtGe: string };

async function create(api: Api, body: CreateCallBody, bounds: Bounds): Promise<CreateResult> {
  const result = await exchange(api, 'create', (client, request) => new CallsClient(client).create(asRequest(body), request), bounds);
  if (result.kind === 'failure') {
    if (result.sent) return { kind: 'ambiguous', detail: result.detail };
    switch (result.because) {
      case 'given-up':
        return { kind: 'unsent' };
      case 'no-key':
        return { kind: 'keyless', detail: result.detail };
      case 'unreachable':
        return { kind: 'unsent', detail: result.detail };
    }
  }
  const verdict = classifyCreate(result.status, result.body);
  if (verdict.outcome === 'Ambiguous') return { kind: 'ambiguous', detail: verdict.detail };
  if (verdict.outcome === 'Created') {
    const { callId, orgId, controlUrl, limits } = verdict;
    return { kind: 'created', callId, orgId, controlUrl, limits };
  }
  return { kind: 'refused', outcome: verdict.outcome, status: result.status, detail: verdict.detail, limits: verdict.limits };
}

/** The body in the SDK's types: lists that it may change, and a word that it takes for an object. */
function asRequest({ assistantOverrides, ...call }: CreateCallBody): CreateRequest {
  const { server, serverMessages, transportConfigurations, ...plain } = assistantOverrides;
  const backoffPlan = server && { ...server.backoffPlan, type: asObject(server.backoffPlan.type) };
  return {
    ...call,
    assistantOverrides: {
      ...plain,
      ...(server === undefined ? {} : { server: { ...server, backoffPlan } }),
      ...(serverMessages === undefined ? {} : { serverMessages: [...serverMessages] }),
      ...(transportConfigurations === undefined ? {} : { transportConfigurations: [...transportConfigurations] }),
    },
  };
}

/** The SDK types `backoffPlan.type` as an object, where the API has a word: this object is that word when it is written as JSON. */
function asObject(word: string): { readonly toJSON: () => string } {
  return { toJSON: () => word };
}

async function get(api: Api, callId: string, signal: AbortSignal): Promise<LookUp> {
  const result = await lookUp(api, 'get', lookUpTimeoutMs, signal, (client, request) =>
    new CallsClient(client).get({ id: callId }, request),
  );
  if (result.kind === 'failure') return { kind: 'failed', status: undefined, detail: result.detail };
  // Only the provider's own 404, which is JSON, means that the call is gone; a proxy's page in its place would free a slot that is in use.
  if (result.status === 404 && z.looseObject({}).safeParse(result.body).success) return { kind: 'gone' };
  const call = result.status === 200 ? seenCall(result.body) : undefined;
  if (call !== undefined) return { kind: 'found', call };
  return { kind: 'failed', status: result.status, detail: `the look-up was answered with ${result.status} and no readable call` };
}

/** A request that changes nothing: repeated once when the key was refused and another one has taken its place. */
async function lookUp(api: Api, kind: RequestKind, timeoutMs: number, signal: AbortSignal, send: Send): Promise<Exchange> {
  let used: string | undefined;
  const remembering: Api = {
    ...api,
    apiKey: async () => {
      used = await api.apiKey();
      return used;
    },
  };
  const bounds = { gate: () => true, timeoutMs, signal };
  const first = await exchange(remembering, kind, send, bounds);
  if (first.kind === 'failure' || (first.status !== 401 && first.status !== 403)) return first;
  const refused = used;
  if ((await api.apiKey()) === refused) return first;
  return exchange(remembering, kind, send, bounds);
}

async function hangUp(api: Api, controlUrl: string, signal: AbortSignal): Promise<{ readonly ok: boolean; readonly detail: string }> {
  if (!isControlUrl(controlUrl, api.baseUrl)) return { ok: false, detail: 'the control URL is not one of the provider' };
  const startedMs = performance.now();
  let status: number | undefined;
  try {
    const request = {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ type: 'end-call' }),
      signal: AbortSignal.any([signal, AbortSignal.timeout(lookUpTimeoutMs)]),
    };
    const answer = await api.connections.fetch(controlUrl, request, () => true);
    status = answer.status;
    return { ok: answer.ok, detail: redact(`${answer.status} ${await answer.text()}`.trim()) };
  } catch (error) {
    return { ok: false, detail: redact(error instanceof Error ? error.message : String(error)) };
  } finally {
    api.onRequest?.('hangUp', performance.now() - startedMs, status);
  }
}

/** Control URLs come from answers and webhooks; we only post to hosts of the provider, or to the one that the project names. */
function isControlUrl(controlUrl: string, baseUrl: string): boolean {
  if (!URL.canParse(controlUrl)) return false;
  const { protocol, hostname } = new URL(controlUrl);
  if (hostname === new URL(baseUrl).hostname) return protocol === new URL(baseUrl).protocol;
  return protocol === 'https:' && hostname.endsWith('.vapi.ai');
}

function foreignConnections(foreign: typeof fetch): Connections {
  return {
    fetch: async (url, init, gate) => {
      if (!gate()) throw new GateClosed('the moment to send had passed');
      return foreign(url, { ...init, redirect: 'manual' });
    },
    close: () => undefined,
  };
}
