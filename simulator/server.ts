import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { z } from 'zod';
import type { Clock } from './clock.ts';
import { start } from './contract.ts';
import { type Random, uniform } from './random.ts';
import type { Simulation } from './simulation.ts';
import type { ApiAnswer } from './vapi/api.ts';

const maxBodyBytes = 1024 * 1024;

/** Serves the provider's API and, under `/_sim/`, the simulator's own; on this machine only. */
export function serve(
  simulation: Simulation,
  settings: { readonly clock: Clock; readonly random: Random; readonly latencyMs: { readonly min: number; readonly max: number } },
): Server {
  const respond = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await readBody(request);
    const url = new URL(request.url ?? '/', 'http://simulator');
    if (body === undefined) {
      send(response, 413, { message: 'request entity too large', error: 'Payload Too Large', statusCode: 413 });
    } else if (url.pathname === '/_sim/accepted') {
      sendAccepted(simulation, response);
    } else if (url.pathname.startsWith('/_sim/')) {
      const answer = answerOwn(simulation, `${request.method} ${url.pathname}`, body);
      send(response, answer.status, answer.body);
    } else {
      const answer = answerProvider(simulation, request, url, body);
      if (answer === 'silence') return;
      // The provider has decided; only its answer takes its time.
      const dueMs = settings.clock.nowMs() + uniform(settings.random, settings.latencyMs);
      settings.clock.at(dueMs, () => send(response, answer.status, answer.body));
    }
  };
  const server = createServer((request, response) => {
    respond(request, response).catch((error: unknown) => {
      console.error(error);
      send(response, 500, { message: 'The simulator itself has failed.', error: 'Internal Server Error', statusCode: 500 });
    });
  });
  server.keepAliveTimeout = 60_000;
  return server;
}

function answerProvider(simulation: Simulation, request: IncomingMessage, url: URL, body: string): ApiAnswer {
  const control = request.method === 'POST' ? /^\/([^/]+)\/([^/]+)\/control$/.exec(url.pathname) : null;
  if (control !== null) {
    const call = simulation.exchange.get(control[1] ?? '');
    return simulation.api.control(call?.record.controlToken === control[2] ? call : undefined, body);
  }
  const { method = 'GET', headers } = request;
  return simulation.api.answer({ method, path: url.pathname, search: url.searchParams, authorization: headers.authorization, body });
}

function answerOwn(simulation: Simulation, route: string, body: string): { readonly status: number; readonly body: unknown } {
  if (route === 'GET /_sim/report') return { status: 200, body: simulation.report() };
  if (route === 'POST /_sim/stop') {
    simulation.stop();
    return { status: 200, body: {} };
  }
  if (route !== 'POST /_sim/start') return { status: 404, body: { message: `${route} is not served here.` } };
  const parsed = start.safeParse(parseJson(body));
  if (!parsed.success) return { status: 400, body: { message: z.prettifyError(parsed.error) } };
  simulation.start(parsed.data);
  return { status: 200, body: {} };
}

function sendAccepted(simulation: Simulation, response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/x-ndjson' });
  for (const id of simulation.accepted.ids()) response.write(`${JSON.stringify({ id })}\n`);
  response.end();
}

function send(response: ServerResponse, status: number, body: unknown): void {
  if (response.headersSent || response.destroyed) return;
  const text = JSON.stringify(body);
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

/** The body as text; undefined when it is too long. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    const part = Buffer.from(chunk);
    bytes += part.length;
    if (bytes <= maxBodyBytes) chunks.push(part);
  }
  return bytes > maxBodyBytes ? undefined : Buffer.concat(chunks).toString('utf8');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
