import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, isIPv6 } from 'node:net';
import express, { type Router } from 'express';
import { notFound, Problem, sendProblem } from './intake/problem.ts';

/** Longest that a client may take for its headers, looked at every second; bodies are bounded route by route. */
const headersWithinMs = 10_000;
const lookEveryMs = 1_000;

/** How long what is left of an answered request may still flow away, so that the client gets to read why before the connection is cut. */
const lingerMs = 5_000;

/** For a worker that waits for its ledger or its pool. */
const notYet = express.Router().use((_request, response) => {
  sendProblem(response, new Problem('ledger-away', { detail: 'this worker is starting: it waits for its ledger', retryAfterSeconds: 1 }));
});

export type Listening = {
  readonly port: number;
  /** Host and port as a URL has them. */
  readonly address: string;
  /** Begins to serve these as well. */
  serve(routers: readonly Router[]): void;
  close(): Promise<void>;
};

/**
 * Serves these routers on one address, and later more: until then, every other request is told to come again. In a fleet on one machine, all workers
 * share the address.
 */
export async function listen(options: {
  readonly host: string;
  readonly port: number;
  /** `alone`: the address is this worker's. In a fleet on one machine all others are shared. */
  readonly address?: 'alone';
  readonly routers: readonly Router[];
  /** Whether clients are asked to come back on another connection, because this worker is about to leave. */
  readonly leaving: () => boolean;
}): Promise<Listening> {
  const app = express();
  let later: Router = notYet;
  app.disable('x-powered-by');
  app.set('etag', false);
  app.use((_request, response, next) => {
    if (options.leaving()) response.setHeader('Connection', 'close');
    next();
  });
  for (const router of options.routers) app.use(router);
  app.use((request, response, next) => later(request, response, next));
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
    server.listen({ port: options.port, host: options.host, exclusive: options.address === 'alone' }, resolve);
  });
  const port = portOf(server);
  return {
    port,
    address: `${isIPv6(options.host) ? `[${options.host}]` : options.host}:${port}`,
    serve(routers) {
      later = express.Router({ caseSensitive: true });
      for (const router of routers) later.use(router);
    },
    close: () => closeServer(server),
  };
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
