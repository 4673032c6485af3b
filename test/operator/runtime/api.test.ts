import { createServer, type ServerResponse } from 'node:http';
import { setImmediate as macrotask } from 'node:timers/promises';
import { KubeConfig } from '@kubernetes/client-node';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openApi } from '../../../operator/runtime/api.ts';
import { kubeconfigAccess } from '../../../operator/runtime/kubeconfig.ts';
import { virtualClock } from './virtual-time.ts';

/** The API over the wire, before a server that answers as told. */
async function anApi(answer: (response: ServerResponse, url: string) => void) {
  const server = createServer((request, response) => answer(response, request.url ?? ''));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const config = new KubeConfig();
  config.loadFromClusterAndUser(
    { name: 'test', server: `http://127.0.0.1:${address.port}/behind/a/proxy/`, skipTLSVerify: true },
    { name: 'test', token: 'a-token' },
  );
  const clock = virtualClock();
  const api = openApi(kubeconfigAccess(config), clock);
  onTestFinished(async () => {
    api.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { api, clock, server };
}

const never = new AbortController().signal;
const call = { method: 'GET', path: '/api/v1/pods' } as const;

describe('a request', () => {
  test('keeps the path that stands before the API, and escapes its query', async () => {
    const { api } = await anApi((response, url) => response.end(JSON.stringify({ url })));
    const asked = { ...call, query: { labelSelector: 'a=b,c' } };
    expect(await api.request(asked, never)).toEqual({ url: '/behind/a/proxy/api/v1/pods?labelSelector=a%3Db%2Cc' });
  });

  test.each([
    { name: 'by its header', headers: { 'retry-after': '7' }, body: '{}', waitMs: 7_000 },
    { name: 'by its body', headers: {}, body: '{"details":{"retryAfterSeconds":3}}', waitMs: 3_000 },
    { name: 'for no more than two minutes', headers: { 'retry-after': '999999' }, body: '<html>', waitMs: 120_000 },
    { name: 'by nothing that can be read', headers: { 'retry-after': 'Fri, 01 Jan 2027 00:00:00 GMT' }, body: '', waitMs: undefined },
  ])('that comes too often is told when to come again, $name', async ({ headers, body, waitMs }) => {
    const { api } = await anApi((response) => response.writeHead(429, headers).end(body));
    await expect(api.request(call, never)).rejects.toMatchObject({ failure: { kind: 'refused', status: 429, retryAfterMs: waitMs } });
  });

  test('says in the words of the server why it was refused', async () => {
    const { api } = await anApi((response) => response.writeHead(409).end('{"message":"the object has changed","reason":"Conflict"}'));
    const failure = { kind: 'refused', status: 409, reason: 'Conflict' };
    await expect(api.request(call, never)).rejects.toMatchObject({ message: 'GET /api/v1/pods: the object has changed', failure });
  });

  test('is answered however many watches there are', async () => {
    const { api } = await anApi((response, url) => {
      if (url.includes('watch')) response.writeHead(200).flushHeaders();
      else response.end('{}');
    });
    const stop = new AbortController();
    const watches = Array.from({ length: 100 }, () =>
      api.stream({ ...call, query: { watch: '1' } }, 60_000, () => undefined, stop.signal).catch(() => undefined),
    );
    await macrotask();
    expect(await api.request(call, AbortSignal.timeout(5_000))).toEqual({});
    stop.abort();
    await Promise.all(watches);
  });

  test('whose connection breaks is unreachable, and so is one that is never answered', async () => {
    const broken = await anApi((response) => response.destroy());
    await expect(broken.api.request(call, never)).rejects.toMatchObject({ failure: { kind: 'unreachable' } });

    const arrived = Promise.withResolvers<void>();
    const silent = await anApi(() => arrived.resolve());
    const asked = expect(silent.api.request({ ...call, timeoutMs: 5_000 }, never)).rejects.toMatchObject({
      message: 'GET /api/v1/pods: no answer for 5 s',
      failure: { kind: 'unreachable' },
    });
    await arrived.promise;
    await silent.clock.advance(5_000);
    await asked;
  });

  test('ends with the reason of its signal', async () => {
    const stop = new AbortController();
    const over = new Error('over');
    const { api } = await anApi(() => stop.abort(over));
    await expect(api.request(call, stop.signal)).rejects.toBe(over);
  });

  test('takes nothing for an answer that is not JSON', async () => {
    const { api } = await anApi((response) => response.end('<html>'));
    await expect(api.request(call, never)).rejects.toMatchObject({ failure: { kind: 'unreadable' } });
  });
});

describe('a stream', () => {
  test('gives whole lines, however they arrive', async () => {
    const { api } = await anApi(async (response) => {
      response.write('{"a":"é');
      await macrotask();
      response.write('"}\n\n{"b"');
      response.end(':2}\n');
    });
    const lines: string[] = [];
    await api.stream(call, 1_000, (line) => lines.push(line), never);
    expect(lines).toEqual(['{"a":"é"}', '{"b":2}']);
  });

  test('that falls silent is given up, and every line before that keeps it', async () => {
    const first = Promise.withResolvers<void>();
    let write = (_text: string): void => {};
    const { api, clock } = await anApi((response) => {
      write = (text) => void response.write(text);
      write('1\n');
    });
    let heard = first;
    const over = expect(api.stream(call, 1_000, () => heard.resolve(), never)).rejects.toMatchObject({ failure: { kind: 'unreachable' } });
    await first.promise;
    await clock.advance(900);
    heard = Promise.withResolvers<void>();
    write('2\n');
    await heard.promise;
    await clock.advance(900);
    await clock.advance(200);
    await over;
  });

  test('ends when whoever reads it fails, with that error', async () => {
    const { api } = await anApi((response) => response.write('1\n'));
    const no = new TypeError('no');
    const reads = api.stream(
      call,
      1_000,
      () => {
        throw no;
      },
      never,
    );
    await expect(reads).rejects.toBe(no);
  });

  test('that is refused says so like any request', async () => {
    const { api } = await anApi((response) => response.writeHead(410).end('{"reason":"Expired"}'));
    await expect(api.stream(call, 1_000, () => undefined, never)).rejects.toMatchObject({ failure: { status: 410, reason: 'Expired' } });
  });
});
