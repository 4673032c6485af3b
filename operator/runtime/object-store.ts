import { type ObjectKey, type Version, versionOf } from './object-meta.ts';

/** What is kept of the objects of a kind, by key, and the version of each, which tells whether a list brings anything new. */
export type Store<Kept> = {
  readonly get: (key: ObjectKey) => Kept | undefined;
  readonly keys: () => IterableIterator<ObjectKey>;
  readonly size: () => number;
  readonly set: (version: Version, object: unknown) => void;
  readonly delete: (version: Version) => void;
  /** A complete copy in the making. Nothing is seen of it until it is complete; then what is not in it is gone. */
  readonly beginCopy: () => { readonly add: (object: unknown) => void; readonly complete: () => void };
};

type Entry<Kept> = { readonly resourceVersion: string; readonly kept: Kept };

export function openStore<Kept>(what: {
  /** `before`: what is kept of its last version. */
  readonly keep: (object: unknown, before: Kept | undefined) => Kept;
  readonly onChange: (key: ObjectKey) => void;
  readonly onError: (error: unknown) => void;
}): Store<Kept> {
  let entries = new Map<ObjectKey, Entry<Kept>>();

  /** Undefined when the caller cannot read it: one object that nobody understands must not hide the others. */
  function entryOf({ key, resourceVersion }: Version, object: unknown): Entry<Kept> | undefined {
    try {
      return { resourceVersion, kept: what.keep(object, entries.get(key)?.kept) };
    } catch (error) {
      what.onError(error);
      return undefined;
    }
  }

  function put(into: Map<ObjectKey, Entry<Kept>>, version: Version, object: unknown): void {
    const before = entries.get(version.key);
    const entry = before?.resourceVersion === version.resourceVersion ? before : entryOf(version, object);
    if (entry === undefined) into.delete(version.key);
    else into.set(version.key, entry);
  }

  return {
    get: (key) => entries.get(key)?.kept,
    keys: () => entries.keys(),
    size: () => entries.size,
    set: (version, object) => {
      put(entries, version, object);
      what.onChange(version.key);
    },
    delete: ({ key }) => {
      entries.delete(key);
      what.onChange(key);
    },
    beginCopy: () => {
      const copy = new Map<ObjectKey, Entry<Kept>>();
      return {
        add: (object) => put(copy, versionOf(object), object),
        complete: () => {
          const before = entries;
          entries = copy;
          for (const [key, entry] of copy) if (before.get(key) !== entry) what.onChange(key);
          for (const key of before.keys()) if (!copy.has(key)) what.onChange(key);
        },
      };
    },
  };
}
