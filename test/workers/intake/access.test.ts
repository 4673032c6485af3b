import { request as httpRequest } from 'node:http';
import pg from 'pg';
import { describe, expect, inject, test } from 'vitest';
import { openDatabase } from '../../../ledger/database.ts';
import { bodyOf, campaignToken, lead, outbound, serveIntake } from './serving.ts';

describe('a request without a right to it', () => {
  test.each([
    { name: 'without a token', token: undefined },
    { name: 'with another scheme', token: 'Basic abc' },
    { name: 'with a wrong token', token: 'Bearer nonsense' },
  ])('$name is answered 401', async ({ token }) => {
    const { url } = await serveIntake();
    const answer = await fetch(`${url}/v1/pool`, token === undefined ? {} : { headers: { authorization: token } });
    expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="trunkline"']);
    expect(await answer.json()).toMatchObject({ field: 'authorization' });
  });

  test.each([
    { name: 'posting to another class', path: '/v1/sessions', method: 'POST', body: { ...outbound(), class: 'callback' } },
    { name: 'listing another class', path: '/v1/sessions?class=callback', method: 'GET', body: undefined },
    { name: 'holding the pool', path: '/v1/hold', method: 'POST', body: {} },
    { name: 'cancelling another class', path: '/v1/cancel', method: 'POST', body: { class: 'callback' } },
  ])('$name with a token for one class is answered 403', async ({ path, method, body }) => {
    const intake = await serveIntake();
    const sent = body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
    const answer = await intake.request(path, { method, token: campaignToken, ...sent });
    expect([answer.status, await answer.json()]).toMatchObject([403, { field: 'class' }]);
  });

  test('seeing or cancelling a session of another class is answered 403', async () => {
    const intake = await serveIntake();
    const { id } = await bodyOf(await intake.post({ ...outbound(), class: 'callback' }));
    for (const method of ['GET', 'DELETE']) {
      expect((await intake.request(`/v1/sessions/${id}`, { method, token: campaignToken })).status).toBe(403);
    }
    expect((await intake.request(`/v1/sessions/${id}`)).status).toBe(200);
  });

  test('guessing tokens is stopped, while good ones go through from the same address', async () => {
    const intake = await serveIntake();
    expect((await intake.request('/v1/pool')).status).toBe(200);
    const guesses: number[] = [];
    for (let guess = 0; guess < 25; guess += 1) guesses.push((await intake.request('/v1/pool', { token: `guess-${guess}` })).status);
    expect([guesses[0], guesses.at(-1)]).toEqual([401, 429]);
    expect((await intake.request('/v1/pool')).status).toBe(200);
  });

  test('a token that was taken away is refused within two seconds', async () => {
    let nowMs = 0;
    const intake = await serveIntake({ now: () => nowMs });
    expect((await intake.request('/v1/pool')).status).toBe(200);
    await intake.database.query('delete from token');
    nowMs += 1_001;
    expect((await intake.request('/v1/pool')).status).toBe(401);
  });
});

describe('a request that cannot be read', () => {
  test.each([
    { name: 'a path that is none', path: '/v1/nothing', method: 'GET', status: 404 },
    { name: 'an id that is none', path: '/v1/sessions/42', method: 'GET', status: 404 },
    { name: 'an unknown session', path: '/v1/sessions/01900000-0000-7000-8000-000000000000', method: 'DELETE', status: 404 },
    { name: 'an unknown state', path: '/v1/sessions?state=asleep', method: 'GET', status: 422 },
    { name: 'a made-up cursor', path: '/v1/sessions?cursor=next', method: 'GET', status: 422 },
  ])('$name', async ({ path, method, status }) => {
    const intake = await serveIntake();
    const answer = await intake.request(path, { method });
    expect([answer.status, answer.headers.get('content-type')]).toEqual([status, expect.stringContaining('application/problem+json')]);
  });

  test('with another method names those that are served', async () => {
    const intake = await serveIntake();
    const answer = await intake.request('/v1/sessions', { method: 'PUT' });
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, POST']);
  });

  test.each([
    { name: 'no JSON', type: 'application/json', body: '{"class":', status: 400 },
    { name: 'another type', type: 'text/plain', body: '{}', status: 415 },
    { name: 'too large', type: 'application/json', body: JSON.stringify({ note: 'x'.repeat(10_000_000) }), status: 413 },
    { name: 'nested without end', type: 'application/json', body: '['.repeat(60_000), status: 400 },
  ])('a body that is $name', async ({ type, body, status }) => {
    const intake = await serveIntake();
    const answer = await intake.request('/v1/sessions', { method: 'POST', headers: { 'content-type': type }, body });
    expect([answer.status, await answer.json()]).toMatchObject([status, { status }]);
  });

  test('a body of unknown length is cut off when it grows too large', async () => {
    const intake = await serveIntake();
    const headers = { authorization: 'Bearer tl_token-of-the-whole-pool', 'content-type': 'application/json' };
    const upload = httpRequest(`${intake.url}/v1/sessions`, { method: 'POST', headers });
    upload.on('error', () => undefined); // the connection is cut once the answer is out
    const status = new Promise((resolve) => upload.once('response', (response) => resolve(response.statusCode)));
    for (let sent = 0; sent < 100_000; sent += 1_000) upload.write(' '.repeat(1_000));
    expect(await status).toBe(413);
    upload.destroy();
  });
});

describe('the ledger', () => {
  test('away is answered 503 with Retry-After', async () => {
    const database = openDatabase('postgres://nobody@127.0.0.1:1/none', {
      applicationName: 'test',
      maxConnections: 1,
      onError: () => undefined,
    });
    const intake = await serveIntake({ database });
    const answer = await intake.post(outbound(lead(2)));
    expect([answer.status, Number(answer.headers.get('retry-after')) > 0, await answer.json()]).toMatchObject([
      503,
      true,
      { type: 'urn:trunkline:problem:ledger-away' },
    ]);
    await database.end();
  });

  test('that loses its connections for a moment loses no session', async () => {
    const intake = await serveIntake();
    const admin = new pg.Client({ connectionString: inject('postgresUrl') });
    await admin.connect();
    const name = new URL(intake.ledgerUrl).pathname.slice(1);
    const accepted: unknown[] = [];
    for (let round = 0; round < 5; round += 1) {
      const posts = [1, 2, 3, 4].map((index) => intake.post(outbound(lead(round * 10 + index))));
      await admin.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [name]);
      for (const answer of await Promise.all(posts)) {
        expect([202, 503]).toContain(answer.status);
        if (answer.status === 202) accepted.push((await bodyOf(answer))['id']);
      }
    }
    await admin.end();
    const { rows } = await intake.database.query('select id from session where id = any($1::uuid[])', [accepted]);
    expect(rows).toHaveLength(accepted.length);
  });
});
