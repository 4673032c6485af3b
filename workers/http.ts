import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express, { type Router } from 'express';
import { notFound } from './intake/problem.ts';

/** Longest that a client may take for its headers; bodies are bounded route by route. */
const headersWithinMs = 10_000;

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
  const server = createServer({ headersTimeout: headersWithinMs, requestTimeout: 0, keepAliveTimeout: 30_000, maxHeaderSize: 16_384 }, app);
  server.maxConnections = 5_000;
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

/** Stops accepting, lets requests in flight end, and closes connections that idle. */
function closeServer(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.close((error) => (error === undefined ? resolve() : reject(error)));
    server.closeIdleConnections();
  });
}
