import type { Listing, SeenCall } from './contract.ts';
import type { Exchange } from './exchange.ts';
import { seenCall } from './wire.ts';

/**
 * A complete list of calls out of an API without cursors: pages go back in time, each from the oldest creation of the last page (one millisecond
 * of overlap, as several calls can share one), without doubles. Complete means that nothing can be missing: every page was read, the last one was
 * not full, every row was readable, and the pages were in falling order of creation, without which "older than the last row" skips calls.
 */

export type PageRequest = { readonly limit: number; readonly createdAtLt: string | undefined };
export type Page = (request: PageRequest) => Promise<Exchange>;

/** Finished calls carry their transcripts, up to hundreds of kilobytes each: the size of a page follows what calls of this project weigh. */
export type PageSize = { readonly limit: () => number; readonly learn: (rows: number, bytes: number) => void };

const pageBytes = 8_000_000;
const maxLimit = 1_000;
const minLimit = 50;

export function openPageSize(): PageSize {
  let bytesPerCall = pageBytes / 200;
  return {
    limit: () => Math.min(maxLimit, Math.max(minLimit, Math.floor(pageBytes / bytesPerCall))),
    // Heavier calls count at once, lighter ones are believed slowly.
    learn: (rows, bytes) => {
      if (rows > 0) bytesPerCall = Math.max(bytes / rows, bytesPerCall * 0.9);
    },
  };
}

export async function listAll(page: Page, size: PageSize, maxRequests: number): Promise<Listing> {
  const calls = new Map<string, SeenCall>();
  let createdAtLt: string | undefined;
  let unreadable = 0;
  for (let requests = 1; requests <= maxRequests; requests += 1) {
    const limit = size.limit();
    const answer = await page({ limit, createdAtLt });
    const throttled = answer.kind !== 'failure' && answer.status === 429;
    const incomplete = (): Listing => ({ complete: false, throttled, calls: [...calls.values()], requests });
    if (answer.kind === 'failure' || answer.status !== 200 || !Array.isArray(answer.body)) return incomplete();
    const rows: readonly unknown[] = answer.body;
    size.learn(rows.length, answer.bytes);

    const known = calls.size;
    const seen = rows.map(seenCall).filter((call) => call !== undefined);
    unreadable += rows.length - seen.length;
    // The first sighting is kept: pages are read newest first, but a call may change between two pages; the next listing shows that.
    for (const call of seen) if (!calls.has(call.id)) calls.set(call.id, call);
    if (rows.length < limit) return { complete: unreadable === 0, throttled: false, calls: [...calls.values()], requests };
    if (!isFalling(seen) || calls.size === known) return incomplete();
    createdAtLt = justAfter(seen.at(-1));
  }
  return { complete: false, throttled: false, calls: [...calls.values()], requests: Math.max(0, maxRequests) };
}

function isFalling(calls: readonly SeenCall[]): boolean {
  return calls.every((call, at) => at === 0 || Date.parse(call.createdAt) <= Date.parse(calls[at - 1]?.createdAt ?? ''));
}

function justAfter(call: SeenCall | undefined): string | undefined {
  return call === undefined ? undefined : new Date(Date.parse(call.createdAt) + 1).toISOString();
}
