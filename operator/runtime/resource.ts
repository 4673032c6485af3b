/** Kinds of objects by their place in the API, and paths of them. */
export type Resource = {
  /** Such as `apps/v1`; `v1` for the core group. */
  readonly apiVersion: string;
  /** Such as `deployments`. */
  readonly plural: string;
};

/** Path of all objects of a kind, in a namespace or everywhere. */
export function listPath({ apiVersion, plural }: Resource, namespace?: string): string {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  return namespace === undefined ? `${root}/${plural}` : `${root}/namespaces/${encodeURIComponent(namespace)}/${plural}`;
}

/** Path of one object, which need not exist. */
export function objectPath(resource: Resource, namespace: string | undefined, name: string): string {
  return `${listPath(resource, namespace)}/${encodeURIComponent(name)}`;
}
