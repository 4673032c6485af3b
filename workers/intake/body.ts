import type { Request } from 'express';
import { Problem } from './problem.ts';

/** Reads request bodies with bounds on size and time. Nothing parses bodies globally: imports stream, and webhooks are verified over raw bytes. */

export type BodyBounds = {
  readonly maxBytes: number;
  readonly timeoutMs: number;
  /** What all large bodies of strangers may hold together; absent where the sender is known. */
  readonly share?: BodyShare;
};

/** Memory for bodies that are read before we know who sends them. Every body has its first bytes free, so that large ones never keep out small ones. */
export type BodyShare = { take(bytes: number): boolean; giveBack(bytes: number): void };

const freeBytes = 64 * 1_024;

export function openBodyShare(maxBytes: number): BodyShare {
  let left = maxBytes;
  return {
    take(bytes) {
      if (bytes > left) return false;
      left -= bytes;
      return true;
    },
    giveBack(bytes) {
      left += bytes;
    },
  };
}

/** How long the rest of a refused body may still flow away, so that the client gets to read why before the connection is cut. */
const lingerMs = 5_000;

/** The whole body. @throws Problem when it is too large, too slow, broken off or compressed */
export async function readBody(request: Request, bounds: BodyBounds): Promise<Buffer> {
  const deadlineMs = performance.now() + bounds.timeoutMs;
  const tooLarge = () => new Problem('body-too-large', { detail: `it may have ${bounds.maxBytes} bytes at most`, field: 'body' });
  if (Number(request.headers['content-length'] ?? 0) > bounds.maxBytes) {
    discardRest(request);
    throw tooLarge();
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  let taken = 0;
  try {
    for await (const chunk of chunksOf(request, () => deadlineMs - performance.now())) {
      bytes += chunk.length;
      if (bytes > bounds.maxBytes) throw tooLarge();
      const wanted = Math.max(0, bytes - freeBytes) - taken;
      if (bounds.share !== undefined && wanted > 0) {
        if (!bounds.share.take(wanted)) throw tooManyLarge();
        taken += wanted;
      }
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } finally {
    bounds.share?.giveBack(taken);
  }
}

function tooManyLarge(): Problem {
  return new Problem('too-busy', { detail: 'too many large bodies arrive at once: send it again', field: 'body', retryAfterSeconds: 1 });
}

/**
 * The body as it arrives. Before each chunk `patienceMs` says how long it may take; the time in which we do not ask for one is ours and does not
 * count against the client. @throws Problem when it is too slow, broken off or compressed
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
      const next = await within(chunks.next().catch(brokenOff), patienceMs());
      ended = next.done === true;
      if (next.done !== true) yield next.value;
    }
  } finally {
    if (!ended) discardRest(request);
  }
}

/** The client went away, or sent something else than its headers announced. */
function brokenOff(): never {
  throw new Problem('malformed-body', { detail: 'it broke off: send it again', field: 'body' });
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
