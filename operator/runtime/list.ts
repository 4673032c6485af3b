import { z } from 'zod';
import type { Api } from './api.ts';

const page = z.object({
  metadata: z.object({ resourceVersion: z.string().min(1), continue: z.string().optional() }),
  /** Null where there are none and only their metadata was asked for. */
  items: z.array(z.unknown()).nullable(),
});

export type ListCall = {
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** Form of the answer; whole objects unless told otherwise. */
  readonly accept?: string;
};

/** How a list is fetched: in pages, or in one piece where pages expire before the last one is there. */
export type Paging = { readonly pageSize: number } | 'one-piece';

/**
 * Reads all objects as they were at one moment, and returns the version from which to watch. Only a page is held at a time; `onObject` keeps what it
 * needs. A continue token that expired on the way fails with 410: a list with a hole is none.
 */
export async function listObjects(
  api: Api,
  call: ListCall,
  paging: Paging,
  onObject: (object: unknown) => void,
  signal: AbortSignal,
): Promise<string> {
  const limit = paging === 'one-piece' ? {} : { limit: `${paging.pageSize}` };
  let token = '';
  for (;;) {
    const from = token === '' ? {} : { continue: token };
    const query = { ...call.query, ...limit, ...from };
    const { metadata, items } = page.parse(await api.request({ ...call, method: 'GET', query }, signal));
    for (const item of items ?? []) onObject(item);
    token = metadata.continue ?? '';
    if (token === '') return metadata.resourceVersion;
  }
}
