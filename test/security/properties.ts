import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { parse } from 'yaml';
import { compilePolicy } from '../../capacity/policy/compile.ts';
import { readManifest } from '../../crds/manifest.ts';
import type { WebhookAuth } from '../../crds/subscriptions.ts';
import { classifyCreate, classifyEnd } from '../../providers/vapi/outcomes.ts';
import { redact } from '../../providers/vapi/redact.ts';
import { parseServerMessage, verifyWebhook } from '../../providers/vapi/webhooks.ts';
import { seenCall } from '../../providers/vapi/wire.ts';
import { acceptSession } from '../../workers/intake/accept.ts';
import { csvLines } from '../../workers/intake/import-csv.ts';
import { type ImportLine, ndjsonLines } from '../../workers/intake/import-lines.ts';
import { Problem } from '../../workers/intake/problem.ts';
import { importedSession, parseAsked, sessionRequest } from '../../workers/intake/session-request.ts';
import { soundPool } from '../crds/pools.ts';
import { asBytes, fragments, hostileJson, hostileText, mutated, serverMessage } from './hostile.ts';

/** What must hold for whatever comes in: run with fixed seeds by the tests, and with new ones for as long as one likes by `npm run fuzz`. */

export type FuzzProperty = {
  readonly name: string;
  /** How many cases a test run takes. */
  readonly runs: number;
  /** What breaks it, with seed and counterexample, or undefined when nothing did. */
  readonly check: (settings: {
    readonly seed: number;
    readonly numRuns: number;
    readonly path?: string | undefined;
  }) => Promise<string | undefined>;
};

const nowMs = Date.UTC(2026, 0, 1);
const { policy } = policyOf();
const rules = { policy, scope: { class: undefined }, defaultClass: 'campaign', nowMs };

export const properties: readonly FuzzProperty[] = [
  property('a session is refused by a named field, or accepted as text that the ledger can hold', 300, mutated(aSession()), (value) => {
    const asked = parseAsked(sessionRequest, roundTrip(value));
    if (!asked.ok) return mustTellField(asked.issue);
    const verdict = acceptSession(asked.data, rules);
    if (verdict.accepted) mustBeStorable(verdict.session);
    else mustTellField(verdict.why);
  }),
  property('a line of an import likewise', 200, mutated(aSession()), (value) => {
    const asked = parseAsked(importedSession, roundTrip(value));
    if (!asked.ok) mustTellField(asked.issue);
  }),
  property(
    'NDJSON is read alike however it is cut, every line at most once, in order',
    200,
    fc.tuple(asBytes('ndjson'), fc.array(fc.nat(200))),
    async ([bytes, cuts]) => {
      const whole = await allOf(ndjsonLines(pieces(bytes, [])));
      same(await allOf(ndjsonLines(pieces(bytes, cuts))), whole, 'cut elsewhere');
      mustRise(whole, bytes);
    },
  ),
  property(
    'CSV is read alike however it is cut, or refused by its header',
    200,
    fc.tuple(asBytes('csv'), fc.array(fc.nat(200))),
    async ([bytes, cuts]) => {
      const whole = await linesOrProblem(bytes, []);
      same(await linesOrProblem(bytes, cuts), whole, 'cut elsewhere');
      if (Array.isArray(whole)) mustRise(whole, bytes);
    },
  ),
  property('a manifest is read or refused with places in the file', 150, aManifest(), (text) => {
    const read = readManifest(text, 'pool.yaml');
    if (read.ok) return;
    if (read.problems.length === 0 || read.problems.length > 100) throw new Error(`${read.problems.length} problems`);
    for (const { line, column, message } of read.problems) {
      if (line < 1 || column < 1 || message === '') throw new Error('a problem without a place');
    }
  }),
  property(
    'a webhook of any type is parsed, or refused by a path, and nothing in it breaks a statement',
    400,
    mutated(serverMessage()),
    (value) => {
      mustParse(Buffer.from(JSON.stringify(value)));
    },
  ),
  property('raw bytes are no webhook', 200, asBytes('json'), (bytes) => mustParse(bytes)),
  property(
    'a webhook is verified by its signature over its bytes and time, and by nothing else',
    200,
    fc.tuple(fc.uint8Array({ maxLength: 200 }), fc.uint8Array({ maxLength: 200 }), aSignatureKind(), fc.string()),
    ([signed, sent, kind, noise]) => {
      const [key, other] = ['the right key', 'another key'];
      const at = kind === 'old' ? nowMs - 301_000 : nowMs;
      const sign = (secret: string, bytes: Uint8Array) => createHmac('sha256', secret).update(`${at}.`).update(bytes).digest('hex');
      const signatures = {
        right: sign(key, signed),
        old: sign(key, signed),
        foreign: sign(other, signed),
        empty: '',
        none: 'none',
        noise,
        cut: sign(key, signed).slice(0, -1),
      };
      const headers = { 'x-signature': signatures[kind], 'x-timestamp': String(at) };
      const verdict = verifyWebhook(Buffer.from(sent), headers, [key], hmac, nowMs);
      const right = kind === 'right' && Buffer.compare(Buffer.from(signed), Buffer.from(sent)) === 0;
      if ((verdict === 'verified') !== right) throw new Error(`${kind} is ${verdict}`);
    },
  ),
  property('a signature is verified over the very bytes that were signed', 100, fc.uint8Array({ maxLength: 500 }), (bytes) => {
    const signature = createHmac('sha256', 'k').update(`${nowMs}.`).update(bytes).digest('hex');
    const verdict = verifyWebhook(Buffer.from(bytes), { 'x-signature': signature, 'x-timestamp': String(nowMs) }, ['k'], hmac, nowMs);
    if (verdict !== 'verified') throw new Error(verdict);
  }),
  property(
    'an answer to a creation is classified, whatever the provider says',
    400,
    fc.tuple(fc.integer({ min: 100, max: 599 }), mutated(anAnswer())),
    ([status, value]) => {
      const verdict = classifyCreate(status, roundTrip(value));
      if (verdict.outcome === 'Created') mustBeStorable(verdict);
      else if (verdict.detail.length > 400) throw new Error('a detail without bound');
    },
  ),
  property('a row of a listing is a call that the ledger can hold, or none', 200, mutated(aCall()), (value) => {
    mustBeStorable(seenCall(roundTrip(value)) ?? null);
  }),
  property('a reason for an end has an outcome', 200, hostileText(), (reason) => {
    if (classifyEnd(reason) === undefined) throw new Error('no outcome');
  }),
  property(
    'redacted text holds no run of seven digits',
    300,
    fc.string({ unit: fragments(['+1', '4155', '550199', ' ', '-', '(', ')', '.', '{"number":"', '"', 'a', '\n']), maxLength: 60 }),
    (text) => {
      const found = redact(text).match(/\d{7,}/);
      if (found !== null) throw new Error('digits are left');
    },
  ),
];

const hmac: WebhookAuth = {
  type: 'Hmac',
  credentialId: 'c',
  algorithm: 'sha256',
  signatureHeader: 'x-signature',
  timestampHeader: 'x-timestamp',
  signaturePrefix: '',
  encoding: 'hex',
  payloadFormat: '{timestamp}.{body}',
};

function property<T>(name: string, runs: number, values: fc.Arbitrary<T>, holds: (value: T) => void | Promise<void>): FuzzProperty {
  const checked = fc.asyncProperty(values, async (value) => holds(value));
  const check = async (settings: fc.Parameters<[T]>) => {
    const details = await fc.check(checked, settings);
    return details.failed ? fc.defaultReportMessage(details) : undefined;
  };
  return { name, runs, check: ({ seed, numRuns, path }) => check({ seed, numRuns, ...(path === undefined ? {} : { path }) }) };
}

function policyOf() {
  const read = readManifest(soundPool, 'pool.yaml');
  if (!read.ok) throw new Error('the sound pool is not sound');
  return compilePolicy(read.manifest);
}

function aSession() {
  return fc.constant({
    class: 'campaign',
    direction: 'Outbound',
    customer: { number: '+14155550123', name: 'Ada' },
    labels: { use: 'sales' },
    context: { plan: 'gold', nested: { deep: [1, 2, { three: 3 }] } },
    score: 1,
    notBefore: '2026-01-02T00:00:00Z',
    expiresAt: '2026-01-03T00:00:00+01:00',
    idempotencyKey: 'k1',
  });
}

function anAnswer() {
  const limits = { concurrencyBlocked: false, concurrencyLimit: 10, remainingConcurrentCalls: 9 };
  return fc.constantFrom<unknown>(
    { id: 'call-1', orgId: 'org-1', monitor: { controlUrl: 'https://control.vapi.ai/1' }, subscriptionLimits: limits },
    { message: ['Over concurrency limit'], statusCode: 400, subscriptionLimits: limits },
    { message: 'customer.number must be E.164', error: 'Bad Request' },
    { error: { toString: 1, valueOf: 1 } },
  );
}

function aCall() {
  const at = '2026-01-01T00:00:00.000Z';
  const call = { id: 'c1', orgId: 'o1', name: 'tl-1', type: 'outboundPhoneCall', status: 'in-progress', endedReason: 'customer-busy' };
  return fc.constant({
    ...call,
    customer: { number: '+14155550123' },
    monitor: { controlUrl: 'https://x' },
    createdAt: at,
    updatedAt: at,
    cost: 1,
  });
}

function aManifest(): fc.Arbitrary<string> {
  const yaml = [
    '&a ',
    '*a',
    '<<: ',
    '? ',
    '- ',
    ': ',
    '[',
    ']',
    '{',
    '}',
    '|',
    '>-',
    '!!js ',
    '%YAML 1.1\n',
    '---\n',
    '...\n',
    '\t',
    '\n  ',
    '\0',
    '\uFEFF',
    '\uD800',
    '"',
    "'",
    '#',
    '~',
    '.inf',
    '0x1F',
    '9'.repeat(400),
    '\r',
    '\u2028',
  ];
  const spliced = fc.tuple(fc.nat(soundPool.length), fc.nat(40), fc.string({ unit: fragments(yaml), maxLength: 8 }));
  return fc.oneof(
    fc
      .array(spliced, { minLength: 1, maxLength: 4 })
      .map((edits) => edits.reduce((text, [at, drop, put]) => text.slice(0, at) + put + text.slice(at + drop), soundPool)),
    fc.string({ unit: fragments(yaml), maxLength: 60 }),
    mutated(fc.constant<unknown>(parse(soundPool))).map((value) => JSON.stringify(value) ?? ''),
    hostileJson().map((value) => `apiVersion: trunkline.dev/v1alpha1\nkind: VoiceCapacityPool\nspec: ${JSON.stringify(value)}\n`),
    fc.constantFrom('utf16le' as const, 'latin1' as const).map((encoding) => Buffer.from(soundPool, encoding).toString('utf8')),
  );
}

function aSignatureKind() {
  return fc.constantFrom(
    'right' as const,
    'old' as const,
    'foreign' as const,
    'empty' as const,
    'none' as const,
    'noise' as const,
    'cut' as const,
  );
}

/** As it would be after the wire. */
function roundTrip(value: unknown): unknown {
  const text = JSON.stringify(value);
  return text === undefined ? undefined : JSON.parse(text);
}

function mustParse(raw: Buffer): void {
  const message = parseServerMessage(raw);
  if (message.kind === 'invalid') {
    if (message.message === '') throw new Error('nothing is said about what is wrong');
    return;
  }
  if (message.kind !== 'other') mustBeStorable(message);
}

function mustTellField(told: { readonly field: string; readonly detail: string }): void {
  if (told.field === '' || told.detail === '') throw new Error('a refusal without its field');
  if (told.detail.length > 2_000) throw new Error('a refusal without bound');
}

/** PostgreSQL takes no NUL and no half of a surrogate pair, in text and JSON alike. */
function mustBeStorable(value: unknown): void {
  const waiting: unknown[] = [value];
  for (let next = waiting.pop(); waiting.length > 0 || next !== undefined; next = waiting.pop()) {
    if (typeof next === 'string' && (next.includes('\0') || !next.isWellFormed())) throw new Error('text that the ledger cannot hold');
    if (typeof next === 'object' && next !== null) waiting.push(...Object.keys(next), ...Object.values(next));
  }
}

function mustRise(lines: readonly ImportLine[], bytes: Uint8Array): void {
  const numbers = lines.map(({ line }) => line);
  const rises = numbers.every((line, index) => index === 0 || line > (numbers[index - 1] ?? 0));
  if (!rises || (numbers.at(-1) ?? 0) > bytes.length + 1) throw new Error(`lines are numbered ${numbers.join(' ')}`);
}

async function linesOrProblem(bytes: Uint8Array, cuts: readonly number[]): Promise<readonly ImportLine[] | string> {
  try {
    return await allOf(csvLines(pieces(bytes, cuts)));
  } catch (error) {
    if (error instanceof Problem && error.told.field !== undefined) return `${error.told.field}: ${error.told.detail}`;
    throw error;
  }
}

async function allOf<T>(source: AsyncIterable<readonly T[]>): Promise<readonly T[]> {
  const all: T[] = [];
  for await (const some of source) all.push(...some);
  return all;
}

async function* pieces(bytes: Uint8Array, cuts: readonly number[]): AsyncGenerator<Buffer> {
  let from = 0;
  for (const length of cuts.filter((cut) => cut > 0)) {
    if (from >= bytes.length) return;
    yield Buffer.from(bytes.subarray(from, from + length));
    from += length;
  }
  if (from < bytes.length) yield Buffer.from(bytes.subarray(from));
}

function same(found: unknown, wanted: unknown, how: string): void {
  if (JSON.stringify(found) !== JSON.stringify(wanted)) throw new Error(`read differently when ${how}`);
}
