import http from 'node:http';
import https from 'node:https';

/**
 * Requests over kept-alive connections, to the provider and to the team's own addresses, with two promises that the global `fetch` cannot make:
 *
 * - The gate is asked when the connection stands and before the first byte is handed to it. A connection that takes seconds to open (DNS, TCP, TLS)
 *   can therefore not carry a creation whose moment has passed, and a request that fails before the gate opened was certainly not sent.
 * - The whole body is read before the promise resolves, bounded in size, so that the caller's deadline covers it.
 *
 * Redirects are not followed: what we send reaches the address that the team configured or none at all.
 */
export type Connections = {
  /**
   * Behaves as `fetch` does for absolute URLs, bodies of text or bytes, and plain headers; of the answer's headers only the useful ones are kept.
   * `maxAnswerBytes` is for answers that have to be smaller than the largest that these connections take.
   */
  fetch(url: string, init: RequestInit, gate: Gate, maxAnswerBytes?: number): Promise<Response>;
  /** Closes all connections, those in use included. */
  close(): void;
};

/** Asked once, right before bytes go out; when it says no, the request is dropped with {@link GateClosed}. */
export type Gate = () => boolean;

/** For requests that may be sent at any time. */
export const always: Gate = () => true;

/** The gate said no: nothing was sent. */
export class GateClosed extends Error {
  override readonly name = 'GateClosed';
}

/** The answer was larger than what we are ready to hold in memory. */
export class AnswerTooLarge extends Error {
  override readonly name = 'AnswerTooLarge';
}

type Limits = { readonly maxAnswerBytes: number; readonly maxSockets: number };

/** Idle connections are given up before common proxies do so (60 s); a shorter `Keep-Alive` that the server announces is honoured. */
const idleMs = 30_000;

export function openConnections(limits: Limits): Connections {
  const settings = { keepAlive: true, maxSockets: limits.maxSockets, maxFreeSockets: 8, scheduling: 'lifo', timeout: idleMs } as const;
  const agents = { 'http:': new http.Agent(settings), 'https:': new https.Agent(settings) };
  /** Connections that stand: TCP connected and, for https, the handshake done. */
  const standing = new WeakSet<object>();

  const open = (target: URL, init: RequestInit) => {
    const options = { method: init.method ?? 'GET', headers: plainHeaders(init.headers), ...(init.signal ? { signal: init.signal } : {}) };
    return target.protocol === 'https:'
      ? { request: https.request(target, { ...options, agent: agents['https:'] }), stands: 'secureConnect' }
      : { request: http.request(target, { ...options, agent: agents['http:'] }), stands: 'connect' };
  };

  const fetch = (url: string, init: RequestInit, gate: Gate, maxAnswerBytes: number = limits.maxAnswerBytes) =>
    new Promise<Response>((resolve, reject) => {
      const body = init.body ?? '';
      if (typeof body !== 'string' && !(body instanceof Uint8Array)) throw new TypeError('only text and bytes can be sent');
      const { request, stands } = open(new URL(url), init);
      if (body.length > 0) request.setHeader('content-length', Buffer.byteLength(body));
      request.on('error', reject);
      let answered = false;
      request.on('response', (answer) => {
        answered = true;
        readAnswer(answer, maxAnswerBytes).then(resolve, reject);
      });
      // A switch to another protocol closes the request without a response and without an error, and an abort does not reach it any more.
      request.on('close', () => {
        if (!answered) reject(new Error('the connection ended without an answer'));
      });
      request.on('socket', (socket) => {
        const send = () => {
          standing.add(socket);
          if (request.destroyed) return;
          if (gate()) request.end(body);
          else request.destroy(new GateClosed('the moment to send had passed'));
        };
        if (standing.has(socket)) send();
        else socket.once(stands, send);
      });
    });

  return {
    fetch,
    close: () => {
      agents['http:'].destroy();
      agents['https:'].destroy();
    },
  };
}

async function readAnswer(answer: http.IncomingMessage, maxBytes: number): Promise<Response> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of answer) {
    const part = Buffer.from(chunk);
    bytes += part.length;
    if (bytes > maxBytes) throw new AnswerTooLarge(`the answer is larger than ${maxBytes} bytes`);
    chunks.push(part);
  }
  const status = answer.statusCode ?? 500;
  const headers = new Headers();
  for (const name of ['content-type', 'date', 'retry-after', 'location'] as const) {
    const value = answer.headers[name];
    if (value !== undefined) headers.set(name, value);
  }
  headers.set('content-length', String(bytes));
  const withoutBody = status === 204 || status === 205 || status === 304;
  return new Response(withoutBody ? null : Buffer.concat(chunks), { status, headers });
}

function plainHeaders(headers: RequestInit['headers']): Record<string, string> {
  if (headers === undefined) return {};
  return Object.fromEntries(new Headers(headers));
}
