import { createHmac } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { HandlerSpec } from '../../../crds/pool.ts';
import { type Handler, openHandler } from '../../../workers/handler/handler.ts';
import type { Secrets } from '../../../workers/secrets.ts';
import { closedPort, serve } from '../../providers/vapi/http-server.ts';

const never = new AbortController().signal;
const raw = Buffer.from('{"message": {"type": "tool-calls", "é": 1}}');
const secrets: Secrets = { read: async () => 'k1', readAll: async () => ['k1'] };

function open(spec: HandlerSpec, observe: (type: string, ms: number) => void = () => undefined): Handler {
  const handler = openHandler(spec, { secrets, log: pino({ level: 'silent' }), observe, wallClock: () => 1_700_000_000_123 });
  onTestFinished(() => handler.close());
  return handler;
}

const ask = (handler: Handler, type = 'tool-calls', signal: AbortSignal = never) =>
  handler.answer(
    { raw, type, callId: 'call-1', project: 'us-sales', headers: { 'content-type': 'application/json', 'x-vapi-secret': 'w1' } },
    signal,
  );

describe("the team's address", () => {
  test("gets the provider's bytes, signed by us, and its answer goes back", async () => {
    const team = await serve(() => ({
      status: 200,
      body: { results: [] },
      headers: { 'content-type': 'application/json; charset=utf-8' },
    }));
    const handler = open({ url: `${team.url}/vapi`, secretRef: { name: 'team', key: 'secret' }, timeout: '5s' });
    expect(await ask(handler)).toEqual({
      kind: 'answer',
      status: 200,
      contentType: 'application/json; charset=utf-8',
      body: Buffer.from('{"results":[]}'),
    });
    const [received] = team.requests;
    expect(received).toMatchObject({ method: 'POST', body: raw.toString() });
    expect(received?.headers).toMatchObject({
      'x-trunkline-timestamp': '1700000000',
      'x-trunkline-signature': `sha256=${createHmac('sha256', 'k1').update(`1700000000.${raw}`).digest('hex')}`,
      'x-trunkline-event': 'tool-calls',
      'x-trunkline-project': 'us-sales',
    });
    expect(received?.headers).not.toHaveProperty('x-vapi-secret');
  });

  test('is not signed to without a secret', async () => {
    const team = await serve(() => ({ status: 200 }));
    await ask(open({ url: team.url, timeout: '5s' }));
    expect(team.requests[0]?.headers).not.toHaveProperty('x-trunkline-signature');
  });

  test.each([
    { name: 'an empty answer', reply: { status: 200, body: '' }, wanted: { kind: 'none' } },
    { name: 'an error', reply: { status: 500 }, wanted: { kind: 'failed', detail: 'the handler answered 500' } },
    {
      name: 'a redirect',
      reply: { status: 302, headers: { location: 'http://10.0.0.1/' } },
      wanted: { kind: 'failed', detail: 'the handler answered 302' },
    },
    {
      name: 'an endless answer',
      reply: { status: 200, body: 'x'.repeat(3_000_000) },
      wanted: { kind: 'failed', detail: expect.stringContaining('larger than') },
    },
  ])('may give $name', async ({ reply, wanted }) => {
    const team = await serve(() => reply);
    expect(await ask(open({ url: team.url, timeout: '5s' }))).toEqual(wanted);
    expect(team.requests).toHaveLength(1);
  });

  test('that does not answer in time is late', async () => {
    const team = await serve(() => undefined);
    expect(await ask(open({ url: team.url, timeout: '100ms' }))).toEqual({ kind: 'late' });
  });

  test('is given up with its event', async () => {
    const team = await serve(() => undefined);
    expect(await ask(open({ url: team.url, timeout: '5s' }), 'tool-calls', AbortSignal.timeout(50))).toEqual({ kind: 'late' });
  });

  test('where nobody listens fails', async () => {
    const handler = open({ url: `http://127.0.0.1:${await closedPort()}`, timeout: '5s' });
    expect(await ask(handler)).toMatchObject({ kind: 'failed', detail: expect.stringContaining('ECONNREFUSED') });
  });

  test('is reached over connections that stay open, and every event is timed', async () => {
    const team = await serve(() => ({ status: 200 }));
    const timed: string[] = [];
    const handler = open({ url: team.url, timeout: '5s' }, (type, ms) => ms >= 0 && timed.push(type));
    for (let events = 0; events < 10; events += 1) await ask(handler);
    expect(team.connections()).toBe(1);
    expect(timed).toEqual(Array(10).fill('tool-calls'));
  });
});

describe('a slow address', () => {
  test('is asked by so many events at once, so many wait, and the rest is told that it is busy', async () => {
    let open_ = 0;
    let peak = 0;
    const team = await serve(async () => {
      open_ += 1;
      peak = Math.max(peak, open_);
      await sleep(100);
      open_ -= 1;
      return { status: 200, body: '{}' };
    });
    const handler = open({ url: team.url, timeout: '10s' });
    const answers = await Promise.all(Array.from({ length: 200 }, () => ask(handler)));
    expect(peak).toBe(32);
    expect(answers.filter((answer) => answer.kind === 'answer')).toHaveLength(160);
    expect(answers.filter((answer) => answer.kind === 'failed' && answer.detail.startsWith('busy'))).toHaveLength(40);
  });

  test('that is full of reports still answers tool calls', async () => {
    const team = await serve(({ headers }) => (headers['x-trunkline-event'] === 'tool-calls' ? { status: 200, body: '{}' } : undefined));
    const handler = open({ url: team.url, timeout: '300ms' });
    const reports = Array.from({ length: 100 }, () => ask(handler, 'end-of-call-report', AbortSignal.timeout(500)));
    expect(await ask(handler)).toMatchObject({ kind: 'answer' });
    for (const report of await Promise.all(reports)) expect(report).toEqual({ kind: 'late' });
  });
});
