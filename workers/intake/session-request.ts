import { z } from 'zod';
import { wording } from '../../crds/messages.ts';
import { textOf } from '../../crds/text.ts';
import { labels } from '../../crds/values.ts';

/** What a client may ask for: the wire format of a session, the same for single requests and for every line of an import. */

export const maxSessionBytes = 64 * 1024;
const maxContextBytes = 16 * 1024;
const maxContextDepth = 16;

const brokenText = /[\0\uFFFD]/;

/** Text that PostgreSQL can hold: no NUL, no half of a surrogate pair, and nothing that was broken in decoding. */
const isText = (text: string) => text.isWellFormed() && !brokenText.test(text);
const text = (maxLength: number) => textOf(1, maxLength).refine(isText, 'must be valid UTF-8 text without NUL');

/** A date beyond these is a mistake, and PostgreSQL and JavaScript disagree about such years. */
const instant = z.iso
  .datetime({ offset: true, error: 'must be an instant in ISO 8601 with a zone, such as 2030-01-31T09:00:00Z' })
  .refine((value) => Date.parse(value) > 0 && Date.parse(value) < Date.UTC(2200, 0), 'must lie between 1970 and 2200');

/** A JSON object, kept as it came. */
const context = z
  .custom<Readonly<Record<string, unknown>>>(
    (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
    'must be a JSON object',
  )
  .superRefine((value, refinement) => {
    const problem = contextProblem(value);
    if (problem !== undefined) refinement.addIssue({ code: 'custom', message: problem });
  });

export const sessionRequest = z.strictObject({
  class: text(40).optional(),
  direction: z.enum(['Inbound', 'Outbound']),
  customer: z.strictObject({ number: textOf(1, 40), name: text(200).optional() }),
  project: text(40).optional(),
  labels: z
    .record(z.string(), z.string())
    .pipe(labels.refine((map) => Object.values(map).every(isText), 'must hold valid UTF-8 text without NUL'))
    .default({}),
  context: context.optional(),
  score: z.int().min(-1_000).max(1_000).default(0),
  notBefore: instant.optional(),
  expiresAt: instant.optional(),
  idempotencyKey: text(200).optional(),
});
export type SessionRequest = z.infer<typeof sessionRequest>;

/** Lines of an import are outbound unless they say otherwise. */
export const importedSession = sessionRequest.extend({ direction: sessionRequest.shape.direction.default('Outbound') });

/** What was asked for, or the first thing that is wrong with it and the dotted path of its field. The value itself is never repeated. */
export type Asked<T> =
  | { readonly ok: true; readonly data: T }
  | { readonly ok: false; readonly issue: { readonly field: string; readonly detail: string } };

/** Checks what a client sent against its schema. */
export function parseAsked<T>(schema: z.ZodType<T>, value: unknown): Asked<T> {
  const parsed = schema.safeParse(value, { error: wording });
  return parsed.success ? { ok: true, data: parsed.data } : { ok: false, issue: firstIssue(parsed.error) };
}

function firstIssue(error: z.ZodError): { readonly field: string; readonly detail: string } {
  const issue = error.issues[0];
  if (issue === undefined) return { field: wholeBody, detail: 'cannot be read' };
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') {
    const key = issue.keys[0]?.slice(0, 63) ?? '';
    return { field: [...path, key].join('.') || wholeBody, detail: 'is not known here: leave it out' };
  }
  const detail = issue.code === 'invalid_key' ? (issue.issues[0]?.message ?? issue.message) : issue.message;
  return { field: path.join('.') || wholeBody, detail };
}

/** The name of what has no field of its own. */
const wholeBody = 'body';

/** Looks at every value without recursion: the depth of what comes from outside must not become ours. */
function contextProblem(root: object): string | undefined {
  const waiting: { readonly value: unknown; readonly depth: number }[] = [{ value: root, depth: 1 }];
  for (let item = waiting.pop(); item !== undefined; item = waiting.pop()) {
    const { value, depth } = item;
    if (typeof value === 'string' && !isText(value)) return 'must hold valid UTF-8 text without NUL';
    if (typeof value !== 'object' || value === null) continue;
    if (depth > maxContextDepth) return `must not be nested deeper than ${maxContextDepth} levels`;
    for (const [key, inner] of Object.entries(value)) {
      if (!isText(key)) return 'must have names of valid UTF-8 text without NUL';
      waiting.push({ value: inner, depth: depth + 1 });
    }
  }
  return Buffer.byteLength(JSON.stringify(root)) > maxContextBytes ? `must be ${maxContextBytes} bytes of JSON at most` : undefined;
}
