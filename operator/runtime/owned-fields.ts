import { z } from 'zod';
import { quantityInBillionths } from './quantity.ts';

/**
 * Whether applying an object would change anything, told from the object alone, so that an unchanged one costs no request.
 *
 * The API server writes down which fields each manager owns. Nothing changes when we own exactly the fields that we want and each has the value that we
 * want. Fields of others, and defaults that the server fills in, do not matter. Values that Kubernetes treats as a whole (a selector, a field reference)
 * are compared as a whole: spell out the defaults inside them.
 */

const fields: z.ZodType<FieldSet> = z.lazy(() => z.record(z.string(), fields));
type FieldSet = { readonly [step: string]: FieldSet };

const managed = z.object({
  metadata: z.object({
    managedFields: z
      .array(
        z.object({
          manager: z.string().default(''),
          operation: z.string().default(''),
          subresource: z.string().default(''),
          fieldsV1: fields.default({}),
        }),
      )
      .default([]),
  }),
});

export type Owner = { readonly manager: string; readonly subresource: '' | 'status' };

/** What every applied object names to be found; nobody owns it. */
const identity = { apiVersion: true, kind: true } as const;
const identityInMetadata: readonly string[] = ['name', 'namespace'];

/** Whether `desired`, as it would be applied by this manager, differs from what it owns in `live`. */
export function ownedFieldsDiffer(desired: Readonly<Record<string, unknown>>, live: unknown, owner: Owner): boolean {
  const { success, data } = managed.safeParse(live);
  if (!success || !isObject(live)) return true;
  const ours = data.metadata.managedFields.find(
    ({ manager, operation, subresource }) => manager === owner.manager && operation === 'Apply' && subresource === owner.subresource,
  );
  if (ours === undefined) return true;
  return !sameFields(ours.fieldsV1, withoutIdentity(desired), live, '');
}

function withoutIdentity(desired: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const own = Object.entries(desired).filter(([name]) => !Object.hasOwn(identity, name));
  return Object.fromEntries(
    own.flatMap(([name, value]) => {
      if (name !== 'metadata' || !isObject(value)) return [[name, value]];
      const rest = Object.entries(value).filter(([key]) => !identityInMetadata.includes(key));
      return rest.length === 0 ? [] : [[name, Object.fromEntries(rest)]];
    }),
  );
}

/** `parent` is the name of the field that holds these: it tells what is a quantity. */
function sameFields(owned: FieldSet, desired: unknown, live: unknown, parent: string): boolean {
  const steps = Object.entries(owned).filter(([step]) => step !== '.');
  if (steps.length === 0) return sameValue(desired, live, parent);
  if (Array.isArray(desired) && Array.isArray(live)) return sameElements(steps, desired, live, parent);
  if (!isObject(desired) || !isObject(live)) return false;

  const wanted = Object.keys(desired).filter((name) => desired[name] !== undefined);
  if (!wanted.every((name) => Object.hasOwn(owned, `f:${name}`))) return false;
  return steps.every(([step, inner]) => {
    const name = step.slice(2);
    return step.startsWith('f:') && wanted.includes(name) && sameFields(inner, desired[name], live[name], quantityParent(name, parent));
  });
}

/** Elements of a list are found by their keys (`k:`) or are their own key (`v:`). Each of ours is wanted, and none is wanted beside them. */
function sameElements(
  steps: readonly (readonly [string, FieldSet])[],
  desired: readonly unknown[],
  live: readonly unknown[],
  parent: string,
): boolean {
  if (steps.length !== desired.length) return false;
  return steps.every(([step, inner]) => {
    if (step.startsWith('v:')) {
      const value = step.slice(2);
      return [desired, live].every((list) => list.some((element) => JSON.stringify(element) === value));
    }
    if (!step.startsWith('k:')) return false;
    const keys: unknown = JSON.parse(step.slice(2));
    if (!isObject(keys)) return false;
    // A key with a default, such as a port's protocol, may be left out of what is applied; then it is owned all the same.
    const wanted = desired.find((element) => hasKeys(element, keys, 'or-lacks'));
    const found = live.find((element) => hasKeys(element, keys, 'has'));
    if (!isObject(wanted) || found === undefined) return false;
    return sameFields(inner, { ...pickOwned(keys, inner), ...wanted }, found, parent);
  });
}

function hasKeys(element: unknown, keys: Readonly<Record<string, unknown>>, how: 'has' | 'or-lacks'): boolean {
  if (!isObject(element)) return false;
  return Object.entries(keys).every(([name, value]) => element[name] === value || (how === 'or-lacks' && element[name] === undefined));
}

function pickOwned(keys: Readonly<Record<string, unknown>>, owned: FieldSet): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(keys).filter(([name]) => Object.hasOwn(owned, `f:${name}`)));
}

const quantityMaps: readonly string[] = ['limits', 'requests', 'hard', 'capacity'];
const quantityFields: readonly string[] = ['sizeLimit', 'divisor'];

/** Amounts lie in maps such as `resources.limits`, whose keys are names of resources. */
function quantityParent(name: string, parent: string): string {
  return quantityMaps.includes(parent) ? parent : name;
}

function sameValue(desired: unknown, live: unknown, field: string): boolean {
  if (Array.isArray(desired) && Array.isArray(live))
    return desired.length === live.length && desired.every((element, index) => sameValue(element, live[index], field));
  if (isObject(desired) && isObject(live)) {
    const names = new Set([...Object.keys(desired), ...Object.keys(live)]);
    return [...names].every((name) => sameValue(desired[name], live[name], quantityParent(name, field)));
  }
  if (desired === live) return true;
  return (quantityMaps.includes(field) || quantityFields.includes(field)) && sameQuantity(desired, live);
}

function sameQuantity(desired: unknown, live: unknown): boolean {
  const [one, other] = [quantityInBillionths(`${desired}`), quantityInBillionths(`${live}`)];
  return one !== undefined && one === other;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
