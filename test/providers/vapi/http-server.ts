import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

export type Received = { readonly method: string; readonly url: URL; readonly headers: http.IncomingHttpHeaders; readonly body: string };
export type Reply = { readonly status: number; readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> };
type Answer = (request: Received, response: http.ServerResponse) => Reply | undefined | Promise<Reply | undefined>;

export type TestServer = {
  readonly url: string;
  readonly requests: readonly Received[];
  /** Connections that were opened so far. */
  readonly connections: () => number;
};

/** A real HTTP server for one test. `answer` returns a reply, or undefined when it deals with the response itself (or never). */
export async function serve(answer: Answer): Promise<TestServer> {
  const requests: Received[] = [];
  let connections = 0;
  const server = http.createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const received: Received = {
      method: request.method ?? '',
      url: new URL(request.url ?? '/', 'http://provider'),
      headers: request.headers,
      body: Buffer.concat(chunks).toString(),
    };
    requests.push(received);
    const reply = await answer(received, response);
    if (reply === undefined) return;
    response.writeHead(reply.status, { 'content-type': 'application/json', ...reply.headers });
    response.end(typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body ?? {}));
  });
  server.on('connection', () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${portOf(server.address())}`, requests, connections: () => connections };
}

/** A port of this machine on which nobody listens. */
export async function closedPort(): Promise<number> {
  const server = http.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const port = portOf(server.address());
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export function portOf(address: string | AddressInfo | null): number {
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return address.port;
}
