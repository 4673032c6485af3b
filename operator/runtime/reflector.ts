import type { Api } from './api.ts';
import { hasAnswered, isRefusedWith, retryAfterMs } from './api-error.ts';
import { type Backoff, backoffMs } from './backoff.ts';
import { type Clock, type Random, sleep } from './clock.ts';
import { listObjects } from './list.ts';
import { openStore, type Store } from './object-store.ts';
import { type Change, watchOnce } from './watch.ts';

/**
 * Keeps a copy of all objects of a kind, as far as the caller keeps anything of them, and says which have changed. It lists once, then watches from
 * there; whatever breaks the watch, it opens another from the last version seen. Only a version that the server no longer has leads to another list,
 * which also finds what was deleted in between. While the API server is away, or refuses, the copy stays as it was.
 */
export type Reflector<Kept> = Pick<Store<Kept>, 'get' | 'keys' | 'size'> & {
  /** Resolves when the first list is complete; rejects with the signal's reason when it aborts before. */
  readonly listed: Promise<void>;
  /** When the API server was last heard, on the clock, with refusals: what liveness looks at, as another process would be refused as well. */
  readonly heardAtMs: () => number;
  /** Resolves after the signal has aborted and nothing runs any more. */
  readonly ended: Promise<void>;
};

export type Reflected<Kept> = {
  readonly path: string;
  /** Such as a labelSelector. */
  readonly query?: Readonly<Record<string, string>>;
  /**
   * What is kept of an object; the rest is dropped at once. `before`: what is kept of its last version. An object that it throws on stops nothing: it is
   * told, and not kept.
   */
  readonly keep: (object: unknown, before: Kept | undefined) => Kept;
  /** An object has come, changed or gone: look at it again. */
  readonly onChange: (key: string) => void;
  /** Told of every failure; nobody needs to act on it. */
  readonly onError: (error: unknown) => void;
};

export type ReflectorTimes = {
  readonly pageSize: number;
  /** For each page. Lists of a loaded server are slow: better late than begun anew. */
  readonly listTimeoutMs: number;
  /** How long a watch lasts before the server ends it, drawn anew each time, so that many watches do not end together. */
  readonly watchMs: readonly [least: number, most: number];
  /**
   * Silence that means a dead connection. Longer than any watch lasts: where nothing changes the API server sends nothing, bookmarks neither (measured:
   * the first after two minutes), so only the end that it was asked for is a sign of life to count on.
   */
  readonly idleMs: number;
  readonly backoff: Backoff;
};

export const usualTimes: ReflectorTimes = {
  pageSize: 250,
  listTimeoutMs: 60_000,
  watchMs: [60_000, 90_000],
  idleMs: 100_000,
  backoff: { firstMs: 500, longestMs: 30_000 },
};

/** A watch that ends sooner than this, with nothing in it, counts as a failure: a server that closes at once must not be asked in a loop. */
const shortWatchMs = 1_000;
/** After so many dead connections in a row a list, which has an answer, tells whether there is anybody. */
const silentWatchesUntilList = 2;

/** Where the copy stands: without a version it needs a list. */
type Position = { version: string | undefined; failures: number; silentWatches: number; expiredLists: number };

/** Starts reflecting, until the signal aborts. */
export function reflect<Kept>(
  api: Api,
  what: Reflected<Kept>,
  world: { readonly clock: Clock; readonly random: Random; readonly times?: ReflectorTimes },
  signal: AbortSignal,
): Reflector<Kept> {
  const { clock, random, times = usualTimes } = world;
  const store = openStore(what);
  const listed = Promise.withResolvers<void>();
  listed.promise.catch(() => undefined); // whoever waits for it hears of it; nobody has to wait
  const position: Position = { version: undefined, failures: 0, silentWatches: 0, expiredLists: 0 };
  let heardAtMs = clock.nowMs();

  function heard(): void {
    heardAtMs = clock.nowMs();
  }

  /** Only a watch that goes on says that all is well: a server may list, and refuse every watch. */
  function isWell(): void {
    heard();
    position.failures = 0;
  }

  async function list(): Promise<void> {
    const copy = store.beginCopy();
    const paging = position.expiredLists >= 2 ? 'one-piece' : { pageSize: times.pageSize };
    const call = { path: what.path, query: what.query ?? {}, timeoutMs: times.listTimeoutMs };
    try {
      position.version = await listObjects(api, call, paging, copy.add, signal);
    } catch (error) {
      if (isRefusedWith(error, 410)) position.expiredLists++;
      throw error;
    }
    position.expiredLists = 0;
    heard();
    copy.complete();
    listed.resolve();
  }

  async function watch(resourceVersion: string): Promise<void> {
    const [least, most] = times.watchMs;
    const lastsMs = least + random() * (most - least);
    const startedMs = clock.nowMs();
    let changes = 0;
    const take = (change: Change) => {
      changes++;
      position.version = change.kind === 'bookmark' ? change.resourceVersion : change.version.resourceVersion;
      position.silentWatches = 0;
      isWell();
      if (change.kind === 'present') store.set(change.version, change.object);
      if (change.kind === 'gone') store.delete(change.version);
    };
    try {
      await watchOnce(api, { path: what.path, query: what.query ?? {}, resourceVersion, lastsMs, idleMs: times.idleMs }, take, signal);
    } finally {
      if (changes === 0 && clock.nowMs() - startedMs >= times.idleMs) position.silentWatches++;
    }
    if (changes > 0 || clock.nowMs() - startedMs >= shortWatchMs) return isWell();
    throw new Error(`watch ${what.path}: the server ends it at once`);
  }

  async function step(): Promise<void> {
    if (position.silentWatches >= silentWatchesUntilList) {
      position.version = undefined;
      position.silentWatches = 0;
    }
    if (position.version === undefined) await list();
    else await watch(position.version);
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      try {
        await step();
      } catch (error) {
        if (signal.aborted) break;
        if (hasAnswered(error)) heard();
        const expired = position.version !== undefined && isRefusedWith(error, 410);
        if (expired) position.version = undefined;
        else what.onError(error);
        position.failures++;
        // The first list after an expiry comes at once; a server that says so again and again is left alone like any other.
        if (expired && position.failures === 1) continue;
        await sleep(clock, Math.max(retryAfterMs(error), backoffMs(times.backoff, position.failures, random)), signal);
      }
    }
    listed.reject(signal.reason);
  }

  return { get: store.get, keys: store.keys, size: store.size, listed: listed.promise, heardAtMs: () => heardAtMs, ended: run() };
}
