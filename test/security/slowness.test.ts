import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chunk, countOf, head, open, statusesIn, withstand, write } from './attack.ts';
import { openWorld, person, type World } from './world.ts';
import { expectNothingWritten } from './written.ts';

/** Connections that take as long as they may. They wait at the same time, in a world of their own. */

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.close());

describe('slowness', () => {
  test('costs the slow one its connection, and others nothing', async () => {
    await withstand(world, async () => {
      const idle = await Promise.all(Array.from({ length: 300 }, () => open(world)));
      const headers = await dripping('GET /livez HTTP/1.1\r\nHost: x\r\n', 'X-A: b\r\n');
      const body = await dripping(head('POST', '/v1/sessions', { 'Content-Type': 'application/json', 'Content-Length': 1_000 }), ' ');
      const webhook = await dripping('POST /v1/vapi/signed HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n', ' ');
      const refused = await dripping('POST /v1/vapi/shared HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n', ' ');
      const unasked = await dripping('POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n', ' ');
      const stalled = await open(world);
      await write(
        stalled.socket,
        head('POST', '/v1/sessions:import', { 'Content-Type': 'application/x-ndjson', 'Transfer-Encoding': 'chunked' }),
      );
      await write(
        stalled.socket,
        chunk(`${JSON.stringify({ customer: { number: person.number, name: person.name }, context: { wish: person.wish } })}\n{"cust`),
      );

      const ends = await Promise.all([headers, body, webhook, refused, unasked].map((one) => one.end(18_000)));
      expect(ends.map(({ text, closed }) => [statusesIn(text)[0], closed])).toEqual([
        [408, true],
        [408, true],
        [408, true],
        [401, true],
        [404, true],
      ]);
      const [first] = idle;
      expect((await first?.end(5_000))?.closed).toBe(true);
      for (const { socket } of idle) socket.destroy();

      const { rows } = await world.database.query(
        `select count(*)::int as n from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'`,
      );
      expect(rows).toEqual([{ n: 0 }]);
      expect(stalled.seen().text).toContain('"line":1');
      stalled.socket.destroy();
    });
    expect(await countOf(world, 'session')).toBe(1);
  }, 40_000);
});

test('nothing of it all stands in what the worker wrote', () => expectNothingWritten(world));

/** A connection on which a piece goes out every half second until it is closed. */
async function dripping(first: string, piece: string) {
  const connection = await open(world);
  await write(connection.socket, first);
  const timer = setInterval(() => connection.socket.write(piece), 500);
  connection.socket.once('close', () => clearInterval(timer));
  return connection;
}
