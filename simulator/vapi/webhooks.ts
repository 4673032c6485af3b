import type { Clock } from '../clock.ts';
import type { Scenario } from '../contract.ts';
import type { Org } from '../declaration.ts';
import { type Random, uniform } from '../random.ts';
import type { Truth } from '../truth/truth.ts';
import { type Call, costsOf, costUsd, renderCall, stateAt } from './call.ts';
import { readOverrides, type WebhookServer } from './overrides.ts';
import { type Posted, post } from './post.ts';
import { signatureHeaders } from './signing.ts';
import { type Judged, violationsOf } from './spec/conformance.ts';

type Faults = Scenario['provider']['webhooks'];
type Message = { readonly type: string } & Readonly<Record<string, unknown>>;

const schemaOf: Readonly<Record<string, Judged>> = {
  'assistant-request': 'ServerMessageAssistantRequest',
  'status-update': 'ServerMessageStatusUpdate',
  'end-of-call-report': 'ServerMessageEndOfCallReport',
};

/** The report follows the end after its post-processing, seconds at speed 1. */
const reportDelayMs = { min: 2_000, max: 6_000 };

/** Where the pool's workers can be reached, once traffic has begun. */
export type Destination = { url: string | undefined };

/**
 * Sends the provider's messages: to the server of the call, else to that of its phone number, only what the call subscribed to, with the retries that
 * the server's backoff plan asks for. Loses, doubles and delays deliveries as the scenario says.
 */
export class Webhooks {
  readonly #truth: Truth;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #faults: Faults;
  readonly #speed: number;
  readonly #destination: Destination;
  readonly #controlBase: () => string;
  readonly #stop = new AbortController();
  readonly #pending = new Set<() => void>();

  constructor(world: {
    readonly truth: Truth;
    readonly clock: Clock;
    readonly random: Random;
    readonly faults: Faults;
    readonly speed: number;
    readonly destination: Destination;
    readonly controlBase: () => string;
  }) {
    this.#truth = world.truth;
    this.#clock = world.clock;
    this.#random = world.random;
    this.#faults = world.faults;
    this.#speed = world.speed;
    this.#destination = world.destination;
    this.#controlBase = world.controlBase;
  }

  /** Announces the state that a call has just come into; its end is followed by the report. */
  announce(call: Call, org: Org): void {
    const nowMs = this.#clock.nowMs();
    const state = stateAt(call, nowMs);
    if (state === undefined) return;
    const ended = state.status === 'ended';
    this.#publish(call, org, { type: 'status-update', status: state.status, endedReason: ended ? state.endedReason : undefined });
    if (ended) this.#after(uniform(this.#random, reportDelayMs) / this.#speed, () => this.#publish(call, org, this.#endOfCallReport(call)));
  }

  /**
   * Asks which assistant takes an inbound call. Faults of deliveries do not touch it: it is a question, not news. The phone number's server has no
   * backoff plan, so nothing is asked twice.
   */
  ask(call: Call, org: Org, number: string, deadlineMs: number): Promise<Posted> {
    const server = this.#phoneNumberServer(org);
    if (server === undefined) return Promise.resolve({ kind: 'failed', why: 'unreachable' });
    const phoneNumber = { provider: 'twilio', number, twilioAccountSid: 'AC00000000000000000000000000000000' };
    const message = { type: 'assistant-request', phoneNumber, customer: call.record.customer };
    return this.#post(org, server, this.#body(call, org, message), deadlineMs);
  }

  close(): void {
    this.#stop.abort();
    for (const cancel of this.#pending) cancel();
    this.#pending.clear();
  }

  #publish(call: Call, org: Org, message: Message): void {
    const { server: own, serverMessages } = readOverrides(call.assistantOverrides);
    const server = own ?? this.#phoneNumberServer(org);
    if (server === undefined || this.#faults.none || !serverMessages.includes(message.type)) return;

    const body = this.#body(call, org, message);
    if (this.#random() < this.#faults.lost) return;
    const lateMs = this.#random() < this.#faults.late ? (this.#faults.lateSeconds * 1_000) / this.#speed : 0;
    const deliver = () => void this.#deliver(org, server, body, 0);
    this.#after(lateMs, deliver);
    if (this.#random() < this.#faults.doubled) this.#after(lateMs + uniform(this.#random, { min: 100, max: 2_000 }) / this.#speed, deliver);
  }

  async #deliver(org: Org, server: WebhookServer, body: string, retries: number): Promise<void> {
    const posted = await this.#post(org, server, body, server.timeoutSeconds * 1_000);
    const plan = server.backoffPlan;
    if (posted.kind === 'answered' && (isSuccess(posted.status) || plan?.excludedStatusCodes.includes(posted.status) === true)) return;
    if (plan === undefined || retries >= plan.maxRetries || this.#stop.signal.aborted) return;
    const delayMs = plan.baseDelaySeconds * 1_000 * (plan.type === 'exponential' ? 2 ** retries : 1);
    this.#after(delayMs / this.#speed, () => void this.#deliver(org, server, body, retries + 1));
  }

  #post(org: Org, server: WebhookServer, body: string, timeoutMs: number): Promise<Posted> {
    const signed = server.credentialId === undefined ? {} : signatureHeaders(org, body, this.#clock.nowMs());
    return post({ url: server.url, headers: { ...server.headers, ...signed }, body, timeoutMs, signal: this.#stop.signal });
  }

  /** The server that a team sets at its numbers: the pool's workers, with the project's own secret or credential. */
  #phoneNumberServer(org: Org): WebhookServer | undefined {
    const base = this.#destination.url;
    if (base === undefined) return undefined;
    const url = `${base.replace(/\/$/, '')}/v1/vapi/${org.project}`;
    if (org.webhookAuth.type === 'Secret') return { url, timeoutSeconds: 20, headers: { ...signatureHeaders(org, '', 0) } };
    return { url, timeoutSeconds: 20, headers: {}, credentialId: org.webhookAuth.credentialId };
  }

  #body(call: Call, org: Org, message: Message): string {
    const nowMs = this.#clock.nowMs();
    const state = stateAt(call, nowMs);
    const shown = state === undefined ? undefined : renderCall(call, org, state, this.#controlBase());
    const body = JSON.stringify({ message: { timestamp: Math.floor(nowMs), ...message, call: shown } });
    const schema = schemaOf[message.type];
    const sent: { message: unknown } = JSON.parse(body);
    for (const what of schema === undefined ? [] : violationsOf(schema, sent.message)) {
      this.#truth.tell({ event: 'violation', atMs: nowMs, what: `webhook ${message.type}: ${what}` });
    }
    return body;
  }

  #endOfCallReport(call: Call): Message {
    const state = stateAt(call, this.#clock.nowMs());
    const startedAtMs = state?.startedAtMs;
    const endedAtMs = state?.endedAtMs;
    const talkedMs = startedAtMs === undefined || endedAtMs === undefined ? 0 : endedAtMs - startedAtMs;
    const talked = talkedMs > 0;
    return {
      type: 'end-of-call-report',
      endedReason: state?.endedReason,
      startedAt: startedAtMs === undefined ? undefined : new Date(startedAtMs).toISOString(),
      endedAt: endedAtMs === undefined ? undefined : new Date(endedAtMs).toISOString(),
      cost: costUsd(talkedMs),
      costs: talked ? costsOf(talkedMs) : [],
      artifact: talked
        ? {
            messages: [
              { role: 'bot', message: 'Hello, how can I help?', time: startedAtMs, endTime: endedAtMs, secondsFromStart: 0 },
              { role: 'user', message: 'I have a question.', time: startedAtMs, endTime: endedAtMs, secondsFromStart: 1 },
            ],
            transcript: 'AI: Hello, how can I help?\nUser: I have a question.',
            performanceMetrics: { turnLatencies: [], turnLatencyAverage: 900, modelLatencyAverage: 500, voiceLatencyAverage: 200 },
          }
        : {},
      analysis: talked ? { summary: 'The customer asked a question.', successEvaluation: 'true' } : {},
    };
  }

  #after(delayMs: number, run: () => void): void {
    if (this.#stop.signal.aborted) return;
    if (delayMs <= 0) {
      run();
      return;
    }
    const cancel = this.#clock.at(this.#clock.nowMs() + delayMs, () => {
      this.#pending.delete(cancel);
      run();
    });
    this.#pending.add(cancel);
  }
}

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}
