import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import express, { type Router } from 'express';
import { notFound } from './intake/problem.ts';

/** Longest that a client may take for its headers, looked at every second; bodies are bounded route by route. */
const headersWithinMs = 10_000;
const lookEveryMs = 1_000;

/** How long what is left of an answered request may still flow away, so that the client gets to read why before the connection is cut. */
const lingerMs = 5_000;

export type Listening = { readonly port: number; close(): Promise<void> };

/** Serves these routers on one address. In a fleet on one machine, all workers share it. */
export async function listen(options: {
  readonly host: string;
  readonly port: number;
  readonly routers: readonly Router[];
}): Promise<Listening> {
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', false);
  for (const router of options.routers) app.use(router);
  app.use(notFound);
  const server = createServer(
    {
      headersTimeout: headersWithinMs,
      connectionsCheckingInterval: lookEveryMs,
      requestTimeout: 0,
      keepAliveTimeout: 30_000,
      maxHeaderSize: 16_384,
    },
    app,
  );
  server.maxConnections = 5_000;
  server.on('request', cutWhatIsLeft);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  return { port: portOf(server), close: () => closeServer(server) };
}

function portOf(server: Server): number {
  const address: AddressInfo | string | null = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** Whoever was answered and goes on sending would otherwise keep the connection for as long as they like: nothing else bounds such a body. */
function cutWhatIsLeft(request: IncomingMessage, response: ServerResponse): void {
  response.once('finish', () => {
    if (request.complete) return;
    const cut = setTimeout(() => request.socket.destroy(), lingerMs).unref();
    request.once('close', () => clearTimeout(cut));
  });
}

/** Stops accepting, lets requests in flight end, and closes connections that idle. */
function closeServer(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.close((error) => (error === undefined ? resolve() : reject(error)));
    server.closeIdleConnections();
  });
}
