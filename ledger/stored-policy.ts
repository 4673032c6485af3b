import { z } from 'zod';
import { type PoolSpec, poolSpec } from '../crds/pool.ts';
import { pathText } from '../crds/rules.ts';

/** A policy in the ledger is one that this release cannot read. If it is the newest, the last one that can be read stays in force. */
export class PolicyUnreadable extends Error {
  override readonly name = 'PolicyUnreadable';
}

/** A declaration as far as this release knows it, and the fields that it does not: a newer release wrote them. */
export type ReadSpec = { readonly spec: PoolSpec; readonly ignored: readonly string[] };

type Path = readonly PropertyKey[];

const storedClasses = z.looseObject({ classes: z.array(z.looseObject({})) });
const emptySelector = z.strictObject({ matchLabels: z.strictObject({}) });

/** Fields within a field that is unknown are gone with it; alternatives within alternatives come one after the other. */
const maxPasses = 5;

/**
 * Reads what is stored of a declaration. While a release is rolled out, newer and older processes read the same policies: what an older one does not know,
 * it leaves out, and does without.
 */
export function readStored(stored: unknown, what: string): ReadSpec | PolicyUnreadable {
  const ignored: string[] = [];
  let known = withoutEmptyFroms(stored);
  for (let pass = 1; ; pass += 1) {
    const parsed = poolSpec.safeParse(known);
    if (parsed.success) return { spec: parsed.data, ignored };
    const unknown = unknownFields(parsed.error.issues, []);
    if (unknown.length === 0 || pass === maxPasses) {
      const [issue] = parsed.error.issues;
      return new PolicyUnreadable(`${what}: ${textOf(issue?.path ?? [])} ${issue?.message ?? 'unreadable'}`);
    }
    ignored.push(...unknown.map(textOf));
    known = unknown.reduce(without, known);
  }
}

/** Of alternatives, the one is meant that complains of nothing but fields that it does not know. */
function unknownFields(issues: readonly z.core.$ZodIssue[], at: Path): readonly Path[] {
  return issues.flatMap((issue) => {
    const path = [...at, ...issue.path];
    if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => [...path, key]);
    if (issue.code !== 'invalid_union') return [];
    const meant = issue.errors.find((errors) => errors.length > 0 && errors.every(({ code }) => code === 'unrecognized_keys'));
    return meant === undefined ? [] : unknownFields(meant, path);
  });
}

function without(value: unknown, path: Path): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return value;
  if (Array.isArray(value)) return value.map((entry: unknown, index) => (index === step ? without(entry, rest) : entry));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, field]) => {
      if (name !== step) return [[name, field]];
      return rest.length === 0 ? [] : [[name, without(field, rest)]];
    }),
  );
}

function textOf(path: Path): string {
  return pathText(path.map((step) => (typeof step === 'symbol' ? String(step) : step)));
}

/** An empty `from` means none, and was once stored with every class by default: those of kind Inbound are refused with one now. */
function withoutEmptyFroms(stored: unknown): unknown {
  const known = storedClasses.safeParse(stored);
  if (!known.success) return stored;
  const classes = known.data.classes.map(({ from, ...others }) =>
    from === undefined || emptySelector.safeParse(from).success ? others : { ...others, from },
  );
  return { ...known.data, classes };
}
