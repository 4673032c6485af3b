import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chunk, countOf, head, open, post, send, statusesIn, withstand, write } from './attack.ts';
import { openWorld, person, secrets, type World } from './world.ts';
import { expectNothingWritten } from './written.ts';

/** What somebody with nothing but a socket can do to a worker, and somebody with a token. */

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.close());

const session = (more: object = {}) => ({ class: 'campaign', direction: 'Outbound', customer: { number: person.number }, ...more });
const asked = JSON.stringify(session());
const deep = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;
const noLength = '{"length":{"toString":1,"valueOf":1}}';
const bomb = gzipSync(Buffer.alloc(50 * 1_048_576));

describe('a body that is', () => {
  test.each([
    { name: 'empty', body: '', status: 400, field: 'body' },
    { name: 'a NUL', body: '\0', status: 400, field: 'body' },
    { name: '30,000 arrays deep', body: deep(30_000), status: 422, field: 'body' },
    { name: '30,000 arrays deep in a field', body: `{"context":{"a":${deep(30_000)}}}`, status: 422, field: 'direction' },
    {
      name: 'deep in its context',
      body: JSON.stringify(session({ context: 'DEEP' })).replace('"DEEP"', `{"a":${deep(20_000)}}`),
      status: 422,
      field: 'context',
    },
    { name: 'UTF-16', body: Buffer.from(asked, 'utf16le'), status: 400, field: 'body' },
    {
      name: 'UTF-16 and says so',
      body: Buffer.from(asked, 'utf16le'),
      headers: { 'Content-Type': 'application/json; charset=utf-16' },
      status: 400,
      field: 'body',
    },
    {
      name: 'no UTF-8',
      body: Buffer.concat([Buffer.from('{"class":"'), Buffer.from([0xc3, 0x28]), Buffer.from('","direction":"Outbound"}')]),
      status: 422,
      field: 'class',
    },
    {
      name: 'a form',
      body: 'direction=Outbound',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
      status: 415,
      field: 'content-type',
    },
    { name: 'of no type', body: asked, headers: { 'Content-Type': '' }, status: 415, field: 'content-type' },
    { name: 'a gzip bomb', body: bomb, headers: { 'Content-Encoding': 'gzip' }, status: 415, field: 'content-encoding' },
    { name: 'compressed', body: gzipSync(asked), headers: { 'Content-Encoding': 'gzip' }, status: 415, field: 'content-encoding' },
    {
      name: 'said to be compressed in a way that nobody knows',
      body: asked,
      headers: { 'Content-Encoding': 'x-evil' },
      status: 415,
      field: 'content-encoding',
    },
    {
      name: 'full of numbers too large',
      body: '{"direction":"Outbound","score":1e999,"customer":{"number":"+1"}}',
      status: 422,
      field: 'score',
    },
    {
      name: 'polluting by constructor',
      body: JSON.stringify(session({ constructor: { prototype: { admin: true } } })),
      status: 422,
      field: 'constructor',
    },
    { name: 'a thing with a length that is none', body: `{"direction":"Outbound","class":${noLength}}`, status: 422, field: 'class' },
    {
      name: 'a label with a length that is none',
      body: `{"direction":"Outbound","customer":{"number":"+1"},"labels":{"a":${noLength}}}`,
      status: 422,
      field: 'labels.a',
    },
    { name: 'text with NUL', body: JSON.stringify(session({ context: { a: 'x\0y' } })), status: 422, field: 'context' },
    {
      name: 'text with half a surrogate pair',
      body: JSON.stringify(session({ idempotencyKey: '\ud800' })),
      status: 422,
      field: 'idempotencyKey',
    },
    {
      name: 'an import behind a wrong type',
      path: '/v1/sessions:import',
      body: asked,
      headers: { 'Content-Type': 'text/html' },
      status: 415,
      field: 'content-type',
    },
    {
      name: 'a compressed import',
      path: '/v1/sessions:import',
      body: bomb,
      headers: { 'Content-Encoding': 'gzip' },
      status: 415,
      field: 'content-encoding',
    },
  ])('$name is refused by its field', async ({ path = '/v1/sessions', body, headers = {}, status, field }) => {
    const seen = await withstand(world, () => send(world, post(path, body, headers)));
    expect(statusesIn(seen.text)).toEqual([status]);
    expect(problemIn(seen.text)).toMatchObject({ status, field });
    expect(await countOf(world, 'session')).toBe(0);
  });

  test('larger than it may be is refused by what it says, and by what it is', async () => {
    await withstand(world, async () => {
      const said = await send(
        world,
        [head('POST', '/v1/sessions', { 'Content-Type': 'application/json', 'Content-Length': 10 ** 12, Connection: 'close' })],
        2_000,
      );
      expect(problemIn(said.text)).toMatchObject({ status: 413, field: 'body' });
      const endless = await open(world);
      await write(endless.socket, head('POST', '/v1/sessions', { 'Content-Type': 'application/json', 'Transfer-Encoding': 'chunked' }));
      for (let chunk = 0; chunk < 40 && !endless.seen().closed; chunk += 1) await write(endless.socket, `1000\r\n${' '.repeat(4_096)}\r\n`);
      expect(problemIn((await endless.answer(2_000)).text)).toMatchObject({ status: 413, field: 'body' });
      endless.socket.destroy();
    });
    expect(await countOf(world, 'session')).toBe(0);
  });
});

describe('prototypes', () => {
  test('are not reached by labels, context or columns of that name', async () => {
    const body = `{"class":"campaign","direction":"Outbound","customer":{"number":"+14155557001"},"context":{"__proto__":{"admin":true}},"labels":{"constructor":"x"}}`;
    await withstand(world, () => send(world, post('/v1/sessions', body)));
    const csv = await send(world, post('/v1/sessions:import', 'number,label.__proto__\n+14155557002,x\n', { 'Content-Type': 'text/csv' }));
    expect(problemIn(csv.text)).toMatchObject({ status: 422, field: 'header.label.__proto__' });
    const { rows } = await world.database.query('select labels, context from session');
    expect(JSON.stringify(rows)).toBe('[{"labels":{"constructor":"x"},"context":{"__proto__":{"admin":true}}}]');
    await world.database.query('delete from session');
  });
});

describe('a request that means two things', () => {
  const smuggled = 'GET /v1/pool HTTP/1.1\r\nHost: x\r\n\r\n';
  test.each([
    {
      name: 'by Content-Length and Transfer-Encoding',
      headers: `Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`,
    },
    { name: 'by two lengths', headers: `Content-Length: 0\r\nContent-Length: ${smuggled.length}\r\n\r\n${smuggled}` },
    { name: 'by a list of lengths', headers: `Content-Length: 0, ${smuggled.length}\r\n\r\n${smuggled}` },
    { name: 'by a length with a sign', headers: `Content-Length: +5\r\n\r\n${smuggled}` },
    { name: 'by an encoding behind chunked', headers: `Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n${smuggled}` },
    { name: 'by a space before the colon', headers: `Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n${smuggled}` },
    { name: 'by a folded header', headers: `Transfer-Encoding:\r\n chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n${smuggled}` },
    { name: 'by a chunk size that overflows', headers: `Transfer-Encoding: chunked\r\n\r\n1ffffffffffffffff\r\n${smuggled}` },
    { name: 'by bare line feeds in a chunk size', headers: `Transfer-Encoding: chunked\r\n\r\n5\nhello\n0\n\n${smuggled}` },
    { name: 'by a NUL in a header', headers: `X-A: a\0b\r\n\r\n${smuggled}` },
  ])('$name is answered once, with 400, and the connection ends', async ({ headers }) => {
    const request = `POST /v1/sessions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${secrets.token}\r\nContent-Type: application/json\r\n${headers}`;
    const seen = await withstand(world, () => send(world, [request], 2_000));
    expect(statusesIn(seen.text)).toEqual([400]);
    expect(seen.closed).toBe(true);
  });

  test('a body longer than announced is read as the next request, and refused as one', async () => {
    const seen = await send(world, [
      `${head('POST', '/v1/sessions', { 'Content-Type': 'application/json', 'Content-Length': 2 })}{}{"direction"\r\n\r\n`,
    ]);
    expect(statusesIn(seen.text).at(-1)).toBe(400);
    expect(await countOf(world, 'session')).toBe(0);
  });
});

describe('a request whose head is hostile:', () => {
  test.each([
    { name: 'a header of 20 KB', start: 'GET /livez HTTP/1.1', headers: `X: ${'a'.repeat(20_000)}\r\n`, status: 431 },
    { name: '3,000 headers', start: 'GET /livez HTTP/1.1', headers: 'a: b\r\n'.repeat(3_000), status: 431 },
    { name: 'a path of 20 KB', start: `GET /${'a'.repeat(20_000)} HTTP/1.1`, headers: '', status: 431 },
    { name: 'no HTTP', start: '\x16\x03\x01\x02\x00', headers: '', status: 400 },
    { name: 'dots up', start: 'GET /v1/vapi/../../etc/passwd HTTP/1.1', headers: '', status: 404 },
    { name: 'dots up, encoded', start: 'GET /v1/sessions/..%2f..%2fetc%2fpasswd HTTP/1.1', headers: '', status: 404 },
    { name: 'an encoding that is none', start: 'GET /v1/sessions/%ff HTTP/1.1', headers: '', status: 404 },
    { name: 'an encoding that is none, to a webhook', start: 'POST /v1/vapi/%E0%A4%A HTTP/1.1', headers: '', status: 404 },
    { name: 'a NUL in an id', start: 'GET /v1/sessions/%00 HTTP/1.1', headers: '', status: 404 },
    { name: 'two slashes', start: 'GET //v1/pool HTTP/1.1', headers: '', status: 404 },
    { name: 'a foreign address', start: 'GET http://evil.example/v1/nothing HTTP/1.1', headers: '', status: 404 },
    { name: 'a query that is a list', start: 'GET /v1/sessions?class=a&class=b HTTP/1.1', headers: '', status: 422 },
    { name: 'a query with brackets', start: 'GET /v1/sessions?__proto__[a]=b HTTP/1.1', headers: '', status: 422 },
  ])('$name', async ({ start, headers, status }) => {
    const request = `${start}\r\nHost: x\r\nAuthorization: Bearer ${secrets.token}\r\nConnection: close\r\n${headers}\r\n`;
    const seen = await withstand(world, () => send(world, [request], 2_000));
    expect(statusesIn(seen.text)).toEqual([status]);
  });
});

describe('pipelining', () => {
  test('is answered in order, however much comes at once', async () => {
    const many = 'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(2_000);
    const seen = await withstand(world, () => send(world, [many, 'GET /none HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'], 10_000));
    const statuses = statusesIn(seen.text);
    expect([statuses.length, new Set(statuses.slice(0, -1)), statuses.at(-1)]).toEqual([2_001, new Set([200]), 404]);
  });
});

describe('an import', () => {
  test.each([
    { name: 'one line without end', type: 'application/x-ndjson', piece: 'x'.repeat(65_536), status: 413 },
    { name: 'one open quote without end', type: 'text/csv', first: 'number\n"', piece: 'x'.repeat(65_536), status: 413 },
    { name: 'nothing but line ends', type: 'application/x-ndjson', piece: '\n'.repeat(65_536), status: undefined },
    { name: 'deep lines', type: 'application/x-ndjson', piece: `${deep(32_000)}\n`, times: 720, status: 422 },
  ])('of $name takes no memory', async ({ type, first = '', piece, times = 240, status }) => {
    function* pieces(): Generator<string> {
      yield head('POST', '/v1/sessions:import?answers=refused', {
        'Content-Type': type,
        'Transfer-Encoding': 'chunked',
        Connection: 'close',
      });
      if (first !== '') yield chunk(first);
      for (let sent = 0; sent < times; sent += 1) yield chunk(piece);
      yield '0\r\n\r\n';
    }
    const seen = await withstand(world, () => send(world, pieces(), 20_000));
    expect(statusesIn(seen.text)).toEqual([200]);
    if (status !== undefined) expect(seen.text).toContain(`"status":${status}`);
    expect(seen.text).toContain('"accepted":0');
    expect(await countOf(world, 'session')).toBe(0);
  });
});

describe('guessing tokens', () => {
  test('ends after a few, whether they come one by one or at once, and not for who has one', async () => {
    const guess = (token: string) =>
      send(world, [`GET /v1/pool HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nConnection: close\r\n\r\n`]);
    await withstand(world, async () => {
      const atOnce = await Promise.all(Array.from({ length: 200 }, (_, index) => guess(`tl_guess-${index}`)));
      const statuses = atOnce.flatMap(({ text }) => statusesIn(text));
      expect(statuses.filter((status) => status === 401).length).toBeLessThanOrEqual(40);
      expect(statuses.filter((status) => status === 429).length).toBeGreaterThanOrEqual(160);
    });
    expect(statusesIn((await guess('tl_one-more')).text)).toEqual([429]);
    expect(statusesIn((await guess(secrets.token)).text)).toEqual([200]);
  });
});

test('nothing of it all stands in what the worker wrote', () => expectNothingWritten(world));

function problemIn(text: string): unknown {
  const found = /\{"type":"urn:trunkline:problem:.*\}/.exec(text)?.[0];
  return found === undefined ? undefined : JSON.parse(found);
}
