import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { z } from 'zod';

/**
 * Writes `vapi.generated.json`, the part of the provider's published description that the simulator judges by: names, types, enums and bounds of
 * the schemas in use, as JSON Schema. Everything else that these refer to stays open and is listed by name under `open`.
 *
 *     npm run generate -- --openapi FILE [--date 2026-08-19]
 */

/** Schemas kept in full. A schema that is not named here is accepted as any value of its declared type. */
const kept = [
  'Call',
  'CallBatchResponse',
  'CallBatchError',
  'CreateCallDTO',
  'CreateCustomerDTO',
  'AssistantOverrides',
  'SubscriptionLimits',
  'Server',
  'BackoffPlan',
  'TransportConfigurationTwilio',
  'MonitorPlan',
  'ServerMessageAssistantRequest',
  'ServerMessageStatusUpdate',
  'ServerMessageEndOfCallReport',
  'ServerMessageResponseAssistantRequest',
  'TransferDestinationNumber',
  'TransferDestinationSip',
  'Monitor',
  'Analysis',
  'Artifact',
  'PerformanceMetrics',
  'TurnLatency',
  'Compliance',
  'CostBreakdown',
  'AnalysisCostBreakdown',
  'TransportCost',
  'TranscriberCost',
  'ModelCost',
  'VoiceCost',
  'VapiCost',
  'UserMessage',
  'BotMessage',
  'SystemMessage',
  'Assistant',
  'TwilioPhoneNumber',
  'CreateTwilioPhoneNumberDTO',
] as const;

/** Requests whose query parameters are kept, as one object schema each, named like `GET /call`. */
const keptQueries = ['/call', '/assistant', '/phone-number'] as const;

/**
 * Fields that are in the provider's documentation or answers but not in its description. `GET` of a call and creations carry `subscriptionLimits`;
 * the other two are request fields.
 */
const documentedElsewhere: Readonly<Record<string, Readonly<Record<string, object>>>> = {
  CreateCallDTO: { phoneCallProviderBypassEnabled: { type: 'boolean' } },
  AssistantOverrides: { silenceTimeoutSeconds: { type: 'number', minimum: 5, maximum: 3600 } },
  Call: { subscriptionLimits: { $ref: '#/definitions/SubscriptionLimits' } },
};

/** Enums longer than this stand once, under a name of their own. */
const sharedEnumLength = 100;

const json = z.record(z.string(), z.unknown());
const description = z.object({
  info: z.object({ title: z.string(), version: z.string() }),
  paths: z.record(z.string(), z.object({ get: z.object({ parameters: z.array(json).default([]) }).optional() })),
  components: z.object({ schemas: z.record(z.string(), json) }),
});
type Description = z.infer<typeof description>;
type Json = Readonly<Record<string, unknown>>;

const copied = ['minimum', 'maximum', 'minLength', 'maxLength', 'minItems', 'maxItems', 'pattern', 'required', 'format'] as const;

class Extraction {
  readonly #source: Description;
  readonly definitions: Record<string, Json> = {};
  readonly open = new Set<string>();
  readonly corrections = new Set<string>();
  readonly #sharedEnums = new Map<string, string>();

  constructor(source: Description) {
    this.#source = source;
  }

  keep(name: string): void {
    const source = this.#source.components.schemas[name];
    if (source === undefined) throw new Error(`The description has no schema ${name}; take it out of the list of kept schemas.`);
    const schema = this.#schema(source, name);
    const properties = { ...asJson(schema['properties']), ...documentedElsewhere[name] };
    this.definitions[name] = { ...schema, properties, additionalProperties: false };
  }

  keepQuery(path: string): void {
    const parameters = this.#source.paths[path]?.get?.parameters;
    if (parameters === undefined) throw new Error(`The description has no GET ${path}.`);
    const properties: Record<string, Json> = {};
    for (const parameter of parameters) {
      if (parameter['in'] !== 'query') continue;
      const name = String(parameter['name']);
      properties[name] = this.#schema(asJson(parameter['schema']), `GET ${path} ${name}`);
    }
    this.definitions[`GET ${path}`] = { type: 'object', properties, additionalProperties: false };
  }

  #schema(source: Json, at: string): Json {
    const alternatives = source['oneOf'] ?? source['anyOf'];
    if (Array.isArray(alternatives)) return this.#alternatives(alternatives.map(asJson), at);
    if (Array.isArray(source['allOf'])) return this.#schema(asJson(source['allOf'][0]), at);
    if (typeof source['$ref'] === 'string') return this.#reference(source['$ref']);
    return this.#plain(source, at);
  }

  /** `anyOf`, because open alternatives overlap: exactly-one would refuse what is right. Beside kept schemas, open ones would let everything in. */
  #alternatives(alternatives: readonly Json[], at: string): Json {
    const inUse = alternatives.filter((each) => typeof each['$ref'] === 'string' && isKept(nameIn(each['$ref'])));
    const chosen = inUse.length > 0 ? alternatives.filter((each) => each['$ref'] === undefined || inUse.includes(each)) : alternatives;
    return { anyOf: chosen.map((each, index) => this.#schema(each, `${at}/${index}`)) };
  }

  #plain(source: Json, at: string): Json {
    const schema: Record<string, unknown> = {};
    const type = this.#type(source, at);
    if (type !== undefined) schema['type'] = source['nullable'] === true ? [type, 'null'] : type;
    for (const key of copied) if (source[key] !== undefined) schema[key] = source[key];
    // The format says what the lengths and patterns do not, but only for instants; other formats are not checked by the provider either.
    if (schema['format'] !== 'date-time' && schema['format'] !== 'uuid') delete schema['format'];
    if (Array.isArray(source['enum']) && type !== 'array') Object.assign(schema, this.#enumeration(source['enum'], at));
    if (source['items'] !== undefined) schema['items'] = this.#schema(asJson(source['items']), `${at}[]`);
    if (source['properties'] !== undefined) {
      schema['properties'] = Object.fromEntries(
        Object.entries(asJson(source['properties'])).map(([name, each]) => [name, this.#schema(asJson(each), `${at}.${name}`)]),
      );
    }
    return schema;
  }

  /** The generator of the published description writes `object` where it means the type of the enumerated values, or of numbers. */
  #type(source: Json, at: string): unknown {
    const values = source['enum'];
    if (source['type'] === 'object' && Array.isArray(values) && values.every((value) => typeof value === 'string')) {
      this.corrections.add(`${at}: object with string values is a string`);
      return 'string';
    }
    if (at === 'BackoffPlan.excludedStatusCodes[]') {
      this.corrections.add(`${at}: object is a number, as its example shows`);
      return 'number';
    }
    return source['type'];
  }

  #enumeration(values: readonly unknown[], at: string): Json {
    const distinct = [...new Set(values)];
    if (distinct.length <= sharedEnumLength) return { enum: distinct };
    const key = JSON.stringify(distinct);
    const known = this.#sharedEnums.get(key);
    if (known !== undefined) return { $ref: `#/definitions/${known}` };
    const name = `${at.split('.').at(-1) ?? at} (values)`;
    this.#sharedEnums.set(key, name);
    this.definitions[name] = { type: 'string', enum: distinct };
    return { $ref: `#/definitions/${name}` };
  }

  #reference(reference: string): Json {
    const name = nameIn(reference);
    if (isKept(name)) return { $ref: `#/definitions/${name}` };
    this.open.add(name);
    const type = this.#source.components.schemas[name]?.['type'];
    return typeof type === 'string' ? { type } : {};
  }
}

function nameIn(reference: string): string {
  return reference.replace('#/components/schemas/', '');
}

function isKept(name: string): boolean {
  return kept.some((each) => each === name);
}

function asJson(value: unknown): Json {
  return value === undefined ? {} : json.parse(value);
}

/** The extract of one published description, as it is written to disk. */
export function extract(text: string, date: string): object {
  const source = description.parse(JSON.parse(text));
  const extraction = new Extraction(source);
  for (const name of kept) extraction.keep(name);
  for (const path of keptQueries) extraction.keepQuery(path);
  return {
    source: {
      title: `${source.info.title} ${source.info.version}, the published OpenAPI description`,
      date,
      sha256: createHash('sha256').update(text).digest('hex'),
    },
    corrections: [...extraction.corrections].sort(),
    documentedElsewhere: Object.entries(documentedElsewhere).flatMap(([schema, fields]) =>
      Object.keys(fields).map((field) => `${schema}.${field}`),
    ),
    open: [...extraction.open].sort(),
    definitions: extraction.definitions,
  };
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { openapi: { type: 'string' }, date: { type: 'string' } } });
  if (values.openapi === undefined) {
    process.stderr.write('the simulator keeps the description of the provider that it has: --openapi FILE reads a newer one\n');
    return;
  }
  const date = values.date ?? new Date().toISOString().slice(0, 10);
  const text = await readFile(values.openapi, 'utf8');
  await writeFile(new URL('vapi.generated.json', import.meta.url), `${JSON.stringify(extract(text, date), null, 1)}\n`);
}

if (import.meta.main) await main();
