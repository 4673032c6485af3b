import { z } from 'zod';

/** What the runtime itself reads of an object. */
const meta = z.object({
  metadata: z.object({ name: z.string().min(1), namespace: z.string().optional(), resourceVersion: z.string().min(1) }),
});

/** `namespace/name`; the name alone where there are no namespaces. */
export type ObjectKey = string;

export type Version = { readonly key: ObjectKey; readonly resourceVersion: string };

export function versionOf(object: unknown): Version {
  const { metadata } = meta.parse(object);
  const key = metadata.namespace === undefined ? metadata.name : `${metadata.namespace}/${metadata.name}`;
  return { key, resourceVersion: metadata.resourceVersion };
}
