import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest, Agent as TlsAgent } from 'node:https';

/** How a server answered, or that it did not. */
export type Posted =
  | { readonly kind: 'answered'; readonly status: number; readonly headers: IncomingMessage['headers']; readonly body: string }
  | { readonly kind: 'failed'; readonly why: 'timeout' | 'unreachable' };

export type Posting = {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
};

/** Answers to webhooks are assistants and destinations; more than this is not one. */
const maxAnswerBytes = 4 * 1024 * 1024;

const plain = new Agent({ keepAlive: true, maxSockets: 256 });
const secure = new TlsAgent({ keepAlive: true, maxSockets: 256 });

/**
 * Posts JSON over kept connections. A connection that the other side closed just as it was taken up again is no answer of the other side: that one
 * case is tried anew on a fresh connection.
 */
export async function post(posting: Posting): Promise<Posted> {
  const startMs = performance.now();
  const first = await attempt(posting, true);
  if (first !== 'stale-connection') return first;
  const timeoutMs = posting.timeoutMs - (performance.now() - startMs);
  return settled(await attempt({ ...posting, timeoutMs }, false));
}

function settled(result: Posted | 'stale-connection'): Posted {
  return result === 'stale-connection' ? { kind: 'failed', why: 'unreachable' } : result;
}

function attempt(posting: Posting, keep: boolean): Promise<Posted | 'stale-connection'> {
  const tls = posting.url.startsWith('https:');
  const kept = tls ? secure : plain;
  return new Promise((resolve) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(posting.body), ...posting.headers };
    const options = { method: 'POST', headers, agent: keep ? kept : false, signal: posting.signal } as const;
    const outgoing = tls ? httpsRequest(posting.url, options) : httpRequest(posting.url, options);
    // The whole exchange has one deadline; the request's own timeout would begin anew with every byte.
    const deadline = setTimeout(() => settle({ kind: 'failed', why: 'timeout' }), posting.timeoutMs);
    const settle = (result: Posted | 'stale-connection') => {
      clearTimeout(deadline);
      resolve(result);
      if (result !== 'stale-connection' && result.kind === 'failed') outgoing.destroy();
    };
    outgoing.on('response', (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > maxAnswerBytes) settle({ kind: 'failed', why: 'unreachable' });
        else chunks.push(chunk);
      });
      response.on('end', () =>
        settle({
          kind: 'answered',
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString('utf8'),
        }),
      );
      response.on('error', () => settle({ kind: 'failed', why: 'unreachable' }));
    });
    outgoing.on('error', () =>
      settle(outgoing.reusedSocket && !posting.signal.aborted ? 'stale-connection' : { kind: 'failed', why: 'unreachable' }),
    );
    outgoing.end(posting.body);
  });
}
