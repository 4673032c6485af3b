import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { z } from 'zod';
import type { WebhookAuth } from '../../crds/subscriptions.ts';
import { textOf } from '../../crds/text.ts';
import type { SeenCall } from './contract.ts';

/**
 * Whether a webhook is the provider's own. All of it is computed over the raw bytes, and all secrets are tried, however the first ones compare:
 * while a secret is rotated, the old and the new one are both right.
 */
export type Verification = 'verified' | 'missing' | 'wrong' | 'stale';

/** Clocks of two machines may differ by this much; a signature older than that may have been overheard. */
const maxSkewMs = 5 * 60_000;

export function verifyWebhook(
  raw: Buffer,
  headers: IncomingHttpHeaders,
  secrets: readonly string[],
  auth: WebhookAuth,
  nowMs: number = Date.now(),
): Verification {
  switch (auth.type) {
    case 'Secret':
      return verifyToken(header(headers, 'x-vapi-secret'), secrets);
    case 'Bearer':
      return verifyToken(header(headers, auth.header)?.replace(/^bearer\s+/i, ''), secrets);
    case 'Hmac':
      return verifySignature(raw, headers, secrets, auth, nowMs);
  }
}

function verifyToken(token: string | undefined, secrets: readonly string[]): Verification {
  if (token === undefined || token === '') return 'missing';
  return equalsAny(token, secrets) ? 'verified' : 'wrong';
}

function verifySignature(
  raw: Buffer,
  headers: IncomingHttpHeaders,
  secrets: readonly string[],
  auth: Extract<WebhookAuth, { type: 'Hmac' }>,
  nowMs: number,
): Verification {
  const signature = header(headers, auth.signatureHeader);
  const signsTime = auth.payloadFormat.includes('{timestamp}');
  const timestamp = header(headers, auth.timestampHeader);
  if (signature === undefined || (signsTime && timestamp === undefined)) return 'missing';
  if (!signature.startsWith(auth.signaturePrefix)) return 'wrong';

  const given = signature.slice(auth.signaturePrefix.length);
  const payload = payloadOf(auth.payloadFormat, raw, timestamp ?? '');
  const expected = secrets.map((secret) => createHmac(auth.algorithm, secret).update(payload).digest(auth.encoding));
  if (!equalsAny(auth.encoding === 'hex' ? given.toLowerCase() : given, expected)) return 'wrong';
  return signsTime && isStale(timestamp ?? '', nowMs) ? 'stale' : 'verified';
}

function payloadOf(format: string, raw: Buffer, timestamp: string): Buffer {
  const parts = format.split(/(\{timestamp\}|\{body\})/);
  return Buffer.concat(parts.map((part) => (part === '{body}' ? raw : Buffer.from(part === '{timestamp}' ? timestamp : part))));
}

/** The provider does not say whether it sends seconds, milliseconds or a date. */
function isStale(timestamp: string, nowMs: number): boolean {
  const number = Number(timestamp);
  const sentMs = Number.isFinite(number) ? (number < 100_000_000_000 ? number * 1_000 : number) : Date.parse(timestamp);
  return !(Math.abs(nowMs - sentMs) <= maxSkewMs);
}

/** Compares digests of equal length and looks at every candidate, so that time tells nothing about any of them. */
function equalsAny(given: string, candidates: readonly string[]): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  const wanted = digest(given);
  let equal = false;
  for (const candidate of candidates) {
    if (candidate !== '' && timingSafeEqual(wanted, digest(candidate))) equal = true;
  }
  return equal;
}

function header(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name.toLowerCase()];
  return Array.isArray(value) ? value[0] : value;
}

/** Messages of the provider to its server URL, reduced to what we act on. The raw body goes to the handler and is not stored. */

type CallMessage = {
  readonly callId: string;
  readonly callName: string | undefined;
  readonly orgId: string;
  readonly controlUrl: string | undefined;
  readonly phoneNumberId: string | undefined;
  readonly callerNumber: string | undefined;
  readonly direction: SeenCall['direction'];
  /** The provider's clock; 0 when the message does not carry it. */
  readonly timestampMs: number;
  /** Equal for every delivery of one message: the provider gives its messages no id. */
  readonly dedupeKey: string;
};

export type ServerMessage =
  | (CallMessage & { readonly kind: 'assistant-request'; readonly dialledNumber: string | undefined })
  | (CallMessage & { readonly kind: 'status-update'; readonly status: string; readonly endedReason: string | undefined })
  | (CallMessage & {
      readonly kind: 'end-of-call-report';
      readonly endedReason: string;
      readonly costUsd: number | undefined;
      readonly startedAt: string | undefined;
      readonly endedAt: string | undefined;
    })
  /** Anything else: tool calls, destination requests, campaign events; some are about no call. */
  | {
      readonly kind: 'other';
      readonly type: string;
      readonly callId: string | undefined;
      readonly callName: string | undefined;
      readonly dedupeKey: string;
    };

export type InvalidMessage = { readonly kind: 'invalid'; readonly path: string; readonly message: string };

/** PostgreSQL holds no NUL and no half of a surrogate pair: one message with them would take down all that are written in the same statement. */
const storable = (minLength: number, maxLength: number) =>
  textOf(minLength, maxLength).refine((value) => value.isWellFormed() && !value.includes('\0'), 'must be text without NUL');
const text = (maxLength: number) => storable(0, maxLength).optional().catch(undefined);
const party = z
  .object({ id: text(100), number: text(60) })
  .optional()
  .catch(undefined);

/** Only what is named here is looked at: a body may hold a whole assistant and the transcript of an hour. */
const call = z.object({
  id: storable(1, 100),
  orgId: storable(0, 100).catch(''),
  name: text(200),
  type: text(100),
  phoneNumberId: text(100),
  phoneNumber: party,
  customer: party,
  monitor: z
    .object({ controlUrl: text(2_048) })
    .optional()
    .catch(undefined),
});
const envelope = z.object({
  call,
  phoneNumber: party,
  customer: party,
  timestamp: z.number().catch(0),
});

const status = z.object({ status: storable(1, 100), endedReason: text(200) });
const report = z.object({
  endedReason: storable(1, 200),
  cost: z.number().optional().catch(undefined),
  startedAt: text(40),
  endedAt: text(40),
});
const other = z.object({
  call: z
    .object({ id: text(100), name: text(200) })
    .optional()
    .catch(undefined),
  timestamp: z.number().catch(0),
});

/** Reads a webhook's body. What is invalid is named by its path, never by its value. */
export function parseServerMessage(raw: Buffer): ServerMessage | InvalidMessage {
  const body = parseJson(raw);
  const opened = z.object({ message: z.looseObject({ type: textOf(1, 100) }) }).safeParse(body);
  if (!opened.success) return invalid(opened.error, []);
  const { message } = opened.data;
  switch (message.type) {
    case 'assistant-request':
    case 'status-update':
    case 'end-of-call-report':
      return aboutCall(message.type, message);
    default:
      return anyOther(message.type, message);
  }
}

function aboutCall(kind: 'assistant-request' | 'status-update' | 'end-of-call-report', message: unknown): ServerMessage | InvalidMessage {
  const parsed = envelope.safeParse(message);
  if (!parsed.success) return invalid(parsed.error, ['message']);
  const { call: about, timestamp } = parsed.data;
  const common = (state: string): CallMessage => ({
    callId: about.id,
    callName: about.name,
    orgId: about.orgId,
    controlUrl: about.monitor?.controlUrl,
    phoneNumberId: about.phoneNumberId ?? parsed.data.phoneNumber?.id ?? about.phoneNumber?.id,
    callerNumber: parsed.data.customer?.number ?? about.customer?.number,
    direction: directionOf(about.type),
    timestampMs: timestamp,
    dedupeKey: [about.id, kind, state, timestamp].join('|'),
  });
  if (kind === 'assistant-request') {
    const dialledNumber = parsed.data.phoneNumber?.number ?? about.phoneNumber?.number;
    return { ...common(''), kind, direction: 'Inbound', dialledNumber };
  }
  if (kind === 'status-update') {
    const update = status.safeParse(message);
    if (!update.success) return invalid(update.error, ['message']);
    return { ...common(update.data.status), kind, status: update.data.status, endedReason: update.data.endedReason };
  }
  const ended = report.safeParse(message);
  if (!ended.success) return invalid(ended.error, ['message']);
  const { endedReason, cost, startedAt, endedAt } = ended.data;
  return { ...common(''), kind, endedReason, costUsd: cost, startedAt, endedAt };
}

function anyOther(type: string, message: unknown): ServerMessage | InvalidMessage {
  const parsed = other.safeParse(message);
  if (!parsed.success) return invalid(parsed.error, ['message']);
  const { call: about, timestamp } = parsed.data;
  return { kind: 'other', type, callId: about?.id, callName: about?.name, dedupeKey: [about?.id ?? '', type, '', timestamp].join('|') };
}

function directionOf(type: string | undefined): SeenCall['direction'] {
  if (type === 'inboundPhoneCall') return 'Inbound';
  return type === 'outboundPhoneCall' ? 'Outbound' : 'Web';
}

function parseJson(raw: Buffer): unknown {
  try {
    return JSON.parse(raw.toString('utf8'));
  } catch {
    // The caller reports the body as a whole: the parser's own message would quote it.
    return undefined;
  }
}

function invalid(error: z.ZodError, prefix: readonly string[]): InvalidMessage {
  const issue = error.issues[0];
  return { kind: 'invalid', path: [...prefix, ...(issue?.path ?? [])].join('.'), message: issue?.message ?? 'unreadable' };
}
