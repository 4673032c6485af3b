import type { ListCursor, Listing, SeenCall } from './contract.ts';
import type { Exchange } from './exchange.ts';
import { seenCall } from './wire.ts';

/**
 * A complete list of calls out of an API without cursors: pages go back in time, each from the oldest creation of the last page (one millisecond
 * of overlap, as several calls can share one), without doubles. Complete means that nothing can be missing: every page was read, the last one was
 * not full, every row was readable, and the pages were in falling order of creation, without which "older than the last row" skips calls. One that was stopped can go
 * on later, from the oldest creation that it read; it is complete when all its parts together are.
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

export async function listAll(page: Page, size: PageSize, maxRequests: number, from: ListCursor | undefined): Promise<Listing> {
  const calls = new Map<string, SeenCall>();
  let createdBefore = from?.createdBefore;
  let unreadable = from?.unreadable ?? false;
  const rest = () => createdBefore && { createdBefore, unreadable };
  for (let requests = 1; requests <= maxRequests; requests += 1) {
    const limit = size.limit();
    const answer = await page({ limit, createdAtLt: createdBefore?.toISOString() });
    const throttled = answer.kind !== 'failure' && answer.status === 429;
    if (answer.kind === 'failure' || answer.status !== 200 || !Array.isArray(answer.body))
      return { complete: false, throttled, calls: [...calls.values()], requests, rest: rest() };
    const rows: readonly unknown[] = answer.body;
    size.learn(rows.length, answer.bytes);

    const known = calls.size;
    const seen = rows.map(seenCall).filter((call) => call !== undefined);
    unreadable ||= seen.length < rows.length;
    // The first sighting is kept: pages are read newest first, but a call may change between two pages; the next listing shows that.
    for (const call of seen) if (!calls.has(call.id)) calls.set(call.id, call);
    const done = { throttled: false, calls: [...calls.values()], requests, rest: undefined };
    if (rows.length < limit) return { ...done, complete: !unreadable };
    if (!isFalling(seen) || calls.size === known) return { ...done, complete: false };
    createdBefore = justAfter(seen.at(-1)) ?? createdBefore;
  }
  return { complete: false, throttled: false, calls: [...calls.values()], requests: Math.max(0, maxRequests), rest: rest() };
}

function isFalling(calls: readonly SeenCall[]): boolean {
  return calls.every((call, at) => at === 0 || Date.parse(call.createdAt) <= Date.parse(calls[at - 1]?.createdAt ?? ''));
}

function justAfter(call: SeenCall | undefined): Date | undefined {
  return call === undefined ? undefined : new Date(Date.parse(call.createdAt) + 1);
}
