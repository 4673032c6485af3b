import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import type { HandlerSpec } from '../../../crds/pool.ts';
import { followHandler } from '../../../workers/handler/following.ts';
import type { Secrets } from '../../../workers/secrets.ts';
import { serve } from '../../providers/vapi/http-server.ts';

const secrets: Secrets = { read: async () => 'k1', readAll: async () => ['k1'] };
const event = { raw: Buffer.from('{}'), type: 'tool-calls', callId: 'call-1', project: 'us-sales', headers: {} };

test('new events go where the policy says now, and those under way are answered where they went', async () => {
  const before = await serve(async () => {
    await sleep(300);
    return { status: 200, body: 'before' };
  });
  const after = await serve(() => ({ status: 200, body: 'after' }));
  let spec: HandlerSpec | undefined = { url: before.url, timeout: '5s' };
  const handler = followHandler(() => spec, { secrets, log: pino({ level: 'silent' }), observe: () => undefined });
  onTestFinished(() => handler.close());
  const ask = () => handler.answer(event, new AbortController().signal);

  const underWay = ask();
  spec = { url: after.url, timeout: '5s' };
  expect(await ask()).toMatchObject({ kind: 'answer', body: Buffer.from('after') });
  expect(await underWay).toMatchObject({ kind: 'answer', body: Buffer.from('before') });

  spec = undefined;
  expect(await ask()).toEqual({ kind: 'none' });
  spec = { url: after.url, timeout: '5s' };
  expect(await ask()).toMatchObject({ kind: 'answer' });
  expect([before.requests.length, after.requests.length]).toEqual([1, 2]);
});
