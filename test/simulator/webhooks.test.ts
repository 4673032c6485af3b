import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { violationsOf } from '../../simulator/vapi/spec/conformance.ts';
import { dial, manualClock, type Received, receiver, simulate, until } from './fixture.ts';

const number = '+12125500001';
const backoffPlan = { type: 'exponential', maxRetries: 2, baseDelaySeconds: 1 } as const;

function overrides(url: string, more: object = {}) {
  return {
    assistantOverrides: {
      server: { url: `${url}/hook`, timeoutSeconds: 5, headers: { 'x-vapi-secret': 'mine' }, backoffPlan },
      metadata: { trunkline: { pool: 'test', class: 'campaign', session: 's' } },
      ...more,
    },
  };
}

const kinds = (received: readonly Received[]) =>
  received.map(({ message }) => [message['type'], message['status']].filter(Boolean).join(' '));

describe('webhooks', () => {
  test('tell every status and then the report, to the call’s own server with its headers, in the documented shapes', async () => {
    const clock = manualClock();
    const simulation = simulate({}, { clock });
    const { url, received } = await receiver(() => ({ status: 200 }));
    const { body } = dial(simulation, 'sales', number, overrides(url));
    const expected = [
      'status-update queued',
      'status-update ringing',
      'status-update in-progress',
      'status-update ended',
      'end-of-call-report',
    ];
    for (const [index, spanMs] of [0, 1_000, 10_000, 60_000, 6_000].entries()) {
      clock.advance(spanMs);
      await until(() => received.length > index);
    }
    expect(kinds(received)).toEqual(expected);
    for (const { path, headers, message } of received) {
      expect({ path, secret: headers['x-vapi-secret'] }).toEqual({ path: '/hook', secret: 'mine' });
      const schema = message['type'] === 'status-update' ? 'ServerMessageStatusUpdate' : 'ServerMessageEndOfCallReport';
      expect(violationsOf(schema, message)).toEqual([]);
      expect(message['call']).toMatchObject({ id: body['id'], name: body['name'] });
    }
    expect(received.at(-1)?.message).toMatchObject({
      endedReason: expect.any(String),
      cost: expect.any(Number),
      analysis: { summary: expect.any(String) },
    });
    expect(simulation.report().violations).toEqual([]);
  });

  test('are only those that the call subscribed to', async () => {
    const clock = manualClock();
    const simulation = simulate({}, { clock });
    const { url, received } = await receiver(() => ({ status: 200 }));
    dial(simulation, 'sales', number, overrides(url, { serverMessages: ['end-of-call-report'] }));
    clock.advance(90_000);
    await until(() => received.length === 1);
    expect(kinds(received)).toEqual(['end-of-call-report']);
  });

  test('are tried again after each failure, later each time, as often as the plan says', async () => {
    const clock = manualClock();
    const simulation = simulate({}, { clock, speed: 10 });
    const { url, received } = await receiver(() => ({ status: 503 }));
    dial(simulation, 'sales', number, overrides(url, { serverMessages: ['end-of-call-report'] }));
    clock.advance(9_000);
    await until(() => received.length === 1);
    // 1 s, then 2 s, at speed 10. The failure is noticed in real time, a moment after it was sent.
    for (const [count, waitMs] of [
      [2, 100],
      [3, 200],
    ] as const) {
      const sinceMs = clock.nowMs();
      await until(() => {
        if (received.length < count) clock.advance(10);
        return received.length === count;
      });
      expect(clock.nowMs() - sinceMs).toBeGreaterThanOrEqual(waitMs);
    }
    clock.advance(60_000);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(received).toHaveLength(3);
    expect(new Set(received.map((each) => each.text)).size).toBe(1);
  });

  test('are signed with the custom credential that the server names', async () => {
    const simulation = simulate();
    const { url, received } = await receiver(() => ({ status: 200 }));
    dial(simulation, 'sales', number, { assistantOverrides: { server: { url, credentialId: 'credential-1' } } });
    await until(() => received.length === 1);
    const [first] = received;
    const signed = createHmac('sha256', 'sales-secret').update(`${first?.headers['x-timestamp']}.${first?.text}`).digest('hex');
    expect(first?.headers['x-signature']).toBe(signed);
  });

  test.each([
    { name: 'lost', webhooks: { lost: 1 }, count: 0 },
    { name: 'doubled', webhooks: { doubled: 1 }, count: 2 },
    { name: 'none at all', webhooks: { none: true }, count: 0 },
    { name: 'as usual', webhooks: {}, count: 1 },
  ])('can be $name', async ({ webhooks, count }) => {
    const clock = manualClock();
    const simulation = simulate({ provider: { webhooks } }, { clock });
    const { url, received } = await receiver(() => ({ status: 200 }));
    dial(simulation, 'sales', number, overrides(url, { serverMessages: ['end-of-call-report'] }));
    clock.advance(90_000);
    if (count > 0) await until(() => received.length === count);
    else await new Promise((resolve) => setTimeout(resolve, 100));
    expect(received).toHaveLength(count);
  });

  test('can be late', async () => {
    const clock = manualClock();
    const simulation = simulate({ provider: { webhooks: { late: 1, lateSeconds: 30 } } }, { clock });
    const { url, received } = await receiver(() => ({ status: 200 }));
    dial(simulation, 'sales', number, overrides(url, { serverMessages: ['end-of-call-report'] }));
    clock.advance(80_000);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(received).toHaveLength(0);
    clock.advance(30_000);
    await until(() => received.length === 1);
  });
});
