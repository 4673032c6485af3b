import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest, type RequestOptions } from 'node:https';
import type { Access } from './access.ts';
import { ApiError, refusal } from './api-error.ts';
import type { Clock } from './clock.ts';

/**
 * Requests to the Kubernetes API. They are ours: the client library opens a connection for each of its own and cannot tell a silent connection from a
 * quiet one.
 */
export type Api = {
  /** The body of the answer. Rejects with ApiError, or with the reason of the signal. */
  readonly request: (call: Call, signal: AbortSignal) => Promise<unknown>;
  /**
   * The lines of an answer that goes on. `onLine` runs for each; resolves when the server ends it, rejects when no byte has come for `idleMs`.
   */
  readonly stream: (call: Call, idleMs: number, onLine: (line: string) => void, signal: AbortSignal) => Promise<void>;
  /** Closes connections that are kept for later. */
  readonly close: () => void;
};

export type Call = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** JSON unless told otherwise. */
  readonly contentType?: string;
  /** Form in which the answer is wanted; plain JSON unless told otherwise. */
  readonly accept?: string;
  /** How long until the whole answer is there; 30 s unless told otherwise. */
  readonly timeoutMs?: number;
};

const defaultTimeoutMs = 30_000;
/** A page of a list stays far below; an object has at most 1.5 MiB. */
const maxAnswerBytes = 64 * 1_048_576;
const maxLineChars = 8 * 1_048_576;
/** For requests, whose number their callers bound. Watches have connections beside them, one each: many namespaces must not starve the Lease. */
const maxConnections = 64;
const probeAfterMs = 15_000;

/** Opens the API. It connects at the first request. */
export function openApi(access: Access, clock: Clock): Api {
  const base = new URL(access.server);
  const secure = base.protocol === 'https:';
  // Free ones are kept, all of them: a connection opened anew costs both ends more than most requests.
  const kept = { keepAlive: true, maxSockets: maxConnections, maxFreeSockets: maxConnections, keepAliveMsecs: 30_000 };
  const agent = secure ? new Agent(kept) : new HttpAgent(kept);
  const lasting = { keepAlive: true, keepAliveMsecs: 30_000 };
  const watchAgent = secure ? new Agent(lasting) : new HttpAgent(lasting);

  async function open(call: Call, over: HttpAgent, signal: AbortSignal): Promise<IncomingMessage> {
    const url = new URL(base.pathname.replace(/\/$/, '') + call.path, base);
    for (const [name, value] of Object.entries(call.query ?? {})) url.searchParams.set(name, value);
    const body = call.body === undefined ? undefined : Buffer.from(JSON.stringify(call.body));
    const options: RequestOptions = {
      method: call.method,
      headers: { accept: call.accept ?? 'application/json', 'user-agent': 'trunkline-operator' },
    };
    await access.authorise(options);
    if (!access.proxied) options.agent = over;
    if (body !== undefined)
      options.headers = { ...options.headers, 'content-type': call.contentType ?? 'application/json', 'content-length': body.length };
    signal.throwIfAborted();
    return new Promise((resolve, reject) => {
      const outgoing = (secure ? httpsRequest : httpRequest)(url, { ...options, signal }, resolve);
      outgoing.once('error', reject);
      // Whoever is at the other end of a quiet watch answers these; a path that is dead is noticed by them within half a minute.
      outgoing.once('socket', (socket) => socket.setKeepAlive(true, probeAfterMs));
      outgoing.end(body);
    });
  }

  return {
    request: (call, signal) =>
      withinBounds(call, signal, async (inner) => {
        const stop = clock.setTimer(call.timeoutMs ?? defaultTimeoutMs, () =>
          inner.abort(silence(call, call.timeoutMs ?? defaultTimeoutMs)),
        );
        try {
          return await wholeAnswer(call, await open(call, agent, inner.signal));
        } finally {
          stop();
        }
      }),
    stream: (call, idleMs, onLine, signal) =>
      withinBounds(call, signal, async (inner) => {
        let stop = () => {};
        const heard = () => {
          stop();
          stop = clock.setTimer(idleMs, () => inner.abort(silence(call, idleMs)));
        };
        heard();
        try {
          const answer = await open(call, watchAgent, inner.signal);
          if (answer.statusCode !== 200) await wholeAnswer(call, answer);
          await readLines(call, answer, heard, onLine);
        } finally {
          stop();
          inner.abort(); // an error of onLine leaves the answer unread
        }
      }),
    close: () => {
      agent.destroy();
      watchAgent.destroy();
    },
  };
}

/** Runs with an abort of its own, tied to the caller's, and gives every failure its type. */
async function withinBounds<T>(call: Call, signal: AbortSignal, run: (inner: AbortController) => Promise<T>): Promise<T> {
  signal.throwIfAborted();
  const inner = new AbortController();
  const pass = () => inner.abort(signal.reason);
  signal.addEventListener('abort', pass, { once: true });
  try {
    return await run(inner);
  } catch (error) {
    signal.throwIfAborted();
    if (inner.signal.reason instanceof ApiError) throw inner.signal.reason;
    if (error instanceof ApiError || !isBrokenWire(error)) throw error;
    throw new ApiError(`${named(call)}: ${error.message}`, { kind: 'unreachable' }, error);
  } finally {
    signal.removeEventListener('abort', pass);
  }
}

/** Node's own errors of sockets, TLS and names carry a code; those of our code do not. */
function isBrokenWire(error: unknown): error is Error {
  return error instanceof Error && 'code' in error;
}

async function wholeAnswer(call: Call, answer: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of answer) {
    if (!Buffer.isBuffer(chunk)) throw new TypeError('the answer comes decoded');
    bytes += chunk.length;
    if (bytes > maxAnswerBytes) throw unreadable(call, `is longer than ${maxAnswerBytes} bytes`);
    chunks.push(chunk);
  }
  const status = answer.statusCode ?? 0;
  const body = parsed(Buffer.concat(chunks).toString('utf8'));
  if (status < 200 || status > 299) throw refusal(named(call), status, body, answer.headers['retry-after']);
  if (body === undefined) throw unreadable(call, 'is not JSON');
  return body;
}

async function readLines(call: Call, answer: IncomingMessage, heard: () => void, onLine: (line: string) => void): Promise<void> {
  let rest = '';
  answer.setEncoding('utf8');
  for await (const text of answer) {
    heard();
    const lines = `${rest}${text}`.split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > maxLineChars) throw unreadable(call, `has a line longer than ${maxLineChars} characters`);
    for (const line of lines) if (line !== '') onLine(line);
  }
}

/** Undefined when it is not JSON: proxies before the API server answer in HTML. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function silence(call: Call, afterMs: number): ApiError {
  return new ApiError(`${named(call)}: no answer for ${afterMs / 1_000} s`, { kind: 'unreachable' });
}

function unreadable(call: Call, why: string): ApiError {
  return new ApiError(`${named(call)}: the answer ${why}`, { kind: 'unreadable' });
}

function named({ method, path }: Call): string {
  return `${method} ${path}`;
}
