import { describe, expect, test } from 'vitest';
import { systemClock } from '../../simulator/clock.ts';
import type { Simulation } from '../../simulator/simulation.ts';
import { violationsOf } from '../../simulator/vapi/spec/conformance.ts';
import { ask, ids, manualClock, numbers, type Received, receiver, simulate, until } from './fixture.ts';

const caller = '+12025500001';
const arrival = { dialled: numbers.vip, caller, lengthMs: 60_000, patienceMs: 280_000 };
const toAssistant = {
  assistantId: ids.reception,
  assistantOverrides: { metadata: { trunkline: { pool: 'test', class: 'vip', session: 's' } } },
};

async function ringing(answer: (received: Received) => { readonly status: number; readonly body?: unknown } | 'silence') {
  const clock = manualClock();
  const simulation = simulate({ traffic: [] }, { clock });
  const workers = await receiver((received) => (received.message['type'] === 'assistant-request' ? answer(received) : { status: 200 }));
  simulation.start({ url: workers.url, token: 't' });
  return { clock, simulation, ...workers };
}

function only(simulation: Simulation): Readonly<Record<string, unknown>> {
  const all: unknown = ask(simulation, 'front', 'GET /call').body;
  return Array.isArray(all) ? all[0] : {};
}

describe('an inbound caller', () => {
  test('is announced by assistant-request with the number’s secret, holds a line meanwhile, and talks to the assistant', async () => {
    const { clock, simulation, received } = await ringing(() => ({ status: 200, body: toAssistant }));
    simulation.inbound.ring(arrival);
    expect(simulation.report()).toMatchObject({ live: 1, inboundArrivals: 1, subscriptions: { main: { peak: 1 } } });
    await until(() => simulation.report().reservedAnswerMs.p50 >= 0 && simulation.exchange.live()[0]?.assistantId === ids.reception);
    const [request] = received;
    expect(request).toMatchObject({
      path: '/v1/vapi/front',
      headers: { 'x-vapi-secret': 'front-secret' },
      message: { customer: { number: caller } },
    });
    expect(violationsOf('ServerMessageAssistantRequest', request?.message)).toEqual([]);

    clock.advance(1);
    expect(only(simulation)).toMatchObject({ type: 'inboundPhoneCall', status: 'in-progress', assistantId: ids.reception });
    clock.advance(70_000);
    await until(() => received.length === 4);
    expect(received.slice(1).map(({ message }) => message['status'] ?? message['type'])).toEqual([
      'in-progress',
      'ended',
      'end-of-call-report',
    ]);
    expect(simulation.report()).toMatchObject({ live: 0, violations: [] });
  });

  test.each([
    {
      name: 'a destination',
      body: { destination: { type: 'number', number: '+14155550999' } },
      reason: 'assistant-request-returned-forwarding-phone-number',
      afterMs: 0,
    },
    {
      name: 'an error, which is spoken',
      body: { error: 'All lines are busy.' },
      reason: 'assistant-request-returned-error',
      afterMs: 3_000,
    },
    { name: 'an assistant of another project', body: { assistantId: 'nobody' }, reason: 'assistant-not-found', afterMs: 0 },
  ])('is answered with $name', async ({ body, reason, afterMs }) => {
    const { clock, simulation } = await ringing(() => ({ status: 200, body }));
    simulation.inbound.ring(arrival);
    await until(() => simulation.report().reservedAnswerMs.p50 > 0);
    if (afterMs > 0) {
      clock.advance(afterMs - 1);
      expect(simulation.report().live).toBe(1);
    }
    clock.advance(1);
    expect(only(simulation)).toMatchObject({ status: 'ended', endedReason: reason });
    expect(simulation.report().violations).toEqual([]);
  });

  test.each([
    { name: 'with a field that does not exist', body: { assistantID: 'x' }, says: 'property assistantID should not exist' },
    { name: 'with nothing', body: {}, says: 'neither assistantId, destination nor error' },
    { name: 'with something else than JSON', body: 'hello', says: 'not a JSON object' },
  ])('is lost when answered $name, and that is our violation', async ({ body, says }) => {
    const { simulation } = await ringing(() => ({ status: 200, body }));
    simulation.inbound.ring(arrival);
    await until(() => simulation.report().live === 0);
    expect(simulation.report().violations).toEqual([`answer to assistant-request: ${says}`]);
  });

  test('hears busy when the provider has no line, before anyone is asked', async () => {
    const { simulation, received } = await ringing(() => 'silence');
    for (let call = 0; call < 4; call += 1) simulation.inbound.ring(arrival);
    await until(() => received.length === 3);
    expect(simulation.report()).toMatchObject({ inboundArrivals: 4, inboundRefusedAtProvider: 1, live: 3 });
  });

  test('hangs up when patience is over', async () => {
    const { clock, simulation } = await ringing(() => 'silence');
    simulation.inbound.ring({ ...arrival, patienceMs: 2_000 });
    clock.advance(2_000);
    expect(only(simulation)).toMatchObject({ status: 'ended', endedReason: 'customer-ended-call' });
    expect(simulation.report().inboundLateAnswers).toBe(0);
  });

  test('is lost after 7.5 s without an answer, at any speed', async () => {
    const simulation = simulate({ traffic: [] }, { clock: systemClock(), speed: 20 });
    const { url } = await receiver(() => 'silence');
    simulation.start({ url, token: 't' });
    simulation.inbound.ring(arrival);
    await new Promise((resolve) => setTimeout(resolve, 6_500));
    expect(simulation.report()).toMatchObject({ live: 1, inboundLateAnswers: 0 });
    await until(() => simulation.report().live === 0);
    expect(simulation.report()).toMatchObject({ inboundLateAnswers: 1, reservedAnswerMs: { p50: expect.any(Number) } });
    expect(only(simulation)['endedReason']).toBe('assistant-request-failed');
  });
});
