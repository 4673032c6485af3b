import { z } from 'zod';
import type { Api } from './api.ts';
import { ApiError, refusal } from './api-error.ts';
import { type Version, versionOf } from './object-meta.ts';

const event = z.object({ type: z.enum(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR']), object: z.unknown() });
const bookmark = z.object({ metadata: z.object({ resourceVersion: z.string().min(1) }) });

export type Change =
  | { readonly kind: 'present'; readonly version: Version; readonly object: unknown }
  | { readonly kind: 'gone'; readonly version: Version }
  /** Nothing changed up to this version. */
  | { readonly kind: 'bookmark'; readonly resourceVersion: string };

export type WatchCall = {
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly resourceVersion: string;
  /** When the server is to end it. */
  readonly lastsMs: number;
  /** Silence that means a dead connection. */
  readonly idleMs: number;
};

/** One watch, from a version on. Resolves when the server ends it; 410 Gone, as an answer or in the stream, is an ApiError like any refusal. */
export async function watchOnce(api: Api, call: WatchCall, onChange: (change: Change) => void, signal: AbortSignal): Promise<void> {
  const { path, resourceVersion, lastsMs, idleMs } = call;
  const timeoutSeconds = `${Math.max(1, Math.round(lastsMs / 1_000))}`;
  const query = { ...call.query, watch: '1', allowWatchBookmarks: 'true', resourceVersion, timeoutSeconds };
  await api.stream({ method: 'GET', path, query }, idleMs, (line) => onChange(readChange(path, line)), signal);
}

function readChange(path: string, line: string): Change {
  const { success, data } = event.safeParse(readJson(path, line));
  if (!success) throw new ApiError(`watch ${path}: an event of a form that Kubernetes does not have`, { kind: 'unreadable' });
  switch (data.type) {
    case 'ERROR':
      throw refusal(`watch ${path}`, 500, data.object, undefined);
    case 'BOOKMARK':
      return { kind: 'bookmark', resourceVersion: bookmark.parse(data.object).metadata.resourceVersion };
    case 'DELETED':
      return { kind: 'gone', version: versionOf(data.object) };
    default:
      return { kind: 'present', version: versionOf(data.object), object: data.object };
  }
}

function readJson(path: string, line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    if (error instanceof SyntaxError) throw new ApiError(`watch ${path}: a line that is not JSON`, { kind: 'unreadable' }, error);
    throw error;
  }
}
