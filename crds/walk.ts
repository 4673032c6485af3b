import { z } from 'zod';

/** Walks the pool's schema: what messages, the reference page and completeness checks have in common. */

/** A field of an object in the schema. */
export type SchemaField = { readonly name: string; readonly schema: z.ZodType };

/** The schema without `optional`, `default` and `readonly` around it. */
export function bare(schema: unknown): z.ZodType | undefined {
  if (!(schema instanceof z.ZodType)) return undefined;
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodReadonly) return bare(schema.unwrap());
  return schema;
}

/** The alternatives of a union; of anything else itself. */
export function alternatives(schema: unknown): readonly z.ZodType[] {
  const inner = bare(schema);
  if (inner === undefined) return [];
  return inner instanceof z.ZodUnion ? inner.options.flatMap(alternatives) : [inner];
}

/** Fields of an object; of a union of objects the fields of each alternative. Empty for what has no named fields. */
export function fieldsOf(schema: unknown): readonly SchemaField[] {
  return alternatives(schema).flatMap((option) =>
    option instanceof z.ZodObject
      ? Object.entries(option.shape).flatMap(([name, field]) => (field instanceof z.ZodType ? [{ name, schema: field }] : []))
      : [],
  );
}

/** What an array or a record holds. */
export function elementOf(schema: unknown): z.ZodType | undefined {
  const inner = bare(schema);
  if (inner instanceof z.ZodArray) return bare(inner.element);
  if (inner instanceof z.ZodRecord) return bare(inner.valueType);
  return undefined;
}

/** All schemas that a path may lead to; several where unions lie on the way. */
export function schemasAt(root: z.ZodType, path: readonly (string | number)[]): readonly z.ZodType[] {
  return path.reduce<readonly z.ZodType[]>((schemas, step) => schemas.flatMap((schema) => childrenAt(schema, step)), [root]);
}

function childrenAt(schema: z.ZodType, step: string | number): readonly z.ZodType[] {
  const element = elementOf(schema);
  if (element !== undefined) return [element];
  return fieldsOf(schema)
    .filter(({ name }) => name === step)
    .map((field) => field.schema);
}
