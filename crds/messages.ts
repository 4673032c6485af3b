import { z } from 'zod';
import { nearest } from './suggest.ts';
import { alternatives, bare, fieldsOf, schemasAt } from './walk.ts';

/** What the schema finds wrong, in words for the person who wrote the manifest. The value itself is never repeated: it may be a secret. */

export type FieldProblem = {
  readonly path: readonly (string | number)[];
  /** Whether the field should not be there, or its value should be another. */
  readonly about: 'field' | 'value';
  readonly message: string;
};

/** Parses a value and explains every finding, or returns what was parsed. */
export function parseExplained<S extends z.ZodType>(
  schema: S,
  value: unknown,
): { readonly ok: true; readonly value: z.output<S> } | { readonly ok: false; readonly problems: readonly FieldProblem[] } {
  const parsed = schema.safeParse(value, { error: wording });
  if (parsed.success) return { ok: true, value: parsed.data };
  return { ok: false, problems: firstOfEachField(parsed.error.issues.flatMap((issue) => explain(issue, [], schema))) };
}

/** A field that is wrong in several ways is told once: mending the first usually mends the rest. */
function firstOfEachField(problems: readonly FieldProblem[]): readonly FieldProblem[] {
  const told = new Map<string, FieldProblem>();
  for (const problem of problems) {
    const field = JSON.stringify(problem.path);
    if (!told.has(field)) told.set(field, problem);
  }
  return [...told.values()];
}

type Issue = z.core.$ZodIssue;
type Path = FieldProblem['path'];

function explain(issue: Issue, base: Path, root: z.ZodType): readonly FieldProblem[] {
  const path = [...base, ...issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step))];
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({ path: [...path, key], about: 'field', message: strangeField(key, root, path) }));
    case 'invalid_union':
      return explainUnion(issue, path, root);
    case 'invalid_key':
    case 'invalid_element':
      return [{ path, about: 'value', message: issue.issues[0]?.message ?? issue.message }];
    default:
      return [{ path, about: 'value', message: issue.message }];
  }
}

/** The alternative that was probably meant speaks for the union; where none stands out, the alternatives are named. */
function explainUnion(issue: Extract<Issue, { code: 'invalid_union' }>, path: Path, root: z.ZodType): readonly FieldProblem[] {
  if (issue.discriminator !== undefined) return [{ path, about: 'value', message: `must be one of ${literalsAt(root, path).join(', ')}` }];
  const byMisses = issue.errors.map((errors) => ({ errors, misses: errors.filter((error) => misses(error)).length }));
  const least = Math.min(...byMisses.map((one) => one.misses));
  const meant = byMisses.filter((one) => one.misses === least);
  const [only] = meant;
  if (only !== undefined && meant.length === 1) return only.errors.flatMap((error) => explain(error, path, root));

  const known = knownAt(root, path);
  const strangers = unknownKeys(issue, known);
  if (strangers.length > 0) return strangers.map((key) => ({ path: [...path, key], about: 'field', message: unknownField(key, known) }));
  const choices = schemasAt(root, path)
    .flatMap(alternatives)
    .map((option) => fieldsOf(option).map(({ name }) => name));
  if (choices.length > 1) return [{ path, about: 'value', message: `must have exactly one of ${firstOfEach(choices).join(', ')}` }];
  return [{ path, about: 'value', message: issue.message }];
}

/** Whether a finding says that another alternative was meant: a field it does not know, or one of its own that is missing. */
function misses(issue: Issue): boolean {
  return issue.code === 'unrecognized_keys' || (issue.code === 'invalid_type' && issue.message === required) || issue.path.length === 0;
}

function unknownKeys(issue: Extract<Issue, { code: 'invalid_union' }>, known: readonly string[]): readonly string[] {
  const keys = issue.errors.flatMap((errors) => errors.flatMap((error) => (error.code === 'unrecognized_keys' ? error.keys : [])));
  return [...new Set(keys)].filter((key) => !known.includes(key));
}

/** The field that tells an alternative from the others. */
function firstOfEach(choices: readonly (readonly string[])[]): readonly string[] {
  return choices.flatMap((fields) => fields.find((field) => choices.filter((other) => other.includes(field)).length === 1) ?? []);
}

function literalsAt(root: z.ZodType, path: Path): readonly string[] {
  return schemasAt(root, path)
    .flatMap(alternatives)
    .flatMap((schema) => (schema instanceof z.ZodLiteral ? [...schema.values].map(String) : []));
}

function knownAt(root: z.ZodType, path: Path): readonly string[] {
  return [...new Set(schemasAt(root, path).flatMap((schema) => fieldsOf(schema).map(({ name }) => name)))];
}

/** A field that is not one here: unknown, or one of another alternative. */
function strangeField(key: string, root: z.ZodType, path: Path): string {
  const options = schemasAt(root, path).flatMap(alternatives);
  const having = options.filter((option) => fieldsOf(option).some(({ name }) => name === key));
  if (having.length === 0) return unknownField(key, knownAt(root, path));
  return `goes with ${having.flatMap((option) => markOf(option, options)).join(' or ')} only`;
}

/** What tells an alternative from the others: the value of a field that each has, or a field that it alone has. */
function markOf(option: z.ZodType, options: readonly z.ZodType[]): readonly string[] {
  for (const { name, schema } of fieldsOf(option)) {
    const inner = bare(schema);
    if (inner instanceof z.ZodLiteral) return [`${name} ${[...inner.values].join(' or ')}`];
  }
  return firstOfEach([option, ...options.filter((other) => other !== option)].map((one) => fieldsOf(one).map(({ name }) => name))).slice(
    0,
    1,
  );
}

function unknownField(key: string, known: readonly string[]): string {
  const near = nearest(key, known);
  if (near !== undefined) return `is not a field here; did you mean ${near}?`;
  return `is not a field here; the fields are ${known.join(', ')}`;
}

const required = 'is required';

/** Words for findings that a schema has no words of its own for; also for what comes in through the intake. */
export const wording: z.core.$ZodErrorMap = (issue) => {
  switch (issue.code) {
    case 'invalid_type':
      return wrongType(issue.expected, issue.input);
    case 'too_small':
      return bound('at least', issue.origin, issue.minimum);
    case 'too_big':
      return bound('at most', issue.origin, issue.maximum);
    case 'invalid_value':
      return wrongValue(issue.values, issue.input);
    case 'invalid_union':
      return 'fits none of the forms it may have';
    default:
      return undefined;
  }
};

function wrongType(expected: string, input: unknown): string {
  if (input === undefined) return required;
  if (input === null) return `must be ${kinds[expected] ?? expected}, but is empty`;
  if (expected === 'string' && (typeof input === 'number' || typeof input === 'boolean')) {
    return `must be a text, but is read as ${kindOf(input)}: put it in quotes`;
  }
  if (expected === 'number' && typeof input === 'string' && /^-?\d+(\.\d+)?$/.test(input))
    return 'must be a number, but is a text: drop the quotes';
  if (Number.isNaN(input)) return `must be ${kinds[expected] ?? expected}`;
  return `must be ${kinds[expected] ?? expected}, but is ${kindOf(input)}`;
}

const kinds: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping of fields',
  record: 'a mapping of names to values',
};

function kindOf(input: unknown): string {
  if (Array.isArray(input)) return 'a list';
  if (typeof input === 'object') return 'a mapping';
  if (typeof input === 'number') return Number.isInteger(input) ? 'a whole number' : 'a number with decimals';
  return kinds[typeof input] ?? typeof input;
}

function bound(relation: string, origin: string, limit: number | bigint): string {
  if (origin === 'string')
    return relation === 'at least' && Number(limit) === 1 ? 'must not be empty' : `must have ${relation} ${limit} characters`;
  if (origin === 'array') return `must have ${relation} ${limit} ${Number(limit) === 1 ? 'entry' : 'entries'}`;
  return `must be ${relation} ${limit}`;
}

function wrongValue(values: readonly unknown[], input: unknown): string {
  if (input === undefined) return required;
  const known = values.map(String);
  const near = typeof input === 'string' ? nearest(input, known) : undefined;
  const choice = known.length === 1 ? `must be ${known.join('')}` : `must be one of ${known.join(', ')}`;
  return near === undefined || known.length === 1 ? choice : `${choice}; did you mean ${near}?`;
}
