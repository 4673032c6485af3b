import { readFileSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { poolManifest } from './pool.ts';
import { poolStatus } from './status.ts';
import { alternatives, bare, elementOf, fieldsOf, type SchemaField } from './walk.ts';

/**
 * Writes the reference page of the pool's fields, `docs/reference/pool.md`, from the schema. With `--check` it writes nothing and exits 1 when the
 * page is stale.
 */

const page = new URL('../docs/reference/pool.md', import.meta.url);

/** Shapes that occur in many places and are explained once. */
const shared: Readonly<Record<string, string>> = {
  labels:
    'At most 16 pairs. A key has up to 63 letters, digits, `-`, `_` or `.`; a value up to 63 characters. Example: `{geo: us-west, client: acme}`.',
  selector: '`{matchLabels: {…}}`: every label given must be there with the same value. Empty selects everything.',
  secret:
    '`{name: …, key: …}`: the file `DIR/<name>/<key>` under `--secrets DIR`, the way Kubernetes mounts a Secret. Never the secret itself.',
};

/** The page as Markdown. */
export function referencePage(): string {
  const intro = [
    '# VoiceCapacityPool',
    '',
    '<!-- Generated from crds/ by `npm run generate`; do not edit. -->',
    '',
    'Every field of a pool. `[]` stands for an entry of a list. [trial.yaml](../../crds/samples/trial.yaml) is a small pool to start from,',
    '[full.yaml](../../crds/samples/full.yaml) uses every field. `trunkline validate FILE` checks a pool and says where a mistake lies.',
    '',
    'Durations are numbers with a unit up to hours, such as `500ms`, `30s`, `10m` or `1h30m`. Phone numbers are E.164 in quotes, such as `"+14155550100"`.',
    'Names are lower-case letters, digits and hyphens.',
    '',
    'In a cluster the same fields are the custom resource `voicecapacitypools.trunkline.dev`, short `vcp`, and `kubectl explain vcp.spec` says of them what stands',
    'here. There the object has a [status](#status) too, which the operator writes.',
    '',
  ];
  const values = Object.entries(shared).flatMap(([name, text]) => [`## ${name}`, '', text, '']);
  return [...intro, ...sections(poolManifest, ''), ...sections(poolStatus, 'status'), ...values].join('\n');
}

/** The table of an object's fields and, below it, those of the objects inside. Fields that are alternatives get a table each. */
function sections(schema: z.ZodType, path: string): readonly string[] {
  const options = alternatives(schema).map((option) => fieldsOf(option));
  const several = options.length > 1;
  return [
    `## ${path === '' ? 'manifest' : `\`${path}\``}`,
    '',
    ...(several ? ['One of these:', ''] : []),
    ...options.flatMap((fields) => [...table(fields), '']),
    ...options.flat().flatMap((field) => below(field, path)),
  ];
}

function below({ name, schema }: SchemaField, path: string): readonly string[] {
  if (formOf(schema) !== undefined) return [];
  const own = path === '' ? name : `${path}.${name}`;
  const element = elementOf(schema);
  if (element !== undefined) return fieldsOf(element).length > 0 ? sections(element, `${own}[]`) : [];
  return fieldsOf(schema).length > 0 ? sections(schema, own) : [];
}

function table(fields: readonly SchemaField[]): readonly string[] {
  return [
    '| field | value | default | |',
    '| --- | --- | --- | --- |',
    ...fields.map(
      ({ name, schema }) =>
        `| \`${name}\` | ${kindOf(schema)} | ${defaultOf(schema)} | ${(schema.meta()?.description ?? '').replaceAll('|', '\\|')} |`,
    ),
  ];
}

/** What a value looks like: its kind and its bounds. */
function kindOf(schema: z.ZodType): string {
  const form = formOf(schema);
  if (form !== undefined) return Object.hasOwn(shared, form) ? `[${form}](#${form})` : form;
  const inner = bare(schema);
  if (inner instanceof z.ZodLiteral) return [...inner.values].map((value) => `\`${value}\``).join(', ');
  if (inner instanceof z.ZodEnum) return inner.options.map((option) => `\`${option}\``).join(', ');
  if (inner instanceof z.ZodNumber) return `whole number, ${inner.minValue} to ${inner.maxValue}`;
  if (inner instanceof z.ZodString) return inner.maxLength === null ? 'text' : `text, up to ${inner.maxLength} characters`;
  if (inner instanceof z.ZodArray) return `list; ${entries(inner.element)}`;
  if (inner instanceof z.ZodRecord) return `map of names; ${entries(inner.valueType)}`;
  return 'fields below';
}

function entries(element: unknown): string {
  const kind = element instanceof z.ZodType ? kindOf(element) : '';
  return kind === 'fields below' ? kind : `each: ${kind}`;
}

function defaultOf(schema: z.ZodType): string {
  const parsed = schema.safeParse(undefined);
  if (!parsed.success) return '**required**';
  const value: unknown = parsed.data;
  if (value === undefined || (typeof value === 'object' && !Array.isArray(value))) return '';
  if (Array.isArray(value)) return value.every((one) => typeof one === 'string') ? value.map((one) => `\`${one}\``).join(', ') : '';
  return value === '' ? '' : `\`${value}\``;
}

/** `meta.form` of the schema or of what it wraps. */
function formOf(schema: unknown): string | undefined {
  if (!(schema instanceof z.ZodType)) return undefined;
  const form = schema.meta()?.['form'];
  if (typeof form === 'string') return form;
  const wrapper = schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodReadonly;
  return wrapper ? formOf(schema.unwrap()) : undefined;
}

if (import.meta.main) {
  const fresh = referencePage();
  if (!process.argv.includes('--check')) writeFileSync(page, fresh);
  else if (readFileSync(page, 'utf8') !== fresh) {
    process.stderr.write('docs/reference/pool.md is stale: run `npm run generate`\n');
    process.exitCode = 1;
  }
}
