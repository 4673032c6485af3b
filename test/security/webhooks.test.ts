import { createHmac } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { countOf, open, type Seen, send, statusesIn, withstand, write } from './attack.ts';
import { messageTypes } from './hostile.ts';
import { openWorld, person, secrets, type World } from './world.ts';
import { expectNothingWritten } from './written.ts';

/** Webhooks that the provider did not send, or should not have; and a handler that answers with anything. */

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.close());

const statusUpdate = (more: object = {}) =>
  JSON.stringify({
    message: { type: 'status-update', status: 'in-progress', timestamp: 1, call: { id: 'call-1', type: 'outboundPhoneCall' }, ...more },
  });
const secondsAgo = (seconds: number) => String(Math.floor(Date.now() / 1_000) - seconds);
const sign = (secret: string, payload: string, algorithm = 'sha256') => createHmac(algorithm, secret).update(payload).digest('hex');

function webhook(project: string, body: string | Buffer, headers: Readonly<Record<string, string>>): Promise<Seen> {
  const lines = Object.entries({ Host: 'x', 'Content-Length': String(Buffer.byteLength(body)), Connection: 'close', ...headers });
  const start = `POST /v1/vapi/${project} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
  return send(world, [start, body], 8_000);
}

function signed(body: string, { secret = secrets.signing, at = secondsAgo(0) }: { secret?: string; at?: string } = {}) {
  return webhook('signed', body, { 'X-Signature': sign(secret, `${at}.${body}`), 'X-Timestamp': at });
}

describe('a forged webhook is refused:', () => {
  const body = statusUpdate();
  const now = secondsAgo(0);
  const old = secondsAgo(301);
  const right = sign(secrets.signing, `${now}.${body}`);
  test.each([
    { name: 'no signature', headers: { 'X-Timestamp': now } },
    { name: 'an empty one', headers: { 'X-Signature': '', 'X-Timestamp': now } },
    { name: 'none by name', headers: { 'X-Signature': 'none', 'X-Timestamp': now, 'X-Algorithm': 'none' } },
    { name: 'another secret', headers: { 'X-Signature': sign(secrets.shared, `${now}.${body}`), 'X-Timestamp': now } },
    { name: 'an empty secret', headers: { 'X-Signature': sign('\0', `${now}.${body}`), 'X-Timestamp': now } },
    { name: 'another algorithm', headers: { 'X-Signature': sign(secrets.signing, `${now}.${body}`, 'sha1'), 'X-Timestamp': now } },
    { name: 'other bytes', headers: { 'X-Signature': sign(secrets.signing, `${now}.${body} `), 'X-Timestamp': now } },
    { name: 'another time', headers: { 'X-Signature': right, 'X-Timestamp': secondsAgo(1) } },
    { name: 'no time', headers: { 'X-Signature': sign(secrets.signing, `.${body}`), 'X-Timestamp': '' } },
    { name: 'a time that is none', headers: { 'X-Signature': sign(secrets.signing, `soon.${body}`), 'X-Timestamp': 'soon' } },
    { name: 'an old time', headers: { 'X-Signature': sign(secrets.signing, `${old}.${body}`), 'X-Timestamp': old } },
    { name: 'the right one twice', headers: { 'X-Signature': `${right}, ${right}`, 'X-Timestamp': now } },
    { name: 'a proof of another kind', headers: { 'X-Vapi-Secret': secrets.signing } },
    { name: "another project's proof", project: 'shared', headers: { 'X-Vapi-Secret': secrets.signing } },
    { name: 'a proof where none is declared', project: 'unproven', headers: { 'X-Vapi-Secret': 'undefined' } },
  ])('$name', async ({ project = 'signed', headers }) => {
    const seen = await webhook(project, body, headers);
    expect(statusesIn(seen.text)).toEqual([401]);
    expect(seen.text).toContain('"field":"x-');
    expect(await countOf(world, 'inbox')).toBe(0);
  });

  test('a project that is not there, a compressed body, a body too large', async () => {
    expect(statusesIn((await webhook('__proto__', body, {})).text)).toEqual([404]);
    expect(statusesIn((await webhook('shared', body, { 'X-Vapi-Secret': secrets.shared, 'Content-Encoding': 'gzip' })).text)).toEqual([
      415,
    ]);
    expect(statusesIn((await webhook('shared', body, { 'X-Vapi-Secret': secrets.shared, 'Content-Encoding': 'x-evil' })).text)).toEqual([
      415,
    ]);
    const answered = await withstand(world, async () => {
      const sender = await open(world);
      await write(
        sender.socket,
        `POST /v1/vapi/shared HTTP/1.1\r\nHost: x\r\nX-Vapi-Secret: ${secrets.shared}\r\nTransfer-Encoding: chunked\r\n\r\n`,
      );
      for (let sent = 0; sent < 11; sent += 1) await write(sender.socket, `100000\r\n${' '.repeat(1_048_576)}\r\n`);
      const seen = await sender.answer(5_000);
      sender.socket.destroy();
      return seen;
    });
    expect(statusesIn(answered.text)).toEqual([413]);
  });
});

test('large bodies of strangers share a bounded memory, and small ones go through beside them', async () => {
  await withstand(world, async () => {
    const hogs = await Promise.all(Array.from({ length: 11 }, () => open(world)));
    await Promise.all(
      hogs.map(async ({ socket }) => {
        await write(socket, 'POST /v1/vapi/signed HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n');
        for (let sent = 0; sent < 9; sent += 1) await write(socket, Buffer.alloc(1_000_000, ' '));
      }),
    );
    const answers = await Promise.all(hogs.map((hog) => hog.answer(500)));
    expect(answers.filter(({ text }) => text.includes('503')).length).toBeGreaterThan(2);
    expect(statusesIn((await signed(JSON.stringify({ message: { type: 'hang' } }))).text)).toEqual([200]);
    for (const { socket } of hogs) socket.destroy();
  });
});

describe('a verified webhook', () => {
  test('that is replayed is written once', async () => {
    const at = secondsAgo(0);
    const body = statusUpdate({ timestamp: 77, call: { id: 'call-replayed', type: 'outboundPhoneCall' } });
    const answers = await Promise.all([1, 2, 3, 4].map(() => signed(body, { at })));
    expect(answers.flatMap(({ text }) => statusesIn(text))).toEqual([200, 200, 200, 200]);
    expect((await world.database.query(`select count(*)::int as n from inbox where call_id = 'call-replayed'`)).rows).toEqual([{ n: 1 }]);
  });

  test('with text that the ledger cannot hold takes no other down with it', async () => {
    const bad = ['\0', '\ud800'].map((text) => statusUpdate({ timestamp: 78, call: { id: `bad-${text}` } }));
    const endings = ['\0', '\ud800'].map((text) =>
      statusUpdate({ timestamp: 79, call: { id: 'kept' }, endedReason: text, status: 'ended' }),
    );
    const good = Array.from({ length: 10 }, (_, index) => statusUpdate({ timestamp: 80, call: { id: `good-${index}` } }));
    const answers = await withstand(world, () => Promise.all([...bad, ...endings, ...good].map((body) => signed(body))));
    expect(answers.map(({ text }) => statusesIn(text)[0])).toEqual([400, 400, ...Array(12).fill(200)]);
  });

  test.each([
    { name: 'a list', body: '[]' },
    { name: 'no JSON', body: '{"message":' },
    { name: 'UTF-16', body: '\0{\0}' },
    { name: 'a message without a type', body: '{"message":{}}' },
    { name: 'a million brackets', body: '['.repeat(1_000_000) },
    { name: 'a type with a length that is none', body: '{"message":{"type":{"length":{"toString":1,"valueOf":1}}}}' },
    { name: 'a call that is a list', body: statusUpdate({ call: [] }) },
    { name: 'a status that is an object', body: statusUpdate({ status: { toString: 1 } }) },
  ])('of $name is refused by its field', async ({ body }) => {
    const seen = await withstand(world, () => signed(body));
    expect(statusesIn(seen.text)).toEqual([400]);
    expect(seen.text).toMatch(/"field":"(message|body)?[^"]*"/);
  });

  test('deep, of every type, and of types that nobody knows, leaves the worker as it was', async () => {
    const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
    const bodies = [...messageTypes, ...Array.from({ length: 5 }, (_, index) => `made-up-${index}`)].map(
      (type) => `{"message":{"type":"${type}","call":{"id":"deep","customer":${deep}},"artifact":${deep}}}`,
    );
    await withstand(world, async () => {
      for (const body of bodies) expect([200, 400]).toContain(statusesIn((await signed(body)).text)[0]);
    });
    const metrics = await send(world, ['GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n']);
    expect(metrics.text).not.toContain('made-up-');
  });
});

describe.concurrent('a handler that answers with', () => {
  const json = { 'content-type': 'application/json' };
  const ask = (id: string) =>
    signed(JSON.stringify({ message: { type: 'tool-calls', call: { id }, customer: { number: person.number, name: person.name } } }));
  const cases = [
    { name: 'a body without end', status: 503, answer: endless(0) },
    { name: 'a byte now and then', status: 503, answer: endless(200) },
    { name: 'nothing ever', status: 503, answer: () => undefined },
    { name: 'a failure that repeats secrets', status: 503, answer: failing() },
    { name: 'a redirect to somewhere else', status: 503, answer: redirecting() },
  ];
  beforeAll(() => {
    world.setHandler(async (request, response) => {
      const asked = await text(request);
      cases.find(({ name }) => asked.includes(`"${name}"`))?.answer(request, response);
    });
  });
  test.each(cases)('$name is cut off, and the provider asked to come again', async ({ name, status }) => {
    const seen = await withstand(world, () => ask(name));
    expect(statusesIn(seen.text)).toEqual([status]);
    expect(seen.text).toContain('"type":"urn:trunkline:problem:handler-away"');
  });

  function endless(pauseMs: number) {
    return (_request: unknown, response: ServerResponse) => {
      response.writeHead(200, json);
      const timer = setInterval(() => response.write(pauseMs === 0 ? 'x'.repeat(500_000) : ' '), Math.max(1, pauseMs));
      response.once('close', () => clearInterval(timer));
    };
  }
  function failing() {
    return (_request: unknown, response: ServerResponse) => void response.writeHead(500, json).end(`${person.name} ${secrets.apiKey}`);
  }
  function redirecting() {
    return (_request: unknown, response: ServerResponse) => void response.writeHead(307, { location: 'http://127.0.0.1:1/' }).end();
  }
});

test('nothing of it all stands in what the worker wrote', () => expectNothingWritten(world));
