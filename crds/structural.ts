import { z } from 'zod';
import type { ServerRule } from './server.ts';

/**
 * The schema as an API server takes it: OpenAPI that is structural, so every field is declared once, at one place, with one type. zod writes it as JSON
 * Schema; what is done here is what that leaves out (rules, words for what bounds and defaults are) and what a structural schema forbids (alternatives).
 */

const serverRule = z.strictObject({ rule: z.string(), message: z.string(), fieldPath: z.string().optional() });

/** What zod writes of our schemas, and what they carry in their metadata. A keyword that is not here is refused, so that none gets lost unseen. */
const written = z.strictObject({
  type: z.enum(['object', 'array', 'string', 'integer', 'boolean']).optional(),
  description: z.string().optional(),
  form: z.string().optional(),
  default: z.json().optional(),
  enum: z.array(z.string()).optional(),
  format: z.string().optional(),
  pattern: z.string().optional(),
  minLength: z.int().optional(),
  maxLength: z.int().optional(),
  minimum: z.int().optional(),
  maximum: z.int().optional(),
  minItems: z.int().optional(),
  maxItems: z.int().optional(),
  maxProperties: z.int().optional(),
  required: z.array(z.string()).optional(),
  readOnly: z.boolean().optional(),
  get items() {
    return written.optional();
  },
  get properties() {
    return z.record(z.string(), written).optional();
  },
  get additionalProperties() {
    return z.union([z.literal(false), written]).optional();
  },
  get anyOf() {
    return z.array(written).optional();
  },
  get oneOf() {
    return z.array(written).optional();
  },
  'x-kubernetes-preserve-unknown-fields': z.literal(true).optional(),
  'x-kubernetes-list-type': z.enum(['map', 'set']).optional(),
  'x-kubernetes-list-map-keys': z.array(z.string()).optional(),
  'x-kubernetes-validations': z.array(serverRule).optional(),
});

type Written = z.infer<typeof written>;

/** A structural schema: what zod writes, less what only zod knows. */
export type Structural = Omit<Written, 'form' | 'readOnly' | 'anyOf' | 'oneOf' | 'items' | 'properties' | 'additionalProperties'> & {
  readonly items?: Structural;
  readonly properties?: Readonly<Record<string, Structural>>;
  readonly additionalProperties?: Structural;
};

/** The structural schema of what a zod schema takes in. A type of our own says in its metadata what it is for an API server. */
export function structuralOf(schema: z.ZodType): Structural {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { io: 'input', target: 'openapi-3.0', reused: 'inline', unrepresentable: 'any' });
  return structural(written.parse(json));
}

function structural(schema: Written): Structural {
  const { anyOf, oneOf, ...own } = schema;
  const alternatives = anyOf ?? oneOf;
  return alternatives === undefined ? declared(own) : declared({ ...own, ...merged(alternatives) });
}

function declared({ form, readOnly: _, items, properties, additionalProperties, ...rest }: Written): Structural {
  return {
    ...described(rest, boundsInWords(rest, form)),
    ...without(rest, 'description'),
    ...(items === undefined ? {} : { items: structural(items) }),
    ...(properties === undefined
      ? {}
      : { properties: Object.fromEntries(Object.entries(properties).map(([name, one]) => [name, structural(one)])) }),
    ...(additionalProperties === undefined || additionalProperties === false
      ? {}
      : { additionalProperties: structural(additionalProperties) }),
  };
}

/** The description with the bounds in words, before what it says itself of the default. */
function described({ description }: Written, bounds: readonly string[]): { readonly description?: string } {
  if (description === undefined) return bounds.length === 0 ? {} : { description: bounds.join(' ') };
  const [what, ...aboutDefault] = description.split(/ (?=Default)/);
  return { description: [what, ...bounds, ...aboutDefault].join(' ') };
}

/** `kubectl explain` shows neither bounds nor defaults, so the description says them. */
function boundsInWords(schema: Written, form: string | undefined): readonly string[] {
  const words: string[] = [];
  if (form !== undefined && /^(duration, |decimal |quantity, )/.test(form)) words.push(`A ${form}.`);
  if (
    schema.type === 'integer' &&
    schema.description !== undefined &&
    (schema.maximum ?? Number.MAX_SAFE_INTEGER) < Number.MAX_SAFE_INTEGER
  )
    words.push(`From ${schema.minimum ?? 0} to ${schema.maximum}.`);
  const value = schema.default;
  if (typeof value === 'string' && value !== '') words.push(`Default: ${value}.`);
  if (typeof value === 'number') words.push(`Default: ${value}.`);
  if (Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === 'string'))
    words.push(`Default: ${value.join(', ')}.`);
  return words;
}

/**
 * Alternatives as one object that has the fields of all, with rules that keep them apart. What only one alternative defaults has no default here: an
 * API server would fill it in where it must not stand. zod fills it in later.
 */
function merged(alternatives: readonly Written[]): Written {
  const names = [...new Set(alternatives.flatMap((one) => Object.keys(one.properties ?? {})))];
  const tag = names.find((name) => alternatives.every((one) => one.properties?.[name]?.enum?.length === 1));
  const fields = names.map((name): [string, Written] => [
    name,
    name === tag ? tagField(alternatives, name) : sharedField(alternatives, name),
  ]);
  const everywhere = names.filter((name) => alternatives.every((one) => one.required?.includes(name) === true));
  return {
    type: 'object',
    properties: Object.fromEntries(fields),
    ...(everywhere.length === 0 ? {} : { required: everywhere }),
    'x-kubernetes-validations': tag === undefined ? rulesByPresence(alternatives, names) : rulesByTag(alternatives, names, tag),
  };
}

function tagField(alternatives: readonly Written[], name: string): Written {
  const options = alternatives.flatMap((one) => one.properties?.[name] ?? []);
  const values = options.flatMap((one) => one.enum ?? []);
  const description = options.map((one) => `${one.enum?.[0]}: ${one.description}`).join(' ');
  return { type: 'string', description, enum: values };
}

function sharedField(alternatives: readonly Written[], name: string): Written {
  const having = alternatives.flatMap((one) => one.properties?.[name] ?? []);
  const [first] = having;
  if (first === undefined || having.some((other) => JSON.stringify(other) !== JSON.stringify(first)))
    throw new Error(`${name} differs between alternatives: a structural schema declares a field once`);
  if (having.length === alternatives.length) return first;
  return { ...without(first, 'default'), ...described(first, boundsInWords({ default: first.default }, undefined)) };
}

/** Alternatives that a field tells apart: each needs its own fields, and has none of the others'. */
function rulesByTag(alternatives: readonly Written[], names: readonly string[], tag: string): ServerRule[] {
  return names
    .filter((name) => name !== tag)
    .flatMap((name) => {
      const having = tagsOf(alternatives, tag, (one) => one.properties?.[name] !== undefined);
      const needing = tagsOf(alternatives, tag, (one) => one.required?.includes(name) === true);
      const rules: ServerRule[] = [];
      if (having.length < alternatives.length)
        rules.push({
          rule: `!has(self.${name}) || self.${tag} in [${having.map((value) => `'${value}'`).join(', ')}]`,
          message: `goes with ${having.map((value) => `${tag} ${value}`).join(' or ')} only`,
          fieldPath: `.${name}`,
        });
      if (needing.length > 0 && needing.length < alternatives.length)
        rules.push({
          rule: `!(self.${tag} in [${needing.map((value) => `'${value}'`).join(', ')}]) || has(self.${name})`,
          message: `${name} is required with ${needing.map((value) => `${tag} ${value}`).join(' or ')}`,
        });
      return rules;
    });
}

function tagsOf(alternatives: readonly Written[], tag: string, fits: (one: Written) => boolean): readonly string[] {
  return alternatives.filter(fits).flatMap((one) => one.properties?.[tag]?.enum ?? []);
}

/** Alternatives that their required field tells apart: exactly one of those is there, and what belongs to it only beside it. */
function rulesByPresence(alternatives: readonly Written[], names: readonly string[]): ServerRule[] {
  const keys = alternatives.map((one) => {
    const [key, another] = (one.required ?? []).filter((name) => alternatives.filter((other) => other.properties?.[name]).length === 1);
    if (key === undefined || another !== undefined) throw new Error('an alternative needs exactly one required field of its own');
    return key;
  });
  const rules: ServerRule[] = [
    {
      rule: `[${keys.map((key) => `has(self.${key})`).join(', ')}].exists_one(given, given)`,
      message: `must have exactly one of ${keys.join(', ')}`,
    },
  ];
  for (const name of names.filter((one) => !keys.includes(one))) {
    const beside = keys.filter((_, n) => alternatives[n]?.properties?.[name] !== undefined);
    if (beside.length === alternatives.length) continue;
    const rule = `!has(self.${name}) || ${beside.map((key) => `has(self.${key})`).join(' || ')}`;
    rules.push({ rule, message: `goes with ${beside.join(' or ')} only`, fieldPath: `.${name}` });
  }
  return rules;
}

function without<T extends object, K extends keyof T>(value: T, key: K): Omit<T, K> {
  const { [key]: _, ...rest } = value;
  return rest;
}
