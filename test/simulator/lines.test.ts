import { describe, expect, test } from 'vitest';
import { ask, dial, manualClock, plainCampaign, simulate } from './fixture.ts';

const number = (n: number) => `+121255000${String(n).padStart(2, '0')}`;

describe('the gate', () => {
  test('counts all projects of a subscription together, and each subscription alone', () => {
    const simulation = simulate();
    expect(dial(simulation, 'front', number(1)).body['subscriptionLimits']).toEqual({
      concurrencyBlocked: false,
      concurrencyLimit: 3,
      remainingConcurrentCalls: 2,
    });
    dial(simulation, 'sales', number(2));
    dial(simulation, 'front', number(3));
    expect(dial(simulation, 'sales', number(4))).toEqual({
      status: 400,
      body: {
        statusCode: 400,
        message: 'Over Concurrency Limit.',
        error: 'Bad Request',
        subscriptionLimits: { concurrencyBlocked: true, concurrencyLimit: 3, remainingConcurrentCalls: 0 },
      },
    });
    expect(dial(simulation, 'far', number(5)).status).toBe(201);
    expect(simulation.report()).toMatchObject({
      subscriptions: { main: { peak: 3, overLimitRefusals: 1 }, second: { peak: 1, overLimitRefusals: 0 } },
      dials: 4,
      violations: [],
    });
  });

  test('says nothing of limits when the scenario hides them', () => {
    const simulation = simulate({ provider: { limitsInAnswers: false } });
    expect(dial(simulation, 'front', number(1)).body['subscriptionLimits']).toBeUndefined();
  });

  test('follows a limit that changes while it runs', () => {
    const clock = manualClock();
    const simulation = simulate({ traffic: [], provider: { limits: [{ subscription: 'main', atSeconds: 5, limit: 1 }] } }, { clock });
    simulation.start({ url: 'http://127.0.0.1:1', token: 't' });
    dial(simulation, 'front', number(1));
    dial(simulation, 'front', number(2));
    clock.advance(5_001);
    return Promise.resolve().then(() => {
      expect(dial(simulation, 'front', number(3)).status).toBe(400);
      expect(simulation.report().subscriptions['main']).toMatchObject({ limit: 1, peak: 2 });
    });
  });
});

describe('a call', () => {
  test('is queued, rings, is talked and ends, with every instant on record', () => {
    const clock = manualClock();
    const simulation = simulate({}, { clock });
    const id = dial(simulation, 'sales', number(1)).body['id'];
    const status = () => ask(simulation, 'sales', `GET /call/${id}`).body['status'];
    expect(status()).toBe('queued');
    clock.advance(1_000);
    expect(status()).toBe('ringing');
    clock.advance(10_000);
    expect(status()).toBe('in-progress');
    clock.advance(60_000);
    expect(ask(simulation, 'sales', `GET /call/${id}`).body).toMatchObject({
      status: 'ended',
      endedReason: expect.stringMatching(/-ended-call$/),
      cost: expect.any(Number),
    });
    expect(simulation.report().live).toBe(0);
  });

  test.each([
    { answer: { noAnswer: 1 }, reason: 'customer-did-not-answer' },
    { answer: { noAnswer: 0, busy: 1 }, reason: 'customer-busy' },
    { answer: { noAnswer: 0, busy: 0, voicemail: 1 }, reason: 'voicemail' },
    { answer: { noAnswer: 0, busy: 0, voicemail: 0, fault: 1 }, reason: 'call.in-progress.error-vapifault-transport-never-connected' },
  ])('ends by what the callee does: $reason', ({ answer, reason }) => {
    const clock = manualClock();
    const simulation = simulate({ traffic: [{ ...plainCampaign, answer }] }, { clock });
    const { body } = dial(simulation, 'sales', number(1));
    clock.advance(90_000);
    expect(ask(simulation, 'sales', `GET /call/${body['id']}`).body['endedReason']).toBe(reason);
  });

  test('is cut off at its longest duration', () => {
    const clock = manualClock();
    const simulation = simulate({}, { clock });
    const metadata = { trunkline: { pool: 'test', class: 'campaign', session: 's' } };
    const { body } = dial(simulation, 'sales', number(1), { assistantOverrides: { maxDurationSeconds: 10, metadata } });
    clock.advance(30_000);
    expect(ask(simulation, 'sales', `GET /call/${body['id']}`).body['endedReason']).toBe('exceeded-max-duration');
  });

  test('is ended through its control URL, and only through that', () => {
    const simulation = simulate();
    const { body } = dial(simulation, 'sales', number(1));
    const call = simulation.exchange.get(String(body['id']));
    expect(body['monitor']).toEqual({ controlUrl: `http://127.0.0.1:1/${body['id']}/${call?.record.controlToken}/control` });
    expect(simulation.api.control(call, '{"type":"say"}')).toMatchObject({ status: 400 });
    expect(simulation.api.control(call, '{"type":"end-call"}')).toMatchObject({ status: 200 });
    expect(ask(simulation, 'sales', `GET /call/${body['id']}`).body['endedReason']).toBe('manually-canceled');
  });

  test('lasts a twentieth of the time at speed 20', () => {
    const clock = manualClock();
    const simulation = simulate({}, { clock, speed: 20 });
    dial(simulation, 'sales', number(1));
    clock.advance(3_400);
    expect(simulation.report().live).toBe(1);
    clock.advance(200);
    expect(simulation.report().live).toBe(0);
  });
});

test('a line stays taken after the end for the drawn lag', () => {
  const clock = manualClock();
  const simulation = simulate({ provider: { releaseLagSeconds: { min: 2, max: 2 } } }, { clock });
  for (const each of [1, 2, 3]) dial(simulation, 'front', number(each));
  clock.advance(71_000);
  expect(simulation.report().live).toBe(0);
  expect(dial(simulation, 'front', number(4)).status).toBe(400);
  clock.advance(2_000);
  expect(dial(simulation, 'front', number(4)).status).toBe(201);
});

test('requests are counted per project and minute of UTC, and refused without a hint when to come again', () => {
  const clock = manualClock(Date.parse('2026-03-01T12:00:30Z'));
  const simulation = simulate({}, { clock });
  for (let request = 0; request < 6; request += 1) expect(ask(simulation, 'sales', 'GET /call').status).toBe(200);
  expect(ask(simulation, 'sales', 'GET /call').status).toBe(429);
  expect(ask(simulation, 'front', 'GET /call').status).toBe(200);
  clock.advance(30_000);
  expect(ask(simulation, 'sales', 'GET /call').status).toBe(200);
  expect(simulation.report().requestRateRefusals).toBe(1);
});

describe('lists', () => {
  test('show the newest first, filtered and limited', () => {
    const clock = manualClock();
    const simulation = simulate({}, { clock });
    const first = dial(simulation, 'front', number(1)).body['id'];
    clock.advance(5_000);
    const second = dial(simulation, 'front', number(2)).body['id'];
    const listed = (query: string) => {
      const body: unknown = ask(simulation, 'front', `GET /call?${query}`).body;
      return Array.isArray(body) ? body.map((each: { id: string }) => each.id) : [];
    };
    const since = new Date(clock.nowMs()).toISOString();
    expect(listed('')).toEqual([second, first]);
    expect(listed('limit=1')).toEqual([second]);
    expect(listed('limit=0')).toEqual([]);
    expect(listed(`createdAtGe=${since}`)).toEqual([second]);
    expect(listed(`createdAtGt=${since}`)).toEqual([]);
    expect(listed(`createdAtLt=${since}`)).toEqual([first]);
    expect(listed(`id=${first}`)).toEqual([first]);
    expect(listed('phoneNumberId=other')).toEqual([]);
    clock.advance(66_000);
    expect(listed(`updatedAtGe=${new Date(clock.nowMs() - 5_000).toISOString()}`)).toEqual([first]);
  });

  test('lag behind, look-ups do not', () => {
    const clock = manualClock();
    const simulation = simulate({ provider: { listLagSeconds: 20 } }, { clock });
    const { body } = dial(simulation, 'front', number(1));
    const listed = () => ask(simulation, 'front', 'GET /call').body;
    expect(listed()).toEqual([]);
    clock.advance(20_500);
    expect(listed()).toMatchObject([{ status: 'queued' }]);
    expect(ask(simulation, 'front', `GET /call/${body['id']}`).body['status']).toBe('in-progress');
  });
});

describe('faults of creations', () => {
  test.each([
    { name: 'an error before the call exists', creations: { errorBefore: 1 }, status: 500, live: 0 },
    { name: 'an error after it exists', creations: { errorAfter: 1 }, status: 500, live: 1 },
    { name: 'no answer though it exists', creations: { timeoutAfter: 1 }, status: 0, live: 1 },
  ])('$name', ({ creations, status, live }) => {
    const simulation = simulate({ provider: { creations } });
    expect(dial(simulation, 'front', number(1)).status).toBe(status);
    expect(simulation.report().live).toBe(live);
  });

  test('an outage of one project, for a while', () => {
    const clock = manualClock();
    const outages = [{ project: 'sales', fromSeconds: 0, toSeconds: 10, status: 503 }];
    const simulation = simulate({ provider: { outages } }, { clock });
    expect(dial(simulation, 'sales', number(1)).status).toBe(503);
    expect(dial(simulation, 'front', number(1)).status).toBe(201);
    clock.advance(10_000);
    expect(dial(simulation, 'sales', number(2)).status).toBe(201);
  });
});

describe('foreign calls', () => {
  test.each([
    { visible: true, listed: 2 },
    { visible: false, listed: 0 },
  ])('take lines, leave again, and are listed only where they are visible: $visible', async ({ visible, listed }) => {
    const clock = manualClock();
    const simulation = simulate(
      { traffic: [plainCampaign, { kind: 'foreign', subscription: 'main', lines: 2, fromSeconds: 1, toSeconds: 9, visible }] },
      { clock },
    );
    simulation.start({ url: 'http://127.0.0.1:1', token: 't' });
    dial(simulation, 'front', number(1));
    dial(simulation, 'front', number(2));
    clock.advance(1_000);
    await Promise.resolve();
    // One line was free; the other is taken the moment it is given back.
    expect(dial(simulation, 'front', number(3)).status).toBe(400);
    const own = simulation.exchange.live().find((call) => call.record.customer?.number === number(1));
    simulation.api.control(own, '{"type":"end-call"}');
    expect(dial(simulation, 'front', number(3)).status).toBe(400);
    const all: unknown = ask(simulation, 'front', 'GET /call').body;
    expect(Array.isArray(all) ? all.filter((each: { name: string }) => each.name === 'not of the pool') : []).toHaveLength(listed);
    clock.advance(8_000);
    expect(dial(simulation, 'front', number(3)).status).toBe(201);
    expect(simulation.report()).toMatchObject({ dials: 3, live: 2, subscriptions: { main: { peak: 3 } } });
  });
});
