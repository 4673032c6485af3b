import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { violationsOf } from '../../simulator/vapi/spec/conformance.ts';
import { ask, creation, dial, ids, simulate } from './fixture.ts';

const number = '+12125500001';

describe('a request that breaks the published description', () => {
  test.each([
    { name: 'an unknown field', body: creation(number, { priority: 1 }), says: 'property priority should not exist' },
    {
      name: 'an unknown field further in',
      body: creation(number, { customer: { number, vip: true } }),
      says: 'customer: property vip should not exist',
    },
    { name: 'a wrong type', body: creation(number, { name: 7 }), says: 'name must be string' },
    {
      name: 'a name that is too long',
      body: creation(number, { name: 'x'.repeat(41) }),
      says: 'name must NOT have more than 40 characters',
    },
    {
      name: 'a value below its bound',
      body: creation(number, { assistantOverrides: { maxDurationSeconds: 9 } }),
      says: 'assistantOverrides.maxDurationSeconds must be >= 10',
    },
    {
      name: 'a message type that does not exist',
      body: creation(number, { assistantOverrides: { serverMessages: ['status-updates'] } }),
      says: 'assistantOverrides.serverMessages.0 must be one of the documented values',
    },
    {
      name: 'more retries than the plan allows',
      body: creation(number, {
        assistantOverrides: { server: { url: 'http://x', backoffPlan: { type: 'fixed', maxRetries: 11, baseDelaySeconds: 1 } } },
      }),
      says: 'assistantOverrides.server.backoffPlan.maxRetries must be <= 10',
    },
    {
      name: 'a number that is not E.164',
      body: creation('02125500001'),
      says: 'customer.number must be a valid phone number in the E.164 format',
    },
    { name: 'no assistant', body: { phoneNumberId: ids.sales, customer: { number } }, says: 'assistantId is missing or malformed' },
    { name: 'a batch, which is not simulated', body: creation(number, { customers: [{ number }] }), says: 'customers is not simulated' },
  ])('is refused and counted: $name', ({ body, says }) => {
    const simulation = simulate();
    const answer = ask(simulation, 'sales', 'POST /call', body);
    expect(answer).toEqual({ status: 400, body: { message: [says], error: 'Bad Request', statusCode: 400 } });
    const { violations, dials } = simulation.report();
    expect(violations).toEqual([`POST /call: ${says}`]);
    expect(violations.join()).not.toContain(number.slice(2));
    expect(dials).toBe(0);
  });

  test.each([
    { query: 'status=ended', says: 'property status should not exist' },
    { query: 'limit=1001', says: 'limit must be <= 1000' },
    { query: 'limit=many', says: 'limit must be number' },
    { query: 'createdAtGe=yesterday', says: 'createdAtGe must match format "date-time"' },
  ])('is refused in a list: $query', ({ query, says }) => {
    expect(ask(simulate(), 'sales', `GET /call?${query}`)).toMatchObject({ status: 400, body: { message: [says] } });
  });

  test('that repeats itself is one finding', () => {
    const simulation = simulate();
    for (let times = 0; times < 3; times += 1) ask(simulation, 'sales', 'POST /call', creation(number, { priority: 1 }));
    expect(simulation.report().violations).toEqual(['POST /call: property priority should not exist (3 times)']);
  });
});

describe('a request for what is not there', () => {
  test.each([
    { name: 'assistant', body: creation(number, { assistantId: 'nobody' }), status: 400 },
    { name: 'phone number of another project', body: creation(number, { phoneNumberId: ids.vip }), status: 400 },
    {
      name: 'credential',
      body: creation(number, { assistantOverrides: { server: { url: 'http://x', credentialId: 'none' } } }),
      status: 400,
    },
  ])('is refused without being a violation: $name', ({ body, status }) => {
    const simulation = simulate();
    expect(ask(simulation, 'sales', 'POST /call', body).status).toBe(status);
    expect(simulation.report().violations).toEqual([]);
  });

  test('answers 401 to a wrong key, 404 to an unknown call and to one of another project', () => {
    const simulation = simulate();
    const created = dial(simulation, 'sales', number);
    expect(ask(simulation, 'nobody', 'GET /call').status).toBe(401);
    expect(ask(simulation, 'sales', `GET /call/${created.body['id']}`).status).toBe(200);
    expect(ask(simulation, 'front', `GET /call/${created.body['id']}`).status).toBe(404);
    expect(ask(simulation, 'sales', 'GET /call/3f2504e0-4f89-41d3-9a0c-0305e82c3301').status).toBe(404);
  });
});

describe('answers fit the description', () => {
  test('of a creation, a look-up, lists of calls, assistants and numbers', () => {
    const simulation = simulate();
    expect(violationsOf('Call', dial(simulation, 'front', number).body)).toEqual([]);
    for (const [route, schema] of [
      ['GET /call', 'Call'],
      ['GET /assistant', 'Assistant'],
      ['GET /phone-number', 'TwilioPhoneNumber'],
    ] as const) {
      const listed: unknown = ask(simulation, 'front', route).body;
      expect(Array.isArray(listed) && listed.length > 0).toBe(true);
      for (const each of Array.isArray(listed) ? listed : []) expect(violationsOf(schema, each)).toEqual([]);
    }
  });

  test('and the extract says where it comes from and what it leaves open', () => {
    const text = readFileSync(new URL('../../simulator/vapi/spec/vapi.generated.json', import.meta.url), 'utf8');
    const extract: { source: object; documentedElsewhere: string[]; open: string[] } = JSON.parse(text);
    expect(extract.source).toMatchObject({ date: expect.stringMatching(/^\d{4}-/), sha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(extract.documentedElsewhere).toContain('CreateCallDTO.phoneCallProviderBypassEnabled');
    expect(extract.open).not.toContain('AssistantOverrides');
    expect(text.length).toBeLessThan(300_000);
  });
});
