import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { bodyOf, lead, outbound, type Serving, serveIntake } from './serving.ts';

const page = z.object({
  sessions: z.array(z.object({ id: z.string(), class: z.string(), state: z.string() })),
  next: z.string().optional(),
});

const list = async (intake: Serving, query: string) => page.parse(await (await intake.request(`/v1/sessions?${query}`)).json());

describe('GET /v1/sessions/{id}', () => {
  test('shows everything that was asked for, and how many are before it', async () => {
    const intake = await serveIntake();
    await intake.post({ ...outbound(lead(1)), score: 1 });
    await intake.post(outbound(lead(2)));
    const asked = { ...outbound(lead(3)), labels: { lot: 'a' }, context: { seats: 3, none: null }, idempotencyKey: 'k' };
    const { id } = await bodyOf(await intake.post(asked));
    expect(await bodyOf(await intake.request(`/v1/sessions/${id}`))).toEqual({
      id,
      state: 'queued',
      class: 'campaign',
      direction: 'Outbound',
      customer: { number: lead(3) },
      labels: { lot: 'a' },
      context: { seats: 3, none: null },
      score: 0,
      idempotencyKey: 'k',
      createdAt: expect.any(String),
      attempts: 0,
      refusals: 0,
      ahead: 2,
    });
  });
});

describe('GET /v1/sessions', () => {
  test('gives every session exactly once over its pages, newest first', async () => {
    const intake = await serveIntake();
    const ids: unknown[] = [];
    for (let index = 0; index < 7; index += 1) {
      ids.unshift((await bodyOf(await intake.post({ ...outbound(lead(index)), class: index % 3 === 0 ? 'callback' : 'campaign' })))['id']);
    }
    const seen: string[] = [];
    for (let cursor: string | undefined = ''; cursor !== undefined; ) {
      const next: z.infer<typeof page> = await list(intake, `limit=3${cursor === '' ? '' : `&cursor=${cursor}`}`);
      seen.push(...next.sessions.map(({ id }) => id));
      cursor = next.next;
    }
    expect(seen).toEqual(ids);
  });

  test('selects by class and state', async () => {
    const intake = await serveIntake();
    await intake.post(outbound(lead(1)));
    const { id } = await bodyOf(await intake.post({ ...outbound(lead(2)), class: 'callback' }));
    await intake.request(`/v1/sessions/${id}`, { method: 'DELETE' });
    expect((await list(intake, 'class=callback')).sessions).toHaveLength(1);
    expect((await list(intake, 'state=ended')).sessions).toMatchObject([{ id, class: 'callback' }]);
    expect((await list(intake, 'state=queued&class=callback')).sessions).toEqual([]);
    expect((await list(intake, 'class=nobody')).sessions).toEqual([]);
  });
});

describe('GET /v1/pool', () => {
  test('shows how many wait, and no view while no dispatcher has been at work', async () => {
    const intake = await serveIntake();
    await intake.post(outbound());
    expect(await bodyOf(await intake.request('/v1/pool'))).toEqual({ pool: 'sales', view: null, ageMs: null, queued: { campaign: 1 } });
  });

  test("shows the dispatcher's view and its age", async () => {
    const intake = await serveIntake();
    await intake.database.query(
      `insert into dispatcher (pool_id, epoch, beat_at, view) values ($1, 1, clock_timestamp() - interval '2 s', '{"pool":"sales"}')`,
      [intake.poolId],
    );
    const shown = await bodyOf(await intake.request('/v1/pool'));
    expect(shown['view']).toEqual({ pool: 'sales' });
    expect(shown['ageMs']).toBeGreaterThanOrEqual(2_000);
  });
});
