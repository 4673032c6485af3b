import { describe, expect, onTestFinished, test } from 'vitest';
import { openProject } from '../../../providers/vapi/client.ts';
import { openPageSize } from '../../../providers/vapi/listing.ts';
import { type Received, serve } from './http-server.ts';

const never = new AbortController().signal;
const since = new Date('2026-08-20T09:00:00Z');
type Row = {
  readonly id: string;
  readonly orgId: string;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly artifact?: string;
};

function open(baseUrl: string) {
  const project = openProject({ baseUrl, apiKey: async () => 'key-1' });
  onTestFinished(project.close);
  return project;
}

/** Calls, newest first; `step` calls share each millisecond. */
function rows(count: number, step = 1): Row[] {
  return Array.from({ length: count }, (_, at) => {
    const createdAt = new Date(since.getTime() + 3_600_000 - Math.floor(at / step)).toISOString();
    return { id: `call-${at}`, orgId: 'org-1', createdAt, updatedAt: createdAt };
  });
}

/** Answers as the provider does: what was created before, at most `limit`. */
function page(all: readonly Row[], { url }: Received): readonly Row[] {
  const before = url.searchParams.get('createdAtLt');
  return all.filter((row) => before === null || row.createdAt < before).slice(0, Number(url.searchParams.get('limit')));
}

describe('a listing', () => {
  test.each([
    { name: 'of nothing', count: 0 },
    { name: 'of one page', count: 30 },
    { name: 'of several pages', count: 2_500 },
    { name: 'with several calls a millisecond', count: 2_500, step: 7 },
  ])('$name is complete and without doubles', async ({ count, step }) => {
    const all = rows(count, step ?? 1);
    const provider = await serve((request) => ({ status: 200, body: page(all, request) }));
    const listing = await open(provider.url).listCreatedSince(since, { maxRequests: 100, signal: never });
    expect(listing).toMatchObject({ complete: true, requests: provider.requests.length });
    expect(listing.calls.map((call) => call.id)).toEqual(all.map((row) => row.id));
    expect(provider.requests[0]?.url.searchParams.get('createdAtGe')).toBe(since.toISOString());
    for (const { url } of provider.requests) expect(Number(url.searchParams.get('limit'))).toBeLessThanOrEqual(1_000);
  });

  test('by the time of change keeps that filter on every page', async () => {
    const all = rows(600);
    const provider = await serve((request) => ({ status: 200, body: page(all, request) }));
    await open(provider.url).listUpdatedSince(since, { maxRequests: 100, signal: never });
    expect(provider.requests.length).toBeGreaterThan(1);
    for (const { url } of provider.requests) expect(url.searchParams.get('updatedAtGe')).toBe(since.toISOString());
  });

  test.each([
    {
      name: 'after as many requests as it may make',
      answer: (_: number, body: readonly Row[]) => ({ status: 200, body }),
      maxRequests: 2,
    },
    { name: 'when a page is refused', answer: (at: number, body: readonly Row[]) => (at < 2 ? { status: 200, body } : { status: 429 }) },
    { name: 'when a page cannot be read', answer: (at: number, body: readonly Row[]) => ({ status: 200, body: at < 2 ? body : '<html>' }) },
    {
      name: 'when a row cannot be read',
      answer: (_: number, body: readonly Row[]) => ({ status: 200, body: [...body.slice(1), { id: 7 }] }),
    },
    { name: 'when pages come in another order', answer: (_: number, body: readonly Row[]) => ({ status: 200, body: [...body].reverse() }) },
  ])('is no evidence of absence $name', async ({ answer, maxRequests }) => {
    const all = rows(2_500);
    let asked = 0;
    const provider = await serve((request) => {
      asked += 1;
      return answer(asked, page(all, request));
    });
    const listing = await open(provider.url).listCreatedSince(since, { maxRequests: maxRequests ?? 100, signal: never });
    expect(listing.complete).toBe(false);
    expect(listing.requests).toBe(asked);
  });

  test('that was stopped goes on where it stopped, and skips nothing', async () => {
    const all = rows(2_500, 7);
    const provider = await serve((request) => ({ status: 200, body: page(all, request) }));
    const project = open(provider.url);
    const seen = new Set<string>();
    let listing = await project.listUpdatedSince(since, { maxRequests: 2, signal: never });
    for (const call of listing.calls) seen.add(call.id);
    for (let parts = 1; listing.rest !== undefined && parts < 10; parts += 1) {
      expect(listing.complete).toBe(false);
      listing = await project.listUpdatedSince(since, { maxRequests: 2, signal: never, from: listing.rest });
      for (const call of listing.calls) seen.add(call.id);
    }
    expect(listing.complete).toBe(true);
    expect([...seen]).toEqual(all.map((row) => row.id));
  });

  test('goes on with the page that was refused, and is not complete when an earlier part had a row that cannot be read', async () => {
    const all = rows(600);
    let asked = 0;
    const provider = await serve((request) => {
      asked += 1;
      if (asked === 1) return { status: 200, body: [{ id: 7 }, ...page(all, request).slice(1)] };
      return asked === 2 ? { status: 429 } : { status: 200, body: page(all, request) };
    });
    const project = open(provider.url);
    const first = await project.listUpdatedSince(since, { maxRequests: 10, signal: never });
    expect(first).toMatchObject({ complete: false, throttled: true, rest: { unreadable: true } });
    const second = await project.listUpdatedSince(since, { maxRequests: 10, signal: never, from: first.rest });
    expect(second).toMatchObject({ complete: false, rest: undefined });
    expect(second.calls.at(-1)?.id).toBe('call-599');
  });

  test('ends when a page brings nothing new: more calls share a millisecond than a page holds', async () => {
    const all = rows(5_000, 5_000);
    const provider = await serve((request) => ({ status: 200, body: page(all, request) }));
    const listing = await open(provider.url).listCreatedSince(since, { maxRequests: 100, signal: never });
    expect(listing.complete).toBe(false);
    expect(provider.requests.length).toBeLessThan(20);
  });

  test('asks for fewer calls at once where they are heavy, for more where they are light', () => {
    const size = openPageSize();
    const first = size.limit();
    size.learn(10, 10 * 400_000);
    expect(size.limit()).toBe(50);
    for (let pages = 0; pages < 100; pages += 1) size.learn(100, 100 * 500);
    expect(size.limit()).toBe(1_000);
    expect(first).toBe(200);
  });
});
