import fc from 'fast-check';

/** Values that somebody would send who wants to do harm. */

const nasty = [
  '',
  '\0',
  '\ud800',
  '\udc00x',
  '\uFEFF',
  '__proto__',
  'constructor',
  'toString',
  '../../etc/passwd',
  "'; drop table session; --",
  '%00',
  '𝟙',
  'a'.repeat(5_000),
  '1e999',
  'NaN',
  '+14155550123',
  '\u202e',
  '\r\nX: y',
  '|',
];

export const fragments = (of: readonly string[]) => fc.constantFrom(...of);

export const hostileText = (): fc.Arbitrary<string> => fc.oneof(fc.constantFrom(...nasty), fc.string({ unit: 'binary', maxLength: 30 }));

const hostileNumber = () => fc.constantFrom(0, -0, -1, 1e308, -1e308, 5e-324, 2 ** 53, 2 ** 31, 0.1, 1e21, Number.MAX_SAFE_INTEGER);

/** Depth that breaks whoever follows it by calling themselves, and is still to be written down here. */
const deep = (levels: number): unknown => {
  let value: unknown = [];
  for (let level = 1; level < levels; level += 1) value = level % 2 === 0 ? [value] : { a: value };
  return value;
};

export const hostileJson = (): fc.Arbitrary<unknown> =>
  fc.oneof(
    hostileText(),
    hostileNumber(),
    fc.constantFrom<unknown>(
      null,
      true,
      false,
      [],
      {},
      [[[]]],
      JSON.parse('{"__proto__":{"a":1}}'),
      { constructor: { prototype: {} } },
      { toString: 1, valueOf: 1 },
      { length: -1 },
      { length: { toString: 1, valueOf: 1 } },
    ),
    fc.constantFrom(20, 200, 1_500).map(deep),
    fc.jsonValue({ maxDepth: 3 }),
  );

/** A value in which something somewhere is replaced, taken away or added, once to three times. */
export function mutated(of: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const change = fc.record({
    at: fc.nat(1_000),
    how: fc.constantFrom('replace' as const, 'drop' as const, 'add' as const),
    key: hostileText(),
    put: hostileJson(),
  });
  return fc.tuple(of, fc.array(change, { maxLength: 3 })).map(([value, changes]) => changes.reduce(changedAt, value));
}

type Change = { readonly at: number; readonly how: 'replace' | 'drop' | 'add'; readonly key: string; readonly put: unknown };

function changedAt(value: unknown, change: Change): unknown {
  const places = placesIn(value, 0);
  const place = places[change.at % places.length] ?? [];
  return rebuilt(value, place, change);
}

type Place = readonly string[];

function placesIn(value: unknown, depth: number): readonly Place[] {
  if (typeof value !== 'object' || value === null || depth > 6) return [[]];
  return [[], ...Object.entries(value).flatMap(([key, inner]) => placesIn(inner, depth + 1).map((rest) => [key, ...rest]))];
}

function rebuilt(value: unknown, [key, ...rest]: Place, change: Change): unknown {
  if (key === undefined) {
    if (change.how === 'replace' || typeof value !== 'object' || value === null || Array.isArray(value)) return change.put;
    return change.how === 'add' ? Object.fromEntries([...Object.entries(value), [change.key, change.put]]) : {};
  }
  if (typeof value !== 'object' || value === null) return change.put;
  const entries = Object.entries(value).flatMap(([name, inner]): [string, unknown][] => {
    if (name !== key) return [[name, inner]];
    return rest.length === 0 && change.how === 'drop' ? [] : [[name, rebuilt(inner, rest, change)]];
  });
  return Array.isArray(value) ? entries.map(([, inner]) => inner) : Object.fromEntries(entries);
}

/** Every type of message that the provider documents for its server URL. */
export const messageTypes = [
  'assistant-request',
  'assistant.started',
  'assistant.speechStarted',
  'conversation-update',
  'end-of-call-report',
  'function-call',
  'hang',
  'language-changed',
  'language-change-detected',
  'model-output',
  'phone-call-control',
  'speech-update',
  'status-update',
  'transcript',
  'tool-calls',
  'transfer-destination-request',
  'handoff-destination-request',
  'transfer-update',
  'user-interrupted',
  'voice-input',
  'voice-request',
  'knowledge-base-request',
  'chat.created',
  'chat.deleted',
  'session.created',
  'session.updated',
  'session.deleted',
  'call.deleted',
  'call.delete.failed',
  'call.artifact.upload',
] as const;

export function serverMessage(): fc.Arbitrary<unknown> {
  return fc.constantFrom(...messageTypes).map((type) => ({
    message: {
      type,
      timestamp: 1_767_225_600_000,
      status: 'ended',
      endedReason: 'customer-ended-call',
      cost: 0.1,
      startedAt: '2026-01-01T00:00:00.000Z',
      endedAt: '2026-01-01T00:01:00.000Z',
      call: {
        id: 'call-1',
        orgId: 'org-1',
        name: 'tl-0198f3a2-0000-7000-8000-000000000001',
        type: 'inboundPhoneCall',
        monitor: { controlUrl: 'https://c.vapi.ai/1' },
      },
      phoneNumber: { id: 'number-1', number: '+14155550100' },
      customer: { number: '+14155550123' },
      artifact: { messages: [], transcript: 'AI: hello' },
      toolCallList: [{ id: 't1', function: { name: 'book', arguments: {} } }],
    },
  }));
}

const units = {
  json: ['{', '}', '[', ']', '"', ':', ',', '\\u0000', '\\', '1e999', '-', 'null', '{"message":{"type":"hang"}}', '\uFEFF', '\0', 'é', '𝟙'],
  ndjson: ['{"customer":{"number":"+14155550123"}}', '\n', '\r\n', '\n\n', '{', '"', 'é', '𝟙', '\uFEFF', '\0', '[1', '   '],
  csv: [
    'number',
    'name',
    ',',
    '\n',
    '\r\n',
    '"',
    '""',
    '+14155550123',
    'label.a',
    'context.b',
    'score',
    ' ',
    'é',
    '𝟙',
    '\uFEFF',
    '\0',
    'x',
  ],
} as const;

/** Bytes that look a little like what is expected, some of them flipped, in encodings of all kinds. */
export function asBytes(like: keyof typeof units): fc.Arbitrary<Buffer> {
  const text = fc.string({ unit: fragments(units[like]), maxLength: 40 }).map((body) => (like === 'csv' ? `number,name\n${body}` : body));
  return fc.oneof(
    text.map((body) => Buffer.from(body)),
    fc.tuple(text, fc.nat(), fc.nat(255)).map(([body, at, byte]) => {
      const bytes = Buffer.from(body);
      if (bytes.length > 0) bytes[at % bytes.length] = byte;
      return bytes;
    }),
    text.map((body) => Buffer.from(body, 'utf16le')),
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  );
}
