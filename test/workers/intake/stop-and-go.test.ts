import { describe, expect, test } from 'vitest';
import { newId } from '../../../ledger/ids.ts';
import { bodyOf, lead, outbound, type Serving, serveIntake } from './serving.ts';

/** Puts a session where the dispatcher would have put it: open, with an attempt in the given state. */
async function openAs(intake: Serving, sessionId: unknown, state: 'admitted' | 'sending' | 'bound'): Promise<string> {
  const attemptId = newId();
  await intake.database.query(
    `with opened as (update session set state = 'open', attempt_id = $3 where id = $2 returning *)
     insert into attempt (id, pool_id, session_id, class, direction, project, subscription, number, state)
     select $3, $1, id, class, direction, 'north', 'main', number, $4 from opened`,
    [intake.poolId, sessionId, attemptId, state],
  );
  return attemptId;
}

async function queue(intake: Serving, index = 1): Promise<unknown> {
  return (await bodyOf(await intake.post(outbound(lead(index)))))['id'];
}

const json = (intake: Serving, path: string, body: unknown) =>
  intake.request(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });

const states = async (intake: Serving) =>
  (await intake.database.query('select state, outcome from session order by seq')).rows.map((row) => row.outcome ?? row.state);

const signals = async (intake: Serving) => (await intake.database.query('select kind, attempt_id from signal order by id')).rows;

describe('DELETE /v1/sessions/{id}', () => {
  test('ends a queued session at once, and again without harm', async () => {
    const intake = await serveIntake();
    const id = await queue(intake);
    for (let again = 0; again < 2; again += 1) {
      const answer = await intake.request(`/v1/sessions/${id}`, { method: 'DELETE' });
      expect([answer.status, await answer.json()]).toMatchObject([200, { state: 'ended', outcome: 'Cancelled' }]);
    }
    expect(await bodyOf(await intake.request('/v1/pool'))).toMatchObject({ queued: {} });
  });

  test('ends an admitted session that is not sent yet, frees its slot and tells the dispatcher', async () => {
    const intake = await serveIntake();
    const id = await queue(intake);
    const attemptId = await openAs(intake, id, 'admitted');
    expect((await intake.request(`/v1/sessions/${id}`, { method: 'DELETE' })).status).toBe(200);
    const { rows } = await intake.database.query('select state, outcome, released_at is not null as released from attempt');
    expect(rows).toEqual([{ state: 'ended', outcome: 'Cancelled', released: true }]);
    expect(await signals(intake)).toEqual([{ kind: 'unsent-cancelled', attempt_id: attemptId }]);
    expect(await states(intake)).toEqual(['Cancelled']);
  });

  test.each(['sending', 'bound'] as const)('leaves a call alone that is %s, unless asked to hang up', async (state) => {
    const asked: string[] = [];
    const intake = await serveIntake({ hangUp: async (sessionId) => (asked.push(sessionId) > 0 ? 'asked' : 'failed') });
    const id = await queue(intake);
    await openAs(intake, id, state);
    const refused = await intake.request(`/v1/sessions/${id}`, { method: 'DELETE' });
    expect([refused.status, await refused.json()]).toMatchObject([409, { field: 'hangup' }]);
    expect((await intake.request(`/v1/sessions/${id}?hangup=true`, { method: 'DELETE' })).status).toBe(202);
    expect(asked).toEqual([id]);
    expect(await states(intake)).toEqual(['open']);
  });

  test('says so when the provider does not take the request to hang up', async () => {
    const intake = await serveIntake({ hangUp: async () => 'failed' });
    const id = await queue(intake);
    await openAs(intake, id, 'bound');
    expect((await intake.request(`/v1/sessions/${id}?hangup=true`, { method: 'DELETE' })).status).toBe(502);
  });

  test('says how a session ended that cannot be cancelled any more', async () => {
    const intake = await serveIntake();
    const id = await queue(intake);
    await intake.database.query(`update session set state = 'ended', outcome = 'Completed'`);
    const answer = await intake.request(`/v1/sessions/${id}`, { method: 'DELETE' });
    expect([answer.status, (await bodyOf(answer))['detail']]).toEqual([409, 'the session ended with outcome Completed']);
  });

  test('hands the end to the results when the pool delivers them', async () => {
    const intake = await serveIntake({ hasResults: () => true });
    const id = await queue(intake);
    await intake.request(`/v1/sessions/${id}`, { method: 'DELETE' });
    expect((await intake.database.query('select session_id from outbox')).rows).toEqual([{ session_id: id }]);
  });
});

describe('POST /v1/cancel', () => {
  test('ends what waits in the class, unsent admissions included, and no live call and no other class', async () => {
    const intake = await serveIntake();
    const [admitted, live] = [await queue(intake, 1), await queue(intake, 2)];
    await openAs(intake, admitted, 'admitted');
    await openAs(intake, live, 'bound');
    const lines = Array.from({ length: 12_000 }, (_, index) => `{"customer":{"number":"${lead(index)}"}}`);
    const headers = { 'content-type': 'application/x-ndjson' };
    await (await intake.request('/v1/sessions:import?class=campaign', { method: 'POST', headers, body: lines.join('\n') })).text();
    await intake.post({ ...outbound(lead(9)), class: 'callback' });

    const answer = await json(intake, '/v1/cancel', { class: 'campaign' });
    const last = (await answer.text()).trimEnd().split('\n').at(-1);
    expect(JSON.parse(last ?? '')).toEqual({ summary: { class: 'campaign', cancelled: 12_001, live: 1 } });
    const { rows } = await intake.database.query('select class, state, count(*)::int as n from session group by 1, 2 order by 1, 2');
    expect(rows).toEqual([
      { class: 'callback', state: 'queued', n: 1 },
      { class: 'campaign', state: 'ended', n: 12_001 },
      { class: 'campaign', state: 'open', n: 1 },
    ]);
    expect((await intake.database.query('select * from overlay')).rows).toEqual([]);
  });

  test('leaves the hold that a person has set', async () => {
    const intake = await serveIntake();
    await json(intake, '/v1/hold', { class: 'campaign' });
    await (await json(intake, '/v1/cancel', { class: 'campaign' })).text();
    expect((await intake.database.query('select class, until from overlay')).rows).toEqual([{ class: 'campaign', until: null }]);
  });
});

describe('POST /v1/hold and /v1/resume', () => {
  test('hold and release the pool or a class, and tell the dispatcher each time', async () => {
    const intake = await serveIntake();
    const until = new Date(Date.now() + 3_600_000).toISOString();
    expect(await bodyOf(await json(intake, '/v1/hold', {}))).toEqual({ held: 'pool' });
    expect(await bodyOf(await json(intake, '/v1/hold', { class: 'campaign', until }))).toEqual({ held: 'campaign', until });
    expect((await intake.database.query('select class from overlay order by class')).rows).toEqual([{ class: '' }, { class: 'campaign' }]);
    expect(await bodyOf(await json(intake, '/v1/resume', { class: 'campaign' }))).toEqual({ resumed: 'campaign', lifted: true });
    expect(await bodyOf(await json(intake, '/v1/resume', { class: 'campaign' }))).toEqual({ resumed: 'campaign', lifted: false });
    expect((await signals(intake)).map(({ kind }) => kind)).toEqual(['overlay', 'overlay', 'overlay']);
    expect(intake.woken()).toBe(3);
  });

  test.each([
    { name: 'a class that is none', body: { class: 'nobody' }, field: 'class' },
    { name: 'an end in the past', body: { until: '2001-01-01T00:00:00Z' }, field: 'until' },
    { name: 'a field that is none', body: { clas: 'campaign' }, field: 'clas' },
  ])('refuse $name', async ({ body, field }) => {
    const intake = await serveIntake();
    const answer = await json(intake, '/v1/hold', body);
    expect([answer.status, await answer.json()]).toMatchObject([422, { field }]);
  });
});
