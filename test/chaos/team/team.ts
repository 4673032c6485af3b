import { createHmac, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { PoolSpec } from '../../../crds/pool.ts';
import { secretFile } from '../../../standalone/secrets.ts';

/**
 * The team's side of a seed: a server that is the pool's handler and takes its results, sometimes slowly and sometimes not at all, and writes down what
 * it heard.
 */
export type Team = {
  /** The spec with the team's addresses in it, whose port only its server knows. */
  readonly placed: (spec: PoolSpec) => PoolSpec;
  readonly heard: Heard;
  close(): Promise<void>;
};

export type Heard = {
  /** Events that nobody waits for, by call, kind and status, and how often each came. */
  readonly events: ReadonlyMap<string, number>;
  /** Results that were taken, by session. */
  readonly results: ReadonlyMap<string, readonly TakenResult[]>;
  /** What was wrong with a request: its signature, or its form. */
  readonly wrong: readonly string[];
};

export type TakenResult = { readonly outcome: string };

/** How the team's server behaves: shares of requests that it answers late or refuses. */
export type Manners = { readonly slow: number; readonly refuses: number };

/** Where a drawn spec says that the team is, until its server listens. */
export const teamOrigin = 'http://team.invalid';

/** Beyond the handler's own deadline, as it is drawn. */
const slowMs = 1_200;
const maxBytes = 10_000_000;

const event = z.object({
  message: z.object({ type: z.string(), status: z.string().optional(), call: z.object({ id: z.string() }).optional() }),
});
const result = z.object({ id: z.string(), outcome: z.string() });

export async function openTeam(settings: {
  readonly spec: PoolSpec;
  readonly secretsDirectory: string;
  readonly manners: Manners;
  readonly random: () => number;
}): Promise<Team> {
  const events = new Map<string, number>();
  const results = new Map<string, TakenResult[]>();
  const wrong: string[] = [];
  const secrets = await secretsIn(settings.spec, settings.secretsDirectory);

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bodyOf(request);
    const place = request.url === '/results' ? 'results' : 'handler';
    if (!isSigned(request, body, secrets[place])) wrong.push(`${place}: not signed as it should be`);
    // Drawn for both before either is used, so that one request takes as many draws as another.
    const [late, refused] = [settings.random() < settings.manners.slow, settings.random() < settings.manners.refuses];
    const problem = place === 'results' ? takeResult(request, body, refused) : takeEvent(body);
    if (problem !== undefined) wrong.push(problem);
    if (late) await sleep(slowMs);
    response.writeHead(refused ? 503 : 200).end();
  }

  function takeEvent(body: Buffer): string | undefined {
    const parsed = event.safeParse(parse(body));
    if (!parsed.success) return 'handler: not an event of the provider';
    const { type, status, call } = parsed.data.message;
    if (type !== 'status-update' && type !== 'end-of-call-report') return undefined;
    const key = `${call?.id ?? ''} ${type} ${status ?? ''}`;
    events.set(key, (events.get(key) ?? 0) + 1);
    return undefined;
  }

  /** One that is refused was not taken, whatever is in it. */
  function takeResult({ headers }: IncomingMessage, body: Buffer, refused: boolean): string | undefined {
    const parsed = result.safeParse(parse(body));
    if (!parsed.success) return 'results: not a result';
    const { id, outcome } = parsed.data;
    if (headers['idempotency-key'] !== id) return `results: ${id} came under another key`;
    if (!refused) results.set(id, [...(results.get(id) ?? []), { outcome }]);
    return undefined;
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      // A worker that was killed in the middle of its request; nothing was taken.
      response.destroy(error instanceof Error ? error : undefined);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the team has no TCP port');
  const origin = `http://127.0.0.1:${address.port}`;
  return {
    placed: (spec) => withTeamAt(spec, origin),
    heard: { events, results, wrong },
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function withTeamAt(spec: PoolSpec, origin: string): PoolSpec {
  const at = <T extends { readonly url: string }>(place: T): T => ({ ...place, url: place.url.replace(teamOrigin, origin) });
  const { handler, results } = spec;
  return {
    ...spec,
    ...(handler === undefined ? {} : { handler: 'url' in handler ? at(handler) : handler }),
    ...(results === undefined ? {} : { results: at(results) }),
  };
}

type Secrets = { readonly handler: string | undefined; readonly results: string | undefined };

async function secretsIn({ handler, results }: PoolSpec, directory: string): Promise<Secrets> {
  const read = async (ref: Parameters<typeof secretFile>[1] | undefined) =>
    ref === undefined ? undefined : (await readFile(secretFile(directory, ref), 'utf8')).trim();
  return {
    handler: await read(handler !== undefined && 'secretRef' in handler ? handler.secretRef : undefined),
    results: await read(results?.secretRef),
  };
}

/** The receiver's own reckoning of the signature. */
function isSigned({ headers }: IncomingMessage, body: Buffer, secret: string | undefined): boolean {
  if (secret === undefined) return true;
  const [timestamp, signature] = [headers['x-trunkline-timestamp'], headers['x-trunkline-signature']];
  const expected = Buffer.from(`sha256=${createHmac('sha256', secret).update(`${timestamp}.`).update(body).digest('hex')}`);
  const told = Buffer.from(String(signature));
  return told.length === expected.length && timingSafeEqual(told, expected);
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request) {
    const piece = Buffer.from(part);
    bytes += piece.length;
    if (bytes > maxBytes) throw new Error('a body without end');
    parts.push(piece);
  }
  return Buffer.concat(parts);
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
