import { readFileSync } from 'node:fs';
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';

/**
 * Judges requests and messages by the extract of the provider's published description (see extract.ts). Every schema is compiled once. What is
 * found is said by place and rule, never by value: values hold phone numbers and names.
 */

const judged = [
  'CreateCallDTO',
  'Call',
  'Assistant',
  'TwilioPhoneNumber',
  'ServerMessageAssistantRequest',
  'ServerMessageStatusUpdate',
  'ServerMessageEndOfCallReport',
  'ServerMessageResponseAssistantRequest',
  'GET /call',
  'GET /assistant',
  'GET /phone-number',
] as const;
export type Judged = (typeof judged)[number];

const instant = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/;
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const validators = compile();

/** What is wrong with a value, in the provider's way of wording it; empty when it conforms. At most ten findings. */
export function violationsOf(schema: Judged, value: unknown): readonly string[] {
  const validate = validators.get(schema);
  if (validate === undefined) throw new Error(`The extract holds no schema ${schema}.`);
  if (validate(value) === true) return [];
  return [...new Set((validate.errors ?? []).map(worded))].slice(0, 10);
}

/** Query parameters arrive as text; those that the description types as numbers are judged as numbers. */
export function queryOf(search: URLSearchParams): Readonly<Record<string, string | number>> {
  return Object.fromEntries(
    [...search].map(([name, text]) => [
      name,
      name === 'limit' && text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text,
    ]),
  );
}

function compile(): ReadonlyMap<Judged, ValidateFunction> {
  const extract: unknown = JSON.parse(readFileSync(new URL('vapi.generated.json', import.meta.url), 'utf8'));
  const ajv = new Ajv({
    allErrors: true,
    strict: false,
    formats: { 'date-time': (text: string) => instant.test(text) && Number.isFinite(Date.parse(text)), uuid },
  });
  ajv.addSchema({ ...(typeof extract === 'object' ? extract : {}), $id: 'vapi' });
  return new Map(judged.map((name) => [name, ajv.compile({ $ref: `vapi#/definitions/${encodeURIComponent(name)}` })]));
}

function worded(error: ErrorObject): string {
  const place = error.instancePath.slice(1).replaceAll('/', '.');
  if (error.keyword === 'additionalProperties') {
    const field: unknown = error.params['additionalProperty'];
    return `${place === '' ? '' : `${place}: `}property ${String(field)} should not exist`;
  }
  if (error.keyword === 'enum') return `${place} must be one of the documented values`;
  return `${place} ${error.message ?? error.keyword}`.trim();
}
