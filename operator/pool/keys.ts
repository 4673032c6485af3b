/** `namespace/name` of a pool's object: what the work queue goes by. */
export type ObjectKey = string;

export function objectKeyOf(namespace: string, name: string): ObjectKey {
  return `${namespace}/${name}`;
}

export function namespaceOf(key: ObjectKey): string {
  return key.slice(0, key.indexOf('/'));
}
