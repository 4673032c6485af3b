import { randomBytes } from 'node:crypto';
import type { Org } from '../declaration.ts';
import type { CallRecord, Outcome, Status, Step } from '../truth/events.ts';

/** A call as the exchange keeps it: what it is, what became of it so far, and what is still to come. */
export type Call = {
  readonly record: CallRecord;
  readonly createdAtMs: number;
  /** Every state the call was in, oldest first. */
  readonly history: Past[];
  steps: readonly Step[];
  /** Overrides of the assistant, from the creation or from the answer to `assistant-request`. */
  assistantOverrides: Readonly<Record<string, unknown>> | undefined;
  assistantId: string | undefined;
  /** When the provider frees the line; known once the call has ended. */
  freeAtMs: number | undefined;
};

type Past = { readonly atMs: number; readonly status: Status; readonly reason?: string; readonly outcome?: Outcome };

/** A call's state at an instant; undefined before it was created. */
export type CallState = {
  readonly status: Status;
  readonly updatedAtMs: number;
  readonly startedAtMs: number | undefined;
  readonly endedAtMs: number | undefined;
  readonly endedReason: string | undefined;
};

export function stateAt(call: Call, instantMs: number): CallState | undefined {
  let state: CallState | undefined;
  for (const past of call.history) {
    if (past.atMs > instantMs) break;
    state = {
      status: past.status,
      updatedAtMs: past.atMs,
      startedAtMs: past.status === 'in-progress' ? past.atMs : state?.startedAtMs,
      endedAtMs: past.status === 'ended' ? past.atMs : undefined,
      endedReason: past.reason,
    };
  }
  return state;
}

export function hasEnded(call: Call): boolean {
  return call.history.at(-1)?.status === 'ended';
}

/** The call as the API and the webhooks show it (`Call` of the published description). `controlBase` is where its control URL lies. */
export function renderCall(call: Call, org: Org, state: CallState, controlBase: string): Readonly<Record<string, unknown>> {
  const { record } = call;
  const talkedMs = state.startedAtMs === undefined || state.endedAtMs === undefined ? 0 : state.endedAtMs - state.startedAtMs;
  return {
    id: record.id,
    orgId: org.orgId,
    type: record.kind === 'inbound' ? 'inboundPhoneCall' : 'outboundPhoneCall',
    status: state.status,
    createdAt: iso(call.createdAtMs),
    updatedAt: iso(state.updatedAtMs),
    name: record.name,
    assistantId: call.assistantId,
    phoneNumberId: record.phoneNumberId,
    customer: record.customer,
    assistantOverrides: call.assistantOverrides,
    phoneCallProvider: 'twilio',
    phoneCallTransport: 'pstn',
    startedAt: state.startedAtMs === undefined ? undefined : iso(state.startedAtMs),
    endedAt: state.endedAtMs === undefined ? undefined : iso(state.endedAtMs),
    endedReason: state.endedReason,
    cost: state.endedAtMs === undefined ? undefined : costUsd(talkedMs),
    monitor: { controlUrl: `${controlBase}/${record.id}/${record.controlToken}/control` },
  };
}

const usdPerMinute = { transport: 0.01, transcriber: 0.01, model: 0.02, voice: 0.04, vapi: 0.05 } as const;

/** What a conversation costs, by kind, in the provider's shape. Times are as simulated, so `speed` makes calls cheaper. */
export function costsOf(talkedMs: number): readonly Readonly<Record<string, unknown>>[] {
  const minutes = talkedMs / 60_000;
  const cost = (kind: keyof typeof usdPerMinute) => rounded(minutes * usdPerMinute[kind]);
  return [
    { type: 'transport', provider: 'twilio', minutes, cost: cost('transport') },
    { type: 'transcriber', transcriber: { provider: 'deepgram', model: 'nova-2' }, minutes, cost: cost('transcriber') },
    { type: 'model', model: { provider: 'openai', model: 'gpt-4o' }, promptTokens: 1_200, completionTokens: 150, cost: cost('model') },
    { type: 'voice', voice: { provider: '11labs', voiceId: 'sarah' }, characters: Math.round(minutes * 600), cost: cost('voice') },
    { type: 'vapi', subType: 'normal', minutes, cost: cost('vapi') },
  ];
}

export function costUsd(talkedMs: number): number {
  return rounded((talkedMs / 60_000) * Object.values(usdPerMinute).reduce((sum, each) => sum + each, 0));
}

/** A UUID of version 7, as the provider's ids look: sorted by creation. */
export function newCallId(nowMs: number): string {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(Math.floor(nowMs), 0, 6);
  bytes[6] = 0x70 | (bytes.readUInt8(6) & 0x0f);
  bytes[8] = 0x80 | (bytes.readUInt8(8) & 0x3f);
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

function rounded(usd: number): number {
  return Math.round(usd * 10_000) / 10_000;
}

function iso(atMs: number): string {
  return new Date(atMs).toISOString();
}
