import https from 'node:https';
import net from 'node:net';
import tls from 'node:tls';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openProject, type ProjectOptions } from '../../../providers/vapi/client.ts';
import type { CreateCallBody } from '../../../providers/vapi/contract.ts';
import { closedPort, portOf, type Reply, serve } from './http-server.ts';
import { localhost } from './localhost-certificate.ts';

const never = new AbortController().signal;
const body: CreateCallBody = {
  name: 'tl-0198f3a2-0000-7000-8000-000000000001',
  assistantId: 'assistant-1',
  phoneNumberId: 'number-1',
  customer: { number: '+14155550123' },
  assistantOverrides: {
    maxDurationSeconds: 600,
    server: {
      url: 'https://voice.example.com/v1/vapi/front',
      timeoutSeconds: 20,
      headers: { 'x-vapi-secret': 'hush' },
      backoffPlan: { type: 'exponential', maxRetries: 10, baseDelaySeconds: 1 },
    },
    serverMessages: ['status-update', 'end-of-call-report'],
    variableValues: { plan: 'gold' },
    metadata: { trunkline: { pool: 'p', class: 'c', session: 's' } },
    transportConfigurations: [{ provider: 'twilio', timeout: 60 }],
  },
};

function open(baseUrl: string, options: Partial<ProjectOptions> = {}) {
  const project = openProject({ baseUrl, apiKey: async () => 'key-1', ...options });
  onTestFinished(project.close);
  return project;
}

const dial = (project: ReturnType<typeof open>, options: { mayWrite?: () => boolean; timeoutMs?: number; signal?: AbortSignal } = {}) =>
  project.create(body, { mayWrite: () => true, timeoutMs: 5_000, signal: never, ...options });

const call = (id: string, createdAt: string, more: object = {}) => ({
  id,
  orgId: 'org-1',
  type: 'outboundPhoneCall',
  status: 'in-progress',
  createdAt,
  updatedAt: createdAt,
  ...more,
});

describe('a creation', () => {
  test('sends the body once, with the key, and returns what was created', async () => {
    const limits = { concurrencyBlocked: false, concurrencyLimit: 10, remainingConcurrentCalls: 9 };
    const monitor = { controlUrl: 'https://control.example/1' };
    const provider = await serve(() => ({ status: 201, body: { id: 'call-1', orgId: 'org-1', monitor, subscriptionLimits: limits } }));

    expect(await dial(open(provider.url))).toEqual({
      kind: 'created',
      callId: 'call-1',
      orgId: 'org-1',
      controlUrl: 'https://control.example/1',
      limits: { blocked: false, limit: 10, remaining: 9 },
    });
    expect(provider.requests).toHaveLength(1);
    expect(provider.requests[0]?.headers.authorization).toBe('Bearer key-1');
    expect(JSON.parse(provider.requests[0]?.body ?? '')).toEqual(body);
  });

  test.each([400, 401, 403, 408, 429, 500, 502, 503, 504, 520])('is not repeated after %i', async (status) => {
    const provider = await serve(() => ({ status, body: { message: 'no', statusCode: status } }));
    await dial(open(provider.url));
    expect(provider.requests).toHaveLength(1);
  });

  test.each([
    { name: 'a refusal for want of a line', reply: { status: 400, body: { message: 'Over Concurrency Limit.' } }, kind: 'refused' },
    { name: 'a server error', reply: { status: 500, body: { message: 'Internal' } }, kind: 'ambiguous' },
    { name: 'a timeout at a proxy', reply: { status: 504, body: '<html>', headers: { 'content-type': 'text/html' } }, kind: 'ambiguous' },
    { name: 'a success without a readable call', reply: { status: 201, body: '<html>' }, kind: 'ambiguous' },
    { name: 'a redirect, which is not followed', reply: { status: 307, headers: { location: '/elsewhere' } }, kind: 'refused' },
  ] satisfies { name: string; reply: Reply; kind: string }[])('tells $name', async ({ reply, kind }) => {
    const provider = await serve(() => reply);
    expect(await dial(open(provider.url))).toMatchObject({ kind });
    expect(provider.requests).toHaveLength(1);
  });

  test('shows no phone number in what it says', async () => {
    const provider = await serve(() => ({ status: 400, body: { message: ['customer.number +1 (415) 555-0123 is not E.164'] } }));
    expect(await dial(open(provider.url))).toMatchObject({ outcome: 'Permanent', detail: '400 customer.number …23 is not E.164' });
  });

  test('is ambiguous when no answer comes in time', async () => {
    const provider = await serve(() => undefined);
    expect(await dial(open(provider.url), { timeoutMs: 100 })).toEqual({ kind: 'ambiguous', detail: 'no answer within 100 ms' });
  });

  test('is ambiguous when the answer stops in the middle', async () => {
    const provider = await serve((_, response) => {
      response.writeHead(201, { 'content-type': 'application/json', 'content-length': '1000' });
      response.write('{"id":"call-1"');
      return undefined;
    });
    expect(await dial(open(provider.url), { timeoutMs: 200 })).toMatchObject({ kind: 'ambiguous' });
  });

  test('is ambiguous when the connection is reset after it was sent', async () => {
    const provider = await serve((_, response) => {
      response.socket?.resetAndDestroy();
      return undefined;
    });
    expect(await dial(open(provider.url))).toMatchObject({ kind: 'ambiguous', detail: expect.stringContaining('ECONNRESET') });
  });

  test('is ambiguous when it is given up after it was sent', async () => {
    const leave = new AbortController();
    const provider = await serve(() => {
      leave.abort();
      return undefined;
    });
    expect(await dial(open(provider.url), { signal: leave.signal })).toMatchObject({ kind: 'ambiguous' });
  });
});

describe('nothing is sent', () => {
  test('once the moment has passed', async () => {
    const provider = await serve(() => ({ status: 201, body: { id: 'call-1' } }));
    expect(await dial(open(provider.url), { mayWrite: () => false })).toEqual({ kind: 'unsent' });
    expect(provider.requests).toHaveLength(0);
  });

  test('when the moment passes while the connection opens', async () => {
    const provider = await serve(() => ({ status: 201, body: { id: 'call-1' } }));
    let connectedWhenAsked = -1;
    const mayWrite = () => {
      connectedWhenAsked = provider.connections();
      return false;
    };
    await dial(open(provider.url), { mayWrite });
    expect(connectedWhenAsked).toBe(1);
    expect(provider.requests).toHaveLength(0);
  });

  test('while a TLS handshake does not end', async () => {
    let bytesAfterHello = '';
    const server = net.createServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (data) => {
        bytesAfterHello += data.toString('latin1');
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      server.close();
    });
    const project = open(`https://127.0.0.1:${portOf(server.address())}`);
    expect(await dial(project, { timeoutMs: 200 })).toEqual({ kind: 'unsent', detail: 'no answer within 200 ms' });
    expect(bytesAfterHello).not.toContain('/call');
  });

  test('to a closed port', async () => {
    const project = open(`http://127.0.0.1:${await closedPort()}`);
    expect(await dial(project)).toMatchObject({ kind: 'unsent', detail: expect.stringContaining('ECONNREFUSED') });
  });

  test('to a name that does not resolve', async () => {
    expect(await dial(open('http://provider.invalid'))).toMatchObject({
      kind: 'unsent',
      detail: expect.stringMatching(/ENOTFOUND|EAI_AGAIN/),
    });
  });

  test('without a key', async () => {
    const provider = await serve(() => ({ status: 201, body: { id: 'call-1' } }));
    const project = open(provider.url, { apiKey: () => Promise.reject(new Error('secret vapi/apiKey cannot be read')) });
    expect(await dial(project)).toEqual({ kind: 'keyless', detail: 'secret vapi/apiKey cannot be read' });
    expect(provider.requests).toHaveLength(0);
  });

  test('when it was given up before', async () => {
    const provider = await serve(() => ({ status: 201, body: { id: 'call-1' } }));
    expect(await dial(open(provider.url), { signal: AbortSignal.abort() })).toEqual({ kind: 'unsent' });
    expect(provider.requests).toHaveLength(0);
  });
});

test('requests share connections, and leave no listener on the signal that outlives them', async () => {
  const provider = await serve(() => ({ status: 201, body: { id: 'call-1' } }));
  const project = open(provider.url);
  const lasting = new AbortController().signal;
  let added = 0;
  let removed = 0;
  const { addEventListener, removeEventListener } = lasting;
  lasting.addEventListener = (...input: Parameters<typeof addEventListener>) => {
    added += 1;
    return addEventListener.apply(lasting, input);
  };
  lasting.removeEventListener = (...input: Parameters<typeof removeEventListener>) => {
    removed += 1;
    return removeEventListener.apply(lasting, input);
  };
  for (let sent = 0; sent < 20; sent += 1) await dial(project, { signal: lasting });
  expect(provider.requests).toHaveLength(20);
  expect(provider.connections()).toBe(1);
  expect(removed).toBe(added);
});

test('over TLS, a creation is sent when the handshake is done, and the next one over the same connection', async () => {
  const trusted = tls.getCACertificates();
  tls.setDefaultCACertificates([...trusted, localhost.certificate]);
  onTestFinished(() => tls.setDefaultCACertificates(trusted));
  let handshakes = 0;
  const server = https.createServer({ key: localhost.key, cert: localhost.certificate }, (_, response) => {
    response.writeHead(201, { 'content-type': 'application/json' }).end('{"id":"call-1"}');
  });
  server.on('secureConnection', () => {
    handshakes += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const project = open(`https://localhost:${portOf(server.address())}`);
  expect(await dial(project)).toMatchObject({ kind: 'created' });
  expect(await dial(project)).toMatchObject({ kind: 'created' });
  expect(handshakes).toBe(1);
});

test('every request is reported with its status', async () => {
  const provider = await serve(({ method }) => (method === 'POST' ? { status: 429 } : { status: 404 }));
  const seen: [string, number | undefined][] = [];
  const project = open(provider.url, { onRequest: (kind, ms, status) => ms >= 0 && seen.push([kind, status]) });
  await dial(project);
  await project.get('call-1', never);
  expect(seen).toEqual([
    ['create', 429],
    ['get', 404],
  ]);
});

describe('a look-up', () => {
  test('reduces the call to what we use, whatever else it holds', async () => {
    const found = call('call-1', '2026-08-20T10:00:00.000Z', {
      name: 'tl-1',
      status: 'a-status-of-tomorrow',
      customer: { number: '+14155550123', more: true },
      cost: 0.12,
      artifact: { messages: [{}] },
    });
    const provider = await serve(() => ({ status: 200, body: found }));
    expect(await open(provider.url).get('call-1', never)).toEqual({
      kind: 'found',
      call: {
        id: 'call-1',
        orgId: 'org-1',
        name: 'tl-1',
        direction: 'Outbound',
        status: 'unknown',
        terminal: false,
        endedReason: undefined,
        phoneNumberId: undefined,
        customerNumber: '+14155550123',
        controlUrl: undefined,
        createdAt: '2026-08-20T10:00:00.000Z',
        updatedAt: '2026-08-20T10:00:00.000Z',
        costUsd: 0.12,
      },
    });
  });

  test.each(['ended', 'not-found', 'deletion-failed'])('takes %s as the end', async (status) => {
    const provider = await serve(() => ({ status: 200, body: call('call-1', '2026-08-20T10:00:00Z', { status }) }));
    expect(await open(provider.url).get('call-1', never)).toMatchObject({ kind: 'found', call: { terminal: true } });
  });

  test('believes that a call is gone only from the provider, not from a proxy', async () => {
    const provider = await serve(() => ({ status: 404, body: { message: 'Not Found', statusCode: 404 } }));
    expect(await open(provider.url).get('call-1', never)).toEqual({ kind: 'gone' });
    const proxy = await serve(() => ({ status: 404, body: '<html>nothing here</html>', headers: { 'content-type': 'text/html' } }));
    expect(await open(proxy.url).get('call-1', never)).toMatchObject({ kind: 'failed', status: 404 });
  });

  test.each([
    { reply: { status: 429 }, status: 429 },
    { reply: { status: 500 }, status: 500 },
    { reply: { status: 200, body: '<html>' }, status: 200 },
  ])('that is answered with $status and no call proves nothing', async ({ reply, status }) => {
    const provider = await serve(() => reply);
    expect(await open(provider.url).get('call-1', never)).toMatchObject({ kind: 'failed', status });
  });

  test('reads the key again when it is refused, and asks once more with a new one', async () => {
    const keys = ['old', 'new', 'new'];
    const provider = await serve(({ headers }) =>
      headers.authorization === 'Bearer new' ? { status: 200, body: call('call-1', '2026-08-20T10:00:00Z') } : { status: 401 },
    );
    const project = open(provider.url, { apiKey: async () => keys.shift() ?? 'new' });
    expect(await project.get('call-1', never)).toMatchObject({ kind: 'found' });
    expect(provider.requests).toHaveLength(2);
  });

  test('does not insist on a key that stays refused', async () => {
    const provider = await serve(() => ({ status: 403, body: { message: 'Forbidden' } }));
    expect(await open(provider.url).get('call-1', never)).toMatchObject({ kind: 'failed', status: 403 });
    expect(provider.requests).toHaveLength(1);
  });
});

describe('hanging up', () => {
  test('posts to the control URL', async () => {
    const provider = await serve(() => ({ status: 200 }));
    expect(await open(provider.url).hangUp(`${provider.url}/call-1/control`, never)).toMatchObject({ ok: true });
    expect(provider.requests[0]).toMatchObject({ method: 'POST', body: '{"type":"end-call"}' });
    expect(provider.requests[0]?.headers.authorization).toBeUndefined();
  });

  test.each(['http://169.254.169.254/latest', 'https://vapi.ai.evil.example/control', 'not a url'])(
    'never posts to %s',
    async (controlUrl) => {
      expect(await open('https://api.vapi.ai').hangUp(controlUrl, never)).toMatchObject({ ok: false });
    },
  );

  test('says so when nobody listens', async () => {
    const port = await closedPort();
    expect(await open(`http://127.0.0.1:${port}`).hangUp(`http://127.0.0.1:${port}/control`, never)).toMatchObject({ ok: false });
  });
});
