/**
 * What the schema says to an API server beside what zod says itself. It lies in the metadata of the schemas, where `structural.ts` finds it, under the
 * names that Kubernetes has for it.
 */

/** A rule in CEL, the language of API servers; `self` is the value that it stands at. The message is the one that zod gives. */
export type ServerRule = {
  readonly rule: string;
  readonly message: string;
  /** The field that mends it, from the value that the rule stands at. Default: that value. */
  readonly fieldPath?: string;
};

/** Rules that an API server checks at this value. */
export function rules(...all: readonly ServerRule[]): { readonly 'x-kubernetes-validations': readonly ServerRule[] } {
  return { 'x-kubernetes-validations': all };
}

/** A list whose entries differ in this field. Appliers own single entries then, not the whole list. */
export function keyedBy(field: string): {
  readonly 'x-kubernetes-list-type': 'map';
  readonly 'x-kubernetes-list-map-keys': readonly [string];
} {
  return { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': [field] };
}

/** A list in which no value stands twice. */
export const eachOnce = { 'x-kubernetes-list-type': 'set' } as const;
