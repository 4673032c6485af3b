import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { classifyCreate, classifyEnd, endReasons, isKnownReason } from '../../../providers/vapi/outcomes.ts';

const extract = new URL('../../../simulator/vapi/spec/vapi.generated.json', import.meta.url);
const enumAt = z.object({ definitions: z.record(z.string(), z.looseObject({ enum: z.array(z.string()).optional() })) });

/** Every `endedReason` of the published description. */
function publishedReasons(): readonly string[] {
  const { definitions } = enumAt.parse(JSON.parse(readFileSync(extract, 'utf8')));
  const values = Object.entries(definitions).find(([name]) => name.startsWith('endedReason'))?.[1].enum;
  if (values === undefined) throw new Error('the extract has no list of ended reasons');
  return values;
}

describe('the answer to a creation', () => {
  test.each([
    { name: 'created', status: 201, body: { id: 'call-1' }, outcome: 'Created' },
    { name: 'no line free', status: 400, body: { message: 'Over Concurrency Limit.', error: 'Bad Request' }, outcome: 'Capacity' },
    { name: 'no line free, older shape', status: 400, body: { error: 'Over Concurrency Limit' }, outcome: 'Capacity' },
    { name: 'no line free, by the flag', status: 400, body: { message: 'x', subscriptionLimits: blocked(true) }, outcome: 'Capacity' },
    { name: 'no line free, in a success', status: 201, body: { id: 'call-1', subscriptionLimits: blocked(true) }, outcome: 'Capacity' },
    { name: 'limits without the flag', status: 201, body: { id: 'call-1', subscriptionLimits: blocked(false) }, outcome: 'Created' },
    {
      name: 'bad number',
      status: 400,
      body: { message: ['customer.number must be a valid phone number in the E.164 format'] },
      outcome: 'Permanent',
    },
    { name: 'anything else about the request', status: 400, body: { message: 'Bad Request' }, outcome: 'Permanent' },
    { name: 'no credits', status: 400, body: { message: 'Insufficient Credits. Purchase more.' }, outcome: 'ProjectFault' },
    { name: 'frozen wallet', status: 400, body: { message: 'Wallet is frozen' }, outcome: 'ProjectFault' },
    { name: 'billing limit', status: 400, body: { message: 'Billing Limits Exceeded' }, outcome: 'ProjectFault' },
    {
      name: 'daily limit of a free number',
      status: 400,
      body: { message: 'Numbers have a daily outbound call limit' },
      outcome: 'ProjectFault',
    },
    { name: 'unknown assistant', status: 400, body: { message: 'assistantId must be a UUID' }, outcome: 'ProjectFault' },
    {
      name: 'a field that every call carries',
      status: 400,
      body: { message: ['assistantOverrides.x should not exist'] },
      outcome: 'ProjectFault',
    },
    { name: 'unknown number to call from', status: 404, body: { message: 'Phone Number Not Found' }, outcome: 'ProjectFault' },
    { name: 'key refused', status: 401, body: { message: 'Invalid Key' }, outcome: 'ProjectFault' },
    { name: 'forbidden', status: 403, body: undefined, outcome: 'ProjectFault' },
    { name: 'unpaid', status: 402, body: undefined, outcome: 'ProjectFault' },
    { name: 'too large', status: 413, body: undefined, outcome: 'Permanent' },
    { name: 'rate limit', status: 429, body: { message: 'Rate limit exceeded' }, outcome: 'Throttled' },
    { name: 'timeout at the provider', status: 408, body: undefined, outcome: 'Ambiguous' },
    { name: 'conflict', status: 409, body: undefined, outcome: 'Ambiguous' },
    { name: 'server error', status: 500, body: { message: 'over concurrency limit' }, outcome: 'Ambiguous' },
    { name: 'unavailable', status: 503, body: undefined, outcome: 'Ambiguous' },
    { name: 'success that cannot be read', status: 200, body: 'OK', outcome: 'Ambiguous' },
  ])('$name ($status) is $outcome', ({ status, body, outcome }) => {
    expect(classifyCreate(status, body).outcome).toBe(outcome);
  });

  test('says in its reason whether the words of a refusal for good were understood', () => {
    const detailOf = (message: string) => classifyCreate(400, { message });
    expect(detailOf('customer.number must be E.164')).toMatchObject({
      outcome: 'Permanent',
      detail: expect.stringMatching(/^400 customer/),
    });
    expect(detailOf('Nope')).toMatchObject({ outcome: 'Permanent', detail: 'UnexplainedRefusal: 400 Nope' });
  });

  test.each([413, 422])('%i is about the session itself, in whatever words', (status) => {
    expect(classifyCreate(status, { message: 'Nope' })).toMatchObject({ outcome: 'Permanent', detail: `${status} Nope` });
  });

  test('carries the limits that it reports, also when it refuses', () => {
    const limits = { blocked: true, limit: 10, remaining: 0 };
    expect(classifyCreate(400, { message: 'Over Concurrency Limit', subscriptionLimits: blocked(true) })).toMatchObject({ limits });
  });
});

describe('the end of a call', () => {
  test.each([
    ['customer-ended-call', 'Normal'],
    ['assistant-ended-call', 'Normal'],
    ['assistant-forwarded-call', 'Normal'],
    ['exceeded-max-duration', 'Normal'],
    ['silence-timed-out', 'Normal'],
    ['call.in-progress.error-transfer-failed', 'Normal'],
    ['customer-busy', 'Busy'],
    ['vonage-rejected', 'Busy'],
    ['customer-did-not-answer', 'NoAnswer'],
    ['twilio-failed-to-connect-call', 'NoAnswer'],
    ['call.in-progress.error-sip-outbound-call-failed-to-connect', 'NoAnswer'],
    ['voicemail', 'Voicemail'],
    ['twilio-reported-customer-misdialed', 'Permanent'],
    ['call.start.error-vapi-number-international', 'Permanent'],
    ['call.start.error-subscription-concurrency-limit-reached', 'Capacity'],
    ['call.start.error-subscription-insufficient-credits', 'ProjectFault'],
    ['call.start.error-vapi-number-outbound-daily-limit', 'ProjectFault'],
    ['call.start.error-get-assistant', 'ProjectFault'],
    ['assistant-not-found', 'ProjectFault'],
    ['manually-canceled', 'Cancelled'],
    ['call.in-progress.error-vapifault-worker-not-available', 'ProviderFault'],
    ['call.in-progress.error-providerfault-transport-never-connected', 'ProviderFault'],
    ['assistant-join-timed-out', 'ProviderFault'],
    ['pipeline-error-openai-llm-failed', 'ProviderFault'],
    ['call.in-progress.error-of-tomorrow', 'ProviderFault'],
    ['call.start.error-of-tomorrow', 'ProviderFault'],
    ['a-reason-of-tomorrow', 'Normal'],
    [undefined, 'Normal'],
  ])('%s is %s', (reason, outcome) => {
    expect(classifyEnd(reason)).toBe(outcome);
  });

  test('is known for every reason of the published description, and each is counted where it belongs', () => {
    const published = publishedReasons();
    expect(published.filter((reason) => !isKnownReason(reason))).toEqual([]);
    const counts = Map.groupBy(published, classifyEnd);
    expect(Object.fromEntries([...counts].map(([outcome, reasons]) => [outcome, new Set(reasons).size]).sort())).toMatchInlineSnapshot(`
      {
        "Busy": 2,
        "Cancelled": 5,
        "Capacity": 1,
        "NoAnswer": 5,
        "Normal": 27,
        "Permanent": 3,
        "ProjectFault": 16,
        "ProviderFault": 535,
        "Voicemail": 1,
      }
    `);
  });

  test('names no reason that the provider does not publish, and none twice', () => {
    const listed = endReasons.flatMap(({ reasons }) => reasons);
    expect(listed.filter((reason) => !publishedReasons().includes(reason))).toEqual([]);
    expect(new Set(listed).size).toBe(listed.length);
  });

  test('by a reason of tomorrow can be told from a known one', () => {
    expect(isKnownReason('a-reason-of-tomorrow')).toBe(false);
    expect(isKnownReason('call.start.error-of-tomorrow')).toBe(false);
  });
});

function blocked(concurrencyBlocked: boolean) {
  return { concurrencyBlocked, concurrencyLimit: 10, remainingConcurrentCalls: 0 };
}
