import { describe, expect, test } from 'vitest';
import { bodyOf, campaignToken, lead, outbound, serveIntake } from './serving.ts';

const soon = () => new Date(Date.now() + 3_600_000).toISOString();
const past = () => new Date(Date.now() - 60_000).toISOString();

describe('POST /v1/sessions', () => {
  test('answers 202 once the session is in the ledger, and wakes the dispatcher', async () => {
    const intake = await serveIntake();
    const answer = await intake.post({ ...outbound(lead(7)), score: 5, labels: { lot: 'a' }, context: { plan: { seats: 3 } } });
    const body = await bodyOf(answer);
    expect([answer.status, body]).toMatchObject([202, { state: 'queued', class: 'campaign' }]);
    expect(answer.headers.get('location')).toBe(`/v1/sessions/${body['id']}`);
    const { rows } = await intake.database.query('select id, class, state, ready, score, number, labels, context from session');
    const context = { plan: { seats: 3 } };
    expect(rows).toEqual([
      { id: body['id'], class: 'campaign', state: 'queued', ready: true, score: 5, number: lead(7), labels: { lot: 'a' }, context },
    ]);
    expect(intake.woken()).toBe(1);
  });

  test('reads numbers the way people write them', async () => {
    const intake = await serveIntake();
    await intake.post(outbound('+1 (415) 555-0177'));
    expect((await intake.database.query('select number from session')).rows).toEqual([{ number: '+14155550177' }]);
  });

  test('takes the class from the labels, or from the token, when none is named', async () => {
    const intake = await serveIntake();
    const { class: _, ...unnamed } = outbound();
    expect(await (await intake.post({ ...unnamed, labels: { kind: 'callback' } })).json()).toMatchObject({ class: 'callback' });
    expect(await (await intake.post(unnamed, campaignToken)).json()).toMatchObject({ class: 'campaign' });
  });

  test('keeps sessions of the future out of what may be claimed', async () => {
    const intake = await serveIntake();
    expect((await intake.post({ ...outbound(), notBefore: soon() })).status).toBe(202);
    expect((await intake.database.query('select ready, ready_at = not_before as waits from session')).rows).toEqual([
      { ready: false, waits: true },
    ]);
  });

  test.each([
    { name: 'a missing number', body: { ...outbound(), customer: {} }, field: 'customer.number', detail: 'is required' },
    { name: 'an empty number', body: outbound(''), field: 'customer.number', detail: 'must not be empty' },
    {
      name: 'a misspelt direction',
      body: { ...outbound(), direction: 'outbound' },
      field: 'direction',
      detail: /one of Inbound, Outbound/,
    },
    { name: 'an unknown field', body: { ...outbound(), prio: 1 }, field: 'prio', detail: 'is not known here: leave it out' },
    { name: 'a list in place of a session', body: [], field: 'body', detail: /but is a list$/ },
  ])('says what is wrong with $name in words', async ({ body, field, detail }) => {
    const intake = await serveIntake();
    expect(await bodyOf(await intake.post(body))).toMatchObject({ field, detail: expect.stringMatching(detail) });
  });

  test.each([
    { name: 'an unknown field', body: { ...outbound(), nubmer: 1 }, field: 'nubmer' },
    { name: 'an unknown field deep inside', body: { ...outbound(), customer: { number: lead(1), phone: 'x' } }, field: 'customer.phone' },
    { name: 'no direction', body: { class: 'campaign', customer: { number: lead(1) } }, field: 'direction' },
    { name: 'an inbound call', body: { ...outbound(), class: 'vip', direction: 'Inbound' }, field: 'direction' },
    { name: 'an inbound class', body: { ...outbound(), class: 'vip' }, field: 'direction' },
    { name: 'an unknown class', body: { ...outbound(), class: 'nobody' }, field: 'class' },
    { name: 'an unknown project', body: { ...outbound(), project: 'west' }, field: 'project' },
    { name: 'a project without the assistant', body: { ...outbound(), class: 'callback', project: 'south' }, field: 'project' },
    { name: 'a number without country code', body: outbound('4155550177'), field: 'customer.number' },
    { name: 'a number with an extension', body: outbound('+14155550100 ext. 9'), field: 'customer.number' },
    { name: 'a number of no plan', body: outbound('+19999999999'), field: 'customer.number' },
    { name: 'an emergency number', body: outbound('+1911'), field: 'customer.number' },
    { name: 'a premium number', body: outbound('+19005551234'), field: 'customer.number' },
    { name: 'a shared-cost number', body: outbound('+491805123456'), field: 'customer.number' },
    { name: 'a country outside the destinations', body: outbound('+442079460958'), field: 'customer.number' },
    { name: 'an expiry in the past', body: { ...outbound(), expiresAt: past() }, field: 'expiresAt' },
    { name: 'a start after the expiry', body: { ...outbound(), expiresAt: soon(), notBefore: '2099-01-01T00:00:00Z' }, field: 'notBefore' },
    { name: 'an instant without zone', body: { ...outbound(), notBefore: '2030-01-01T00:00:00' }, field: 'notBefore' },
    { name: 'a score out of bounds', body: { ...outbound(), score: 1001 }, field: 'score' },
    { name: 'a label that is too long', body: { ...outbound(), labels: { lot: 'x'.repeat(64) } }, field: 'labels.lot' },
    { name: 'a NUL in the name', body: { ...outbound(), customer: { number: lead(1), name: 'a\0b' } }, field: 'customer.name' },
    { name: 'half a character in the context', body: { ...outbound(), context: { note: '\ud83d' } }, field: 'context' },
    { name: 'a context that is no object', body: { ...outbound(), context: [1] }, field: 'context' },
    { name: 'a context that is too large', body: { ...outbound(), context: { note: 'x'.repeat(17_000) } }, field: 'context' },
    { name: 'a context that is too deep', body: { ...outbound(), context: deep(40) }, field: 'context' },
  ])('refuses $name, naming the field', async ({ body, field }) => {
    const intake = await serveIntake();
    const answer = await intake.post(body);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    const problem = await bodyOf(answer);
    expect(problem).toMatchObject({ status: 422, field, type: 'urn:trunkline:problem:invalid-field' });
    expect(problem['detail']).not.toContain(body.customer.number);
    expect((await intake.database.query('select count(*)::int as n from session')).rows).toEqual([{ n: 0 }]);
  });
});

describe('an idempotency key', () => {
  test('gives the first session again, however the same is written', async () => {
    const intake = await serveIntake();
    const first = await intake.post({ ...outbound('+14155550100'), idempotencyKey: 'lead-1', labels: { a: '1', b: '2' } });
    const again = await intake.post({ idempotencyKey: 'lead-1', labels: { b: '2', a: '1' }, ...outbound('+1 415 555 0100') });
    expect([first.status, again.status]).toEqual([202, 200]);
    expect(await again.json()).toEqual(await first.json());
  });

  test('that belongs to other content is a conflict', async () => {
    const intake = await serveIntake();
    await intake.post({ ...outbound(lead(1)), idempotencyKey: 'lead-1' });
    const other = await intake.post({ ...outbound(lead(2)), idempotencyKey: 'lead-1' });
    expect([other.status, await other.json()]).toMatchObject([409, { field: 'idempotencyKey' }]);
  });

  test('sent many times at once makes one session', async () => {
    const intake = await serveIntake();
    const body = { ...outbound(), idempotencyKey: 'lead-1' };
    const answers = await Promise.all(Array.from({ length: 30 }, () => intake.post(body)));
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(1);
    expect(new Set(await Promise.all(answers.map(async (answer) => (await bodyOf(answer))['id']))).size).toBe(1);
  });
});

describe('a full queue', () => {
  const callback = (index: number) => ({ ...outbound(lead(index)), class: 'callback', idempotencyKey: `callback-${index}` });

  test('says 429 and when to come back, and still knows what it holds', async () => {
    const intake = await serveIntake();
    const answers = await Promise.all([1, 2, 3, 4, 5].map((index) => intake.post(callback(index))));
    expect(answers.map(({ status }) => status).sort()).toEqual([202, 202, 202, 429, 429]);
    const refused = answers.find(({ status }) => status === 429);
    expect(Number(refused?.headers.get('retry-after'))).toBeGreaterThan(0);
    const accepted = answers.findIndex(({ status }) => status === 202) + 1;
    expect((await intake.post(callback(accepted))).status).toBe(200);
  });

  test('has room again as soon as one leaves it', async () => {
    const intake = await serveIntake();
    for (const index of [1, 2, 3]) await intake.post(callback(index));
    await intake.database.query(
      `update session set state = 'ended', outcome = 'Cancelled' where id = (select id from session order by seq limit 1)`,
    );
    expect((await intake.post(callback(4))).status).toBe(202);
    expect((await intake.post(callback(5))).status).toBe(429);
  });
});

function deep(levels: number): unknown {
  return levels === 0 ? {} : { inner: deep(levels - 1) };
}
