import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { secrets, type World } from './world.ts';

/** Raw connections to the worker, and what must hold while they are abused. */

const maxGrowthBytes = 350 * 1_048_576;
const answersWithinMs = 2_000;

/** Runs an attack. Meanwhile the worker must answer others, and afterwards live, without having grown much or taken anything. */
export async function withstand<T>(world: World, attack: () => Promise<T>): Promise<T> {
  const before = await world.rssBytes();
  const watch = new AbortController();
  const slowest = slowestLivez(world, watch.signal);
  try {
    return await attack();
  } finally {
    watch.abort();
    expect(await slowest).toBeLessThan(answersWithinMs);
    expect(world.ended()).toBeUndefined();
    expect((await world.rssBytes()) - before).toBeLessThan(maxGrowthBytes);
  }
}

async function slowestLivez(world: World, until: AbortSignal): Promise<number> {
  let slowestMs = 0;
  do {
    const startedMs = performance.now();
    const answer = await send(world, ['GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'], 10_000);
    expect(statusesIn(answer.text)).toEqual([200]);
    slowestMs = Math.max(slowestMs, performance.now() - startedMs);
    await sleep(50);
  } while (!until.aborted);
  return slowestMs;
}

export type Seen = { readonly text: string; readonly closed: boolean; readonly afterMs: number };

/** Opens a connection that tells what came back on it. Errors are part of being cut off. */
export async function open(world: World) {
  const startedMs = performance.now();
  const socket = connect(world.port, '127.0.0.1');
  const text: string[] = [];
  const closed = Promise.withResolvers<void>();
  let isClosed = false;
  socket.setEncoding('latin1').on('data', (part: string) => text.push(part));
  socket.on('error', () => socket.destroy());
  socket.on('close', () => {
    isClosed = true;
    closed.resolve();
  });
  await Promise.race([once(socket, 'connect'), closed.promise]);
  const seen = (): Seen => ({ text: text.join(''), closed: isClosed, afterMs: performance.now() - startedMs });
  return {
    socket,
    seen,
    /** Until the worker closes the connection, at most so long. */
    async end(withinMs: number): Promise<Seen> {
      await Promise.race([closed.promise, sleep(withinMs, undefined, { ref: false })]);
      const result = seen();
      socket.destroy();
      return result;
    },
    /** Until something came back, at most so long. */
    async answer(withinMs: number): Promise<Seen> {
      const untilMs = performance.now() + withinMs;
      while (!isClosed && !/\r\n\r\n/.test(text.join('')) && performance.now() < untilMs) await sleep(10);
      return seen();
    },
  };
}

/** Writes pieces on a connection of their own and returns what came back until the worker closed it. */
export async function send(world: World, pieces: Iterable<string | Buffer>, withinMs = 5_000): Promise<Seen> {
  const connection = await open(world);
  for (const piece of pieces) await write(connection.socket, piece);
  return connection.end(withinMs);
}

/** Writes no faster than the worker reads; a connection that is gone takes everything. */
export async function write(socket: Socket, piece: string | Buffer): Promise<void> {
  if (socket.destroyed || socket.write(piece)) return;
  const over = new AbortController();
  const { signal } = over;
  // An error of the socket is told by its close; what the loser of the race says is of no interest.
  await Promise.race([once(socket, 'drain', { signal }), once(socket, 'close', { signal })]).catch(() => undefined);
  over.abort();
}

export function statusesIn(text: string): readonly number[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
}

/** The head of a request with a right token. */
export function head(method: string, path: string, headers: Readonly<Record<string, string | number>> = {}): string {
  const all = { Host: 'x', Authorization: `Bearer ${secrets.token}`, ...headers };
  return `${method} ${path} HTTP/1.1\r\n${Object.entries(all)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')}\r\n`;
}

/** A piece of a body that is sent in chunks. */
export function chunk(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
}

/** A whole POST, whose connection ends with the answer. */
export function post(path: string, body: string | Buffer, headers: Readonly<Record<string, string | number>> = {}): readonly Buffer[] {
  const bytes = Buffer.from(body);
  const type = path.includes(':import') ? 'application/x-ndjson' : 'application/json';
  return [
    Buffer.from(head('POST', path, { 'Content-Type': type, 'Content-Length': bytes.length, Connection: 'close', ...headers })),
    bytes,
  ];
}

export async function countOf(world: World, table: 'session' | 'inbox'): Promise<number> {
  const { rows } = await world.database.query<{ n: number }>(`select count(*)::int as n from ${table}`);
  return rows[0]?.n ?? 0;
}
