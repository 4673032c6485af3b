import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { Database } from '../../ledger/database.ts';
import { beginDrainHold, endDrainHold, prolongDrainHold } from '../../ledger/drain-hold.ts';
import { readHolds } from '../../ledger/holds.ts';
import { liftHold, setHold } from '../../ledger/overlays.ts';
import { countLost, countOpen, ledgerNow, summarize } from '../../ledger/summary.ts';
import { freshLedger } from '../support/ledger.ts';

const at = (seconds: number): Date => new Date(Date.UTC(2026, 0, 1) + seconds * 1_000);

type Call = {
  readonly class: string;
  readonly ready: number;
  readonly admitted: number;
  readonly sending?: number;
  readonly released?: number;
  readonly outcome?: string;
};

async function poolOf(database: Database): Promise<number> {
  const { rows } = await database.query<{ id: number }>(`insert into pool (name) values ('trial') returning id`);
  return rows[0]?.id ?? 0;
}

async function addCall(database: Database, pool: number, call: Call): Promise<string> {
  const [session, attempt] = [randomUUID(), randomUUID()];
  const over = call.outcome !== undefined;
  await database.query(
    `insert into session (id, pool_id, class, direction, state, created_at, ready_at, attempt_id, outcome, ended_at)
     values ($1, $2, $3, 'Outbound', $4, $5, $5, $6, $7, $8)`,
    [
      session,
      pool,
      call.class,
      over ? 'ended' : 'open',
      at(call.ready),
      over ? null : attempt,
      call.outcome ?? null,
      over ? at(call.released ?? 0) : null,
    ],
  );
  await database.query(
    `insert into attempt (id, pool_id, session_id, class, direction, project, subscription, state, admitted_at, sending_at, released_at)
     values ($1, $2, $3, $4, 'Outbound', 'p', 's', $5, $6, $7, $8)`,
    [
      attempt,
      pool,
      session,
      call.class,
      over ? 'ended' : 'bound',
      at(call.admitted),
      call.sending === undefined ? null : at(call.sending),
      call.released === undefined ? null : at(call.released),
    ],
  );
  return session;
}

async function addQueued(database: Database, pool: number, created: number): Promise<string> {
  const id = randomUUID();
  await database.query(
    `insert into session (id, pool_id, class, direction, state, created_at, ready_at) values ($1, $2, 'campaign', 'Outbound', 'queued', $3, $3)`,
    [id, pool, at(created)],
  );
  return id;
}

describe('the sum of a run', () => {
  test('counts what ended, waits and lives, per class, since the run began', async () => {
    const { database } = await freshLedger();
    const pool = await poolOf(database);
    await addCall(database, pool, { class: 'vip', ready: 0, admitted: 1, sending: 1.01, released: 9, outcome: 'Completed' });
    await addCall(database, pool, { class: 'campaign', ready: 100, admitted: 102, sending: 102.01, released: 110, outcome: 'Completed' });
    await addCall(database, pool, { class: 'campaign', ready: 100, admitted: 104, sending: 104.03, released: 112, outcome: 'Busy' });
    await addCall(database, pool, { class: 'campaign', ready: 100, admitted: 110, sending: 110.02 });
    await addCall(database, pool, { class: 'vip', ready: 105, admitted: 105, released: 105, outcome: 'Abandoned' });
    await addQueued(database, pool, 50);
    await addQueued(database, pool, 150);

    expect(await summarize(database, pool, at(100))).toEqual({
      accepted: 5,
      queued: 2,
      live: 1,
      ended: { Abandoned: 1, Busy: 1, Completed: 1 },
      classes: {
        campaign: { admitted: 3, ended: 2, abandoned: 0, waitMs: { p50: 4_000, p95: 9_400, p99: 9_880 }, peak: 2 },
        vip: { admitted: 1, ended: 1, abandoned: 1, waitMs: { p50: 0, p95: 0, p99: 0 }, peak: expect.any(Number) },
      },
      dispatchMs: { p50: 20, p95: 29, p99: 29.8 },
    });
  });

  test.each([
    {
      name: 'calls one after another, back to back',
      spans: [
        [0, 5],
        [5, 9],
      ],
      peak: 1,
    },
    {
      name: 'calls that overlap',
      spans: [
        [0, 5],
        [4, 9],
        [4.5, 6],
      ],
      peak: 3,
    },
    {
      name: 'calls that began before the run',
      spans: [
        [-20, 3],
        [-10, 4],
      ],
      peak: 2,
    },
    {
      name: 'calls that ended before the run',
      spans: [
        [-20, -3],
        [-10, -4],
      ],
      peak: 0,
    },
    {
      name: 'calls that still live',
      spans: [
        [0, undefined],
        [100, undefined],
      ],
      peak: 2,
    },
  ])('finds the peak of $name', async ({ spans, peak }) => {
    const { database } = await freshLedger();
    const pool = await poolOf(database);
    for (const [from = 0, to] of spans) {
      const end = to === undefined ? {} : { released: 1_000 + to, outcome: 'Completed' };
      await addCall(database, pool, { class: 'campaign', ready: 1_000 + from, admitted: 1_000 + from, ...end });
    }
    const { classes } = await summarize(database, pool, at(1_000));
    expect(classes['campaign']?.peak ?? 0).toBe(peak);
  });

  test('tells no wait for an attempt that came before the session waited again', async () => {
    const { database } = await freshLedger();
    const pool = await poolOf(database);
    await addCall(database, pool, { class: 'campaign', ready: 50, admitted: 10, released: 12, outcome: 'Busy' });
    const { classes } = await summarize(database, pool, at(0));
    expect(classes['campaign']).toMatchObject({ admitted: 1, waitMs: null });
  });

  test('has no figures where nothing happened, rather than zeros', async () => {
    const { database } = await freshLedger();
    const pool = await poolOf(database);
    expect(await summarize(database, pool, await ledgerNow(database))).toEqual({
      accepted: 0,
      queued: 0,
      live: 0,
      ended: {},
      classes: {},
      dispatchMs: null,
    });
  });
});

describe('what is lost', () => {
  test('is what was acknowledged and is neither queued, nor live, nor ended', async () => {
    const { database } = await freshLedger();
    const pool = await poolOf(database);
    const kept = [
      await addQueued(database, pool, 1),
      await addCall(database, pool, { class: 'campaign', ready: 1, admitted: 2 }),
      await addCall(database, pool, { class: 'campaign', ready: 1, admitted: 2, released: 3, outcome: 'Completed' }),
    ];
    expect(await countLost(database, pool, kept)).toBe(0);
    expect(await countLost(database, pool, [...kept, randomUUID()])).toBe(1);
    expect(await countLost(database, pool + 1, kept)).toBe(3);
  });

  test('includes a session that is live by name only: its attempt is over', async () => {
    const { database } = await freshLedger();
    const pool = await poolOf(database);
    const stuck = await addCall(database, pool, { class: 'campaign', ready: 1, admitted: 2 });
    expect(await countOpen(database, pool)).toBe(1);
    await database.query(`update attempt set state = 'ended', released_at = clock_timestamp()`);
    expect(await countOpen(database, pool)).toBe(0);
    expect(await countLost(database, pool, [stuck])).toBe(1);
  });
});

describe('the hold of a finishing run', () => {
  test('holds the pool, is prolonged, and goes', async () => {
    const { database } = await freshLedger();
    const pool = await poolOf(database);
    const hold = await beginDrainHold(database, pool, 60_000);
    expect((await readHolds(database, pool)).pool).toBe(true);
    if (hold === undefined) throw new Error('no hold was made');
    await prolongDrainHold(database, pool, hold, -1);
    expect((await readHolds(database, pool)).pool).toBe(false);
    await prolongDrainHold(database, pool, hold, 60_000);
    await endDrainHold(database, pool, hold);
    expect((await readHolds(database, pool)).pool).toBe(false);
  });

  test('leaves a hold alone that a person has set, before or meanwhile', async () => {
    const { database } = await freshLedger();
    const pool = await poolOf(database);
    await setHold(database, pool, undefined, undefined);
    expect(await beginDrainHold(database, pool, 60_000)).toBeUndefined();
    await liftHold(database, pool, undefined);

    const hold = await beginDrainHold(database, pool, 60_000);
    if (hold === undefined) throw new Error('no hold was made');
    await setHold(database, pool, undefined, undefined);
    await prolongDrainHold(database, pool, hold, -1);
    await endDrainHold(database, pool, hold);
    expect((await readHolds(database, pool)).pool).toBe(true);
  });
});
