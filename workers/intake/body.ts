import type { Request } from 'express';
import { Problem } from './problem.ts';

/** Reads request bodies with bounds on size and time. Nothing parses bodies globally: imports stream, and webhooks are verified over raw bytes. */

export type BodyBounds = { readonly maxBytes: number; readonly timeoutMs: number };

/** How long the rest of a refused body may still flow away, so that the client gets to read why before the connection is cut. */
const lingerMs = 5_000;

/** The whole body. @throws Problem when it is too large, too slow or compressed */
export async function readBody(request: Request, bounds: BodyBounds): Promise<Buffer> {
  const deadlineMs = performance.now() + bounds.timeoutMs;
  const tooLarge = () => new Problem('body-too-large', { detail: `it may have ${bounds.maxBytes} bytes at most`, field: 'body' });
  if (Number(request.headers['content-length'] ?? 0) > bounds.maxBytes) {
    discardRest(request);
    throw tooLarge();
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of chunksOf(request, () => deadlineMs - performance.now())) {
    bytes += chunk.length;
    if (bytes > bounds.maxBytes) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/**
 * The body as it arrives. Before each chunk `patienceMs` says how long it may take; the time in which we do not ask for one is ours and does not
 * count against the client. @throws Problem when it is too slow or compressed
 */
export async function* chunksOf(request: Request, patienceMs: () => number): AsyncGenerator<Buffer> {
  if ((request.headers['content-encoding'] ?? 'identity') !== 'identity') {
    discardRest(request);
    throw new Problem('unsupported-media-type', { detail: 'send the body uncompressed', field: 'content-encoding' });
  }
  // Destroying the request on return would take the socket, and with it the answer.
  const chunks: AsyncIterator<Buffer> = request.iterator({ destroyOnReturn: false });
  let ended = false;
  try {
    while (!ended) {
      const next = await within(chunks.next(), patienceMs());
      ended = next.done === true;
      if (next.done !== true) yield next.value;
    }
  } finally {
    if (!ended) discardRest(request);
  }
}

async function within<T>(next: Promise<T>, patienceMs: number): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new Problem('body-too-slow', { detail: 'it stopped arriving: send it again', field: 'body' })),
    patienceMs,
  );
  try {
    return await Promise.race([next, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** @throws Problem */
export function requireType(request: Request, types: readonly string[]): string {
  const found = request.is([...types]);
  if (typeof found === 'string') return found;
  discardRest(request);
  throw new Problem('unsupported-media-type', { detail: `send ${types.join(' or ')} as Content-Type`, field: 'content-type' });
}

function discardRest(request: Request): void {
  request.resume();
  const cut = setTimeout(() => request.socket.destroy(), lingerMs).unref();
  request.once('end', () => clearTimeout(cut));
}
