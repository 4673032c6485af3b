import { describe, expect, test } from 'vitest';
import type { Database } from '../../../ledger/database.ts';
import { readFleets, readFleetsStatement } from '../../../ledger/scaling/signals.ts';
import { freshLedger } from '../../support/ledger.ts';

const view = {
  slots: { inUse: 3, ceiling: 9, limit: 10 },
  classes: [{ name: 'campaign' }],
  load: { arrivalsPerSecond: 0.5, sessionMs: null },
  decisions: [{ seq: 1 }],
  directions: {},
  upstreams: [],
};

/** So many sessions of a class that wait, ready or not. */
const queue = (database: Database, poolId: number, name: string, count: number, ready = true) =>
  database.query(
    `insert into session (id, pool_id, class, direction, state, ready, not_before)
     select gen_random_uuid(), $1, $2, 'Outbound', 'queued', $4, case when $4 then null else clock_timestamp() + interval '1 day' end
     from generate_series(1, $3)`,
    [poolId, name, count, ready],
  );

describe('what the ledger tells of fleets', () => {
  test('is of each pool what its dispatcher, its queue and its workers say', async () => {
    const { database } = await freshLedger();
    await database.query(`insert into pool (name) values ('sales'), ('support'), ('idle')`);
    await database.query(
      `insert into worker (pool_id, name, state, beat_at, started_in_ms, sessions, latency_ms) values
         (1, 'a', 'serving', clock_timestamp() - interval '2 s', 1500, 4, '{"25": 7}'),
         (1, 'b', 'draining', clock_timestamp(), null, null, null),
         (1, 'c', 'gone', clock_timestamp(), 1, 1, '{}'),
         (1, 'd', 'serving', clock_timestamp() - interval '2 min', 1, 1, '{}'),
         (2, 'a', 'serving', clock_timestamp(), 1, 1, '{}')`,
    );
    await database.query(
      `insert into dispatcher (pool_id, epoch, worker_id, view, beat_at) values (1, 1, 1, $1, clock_timestamp() - interval '5 s')`,
      [JSON.stringify(view)],
    );
    await database.query('insert into dispatcher (pool_id, epoch) values (2, 1)');
    await queue(database, 1, 'campaign', 12);
    await queue(database, 1, 'campaign', 30, false);
    await queue(database, 1, 'callback', 2);
    await queue(database, 2, 'campaign', 5);

    const readings = await readFleets(database, [1, 2, 3]);
    const { decisions: _, directions: __, upstreams: ___, ...kept } = view;
    expect(readings.get(1)).toEqual({
      seen: { view: kept, ageMs: expect.any(Number) },
      due: new Map([
        ['callback', 2],
        ['campaign', 12],
      ]),
      workers: [
        {
          name: 'a',
          state: 'serving',
          beatAgeMs: expect.any(Number),
          startedInMs: 1_500,
          sessions: 4,
          latencyMs: { '25': 7 },
          dispatching: true,
        },
        {
          name: 'b',
          state: 'draining',
          beatAgeMs: expect.any(Number),
          startedInMs: null,
          sessions: null,
          latencyMs: null,
          dispatching: false,
        },
      ],
    });
    expect(readings.get(1)?.seen?.ageMs).toBeGreaterThanOrEqual(5_000);
    expect(readings.get(1)?.workers[0]?.beatAgeMs).toBeGreaterThanOrEqual(2_000);
    expect(readings.get(2)).toMatchObject({ seen: undefined, due: new Map([['campaign', 5]]), workers: [{ dispatching: false }] });
    expect(readings.get(3)).toEqual({ seen: undefined, due: new Map(), workers: [] });
    expect(await readFleets(database, [])).toEqual(new Map());
  });

  test('counts no further than could matter', async () => {
    const { database } = await freshLedger();
    await database.query(`insert into pool (name) values ('sales')`);
    await queue(database, 1, 'campaign', 5_100);
    expect((await readFleets(database, [1])).get(1)?.due).toEqual(new Map([['campaign', 5_000]]));
  });

  test('goes through no queue of a thousand pools where nothing waits, however many sessions have ended there', async () => {
    const { database } = await freshLedger();
    await database.query(`insert into pool (name) select 'pool-' || n from generate_series(1, 1000) n`);
    await database.query(`insert into dispatcher (pool_id, epoch, view) select id, 1, $1 from pool`, [JSON.stringify(view)]);
    await database.query(
      `insert into worker (pool_id, name, state, latency_ms) select id, 'w' || n, case when n < 3 then 'serving' else 'gone' end, '{"25": 3}'
       from pool, generate_series(1, 10) n`,
    );
    await database.query(
      `insert into session (id, pool_id, class, direction, state, ready, outcome, ended_at)
       select gen_random_uuid(), 1 + n % 1000, 'campaign', 'Outbound', 'ended', false, 'Completed', clock_timestamp() from generate_series(1, 60000) n`,
    );
    await database.query('analyze');
    const ids = Array.from({ length: 1_000 }, (_, index) => index + 1);
    const readings = await readFleets(database, ids);
    expect(readings.size).toBe(1_000);
    expect(readings.get(1_000)).toMatchObject({ due: new Map(), workers: [{ name: 'w1' }, { name: 'w2' }] });

    const { rows } = await database.query<{ 'QUERY PLAN': unknown }>(`explain (analyze, buffers, format json) ${readFleetsStatement}`, [
      ids,
    ]);
    const plan = JSON.stringify(rows[0]?.['QUERY PLAN']);
    expect([...plan.matchAll(/"Node Type":"Seq Scan"[^{}]*?"Relation Name":"(\w+)"/g)].map(([, table]) => table)).not.toContain('session');
    const spans = [];
    for (let run = 0; run < 5; run += 1) {
      const startedMs = performance.now();
      await readFleets(database, ids);
      spans.push(performance.now() - startedMs);
    }
    process.stderr.write(`read 1,000 idle pools: ${spans.map((ms) => ms.toFixed(0)).join(', ')} ms\n`);
    // Some 20 ms; a scan of every session for every pool takes minutes.
    expect(Math.min(...spans)).toBeLessThan(2_000);
  });
});
