import { expect, test } from 'vitest';
import { z } from 'zod';
import { endAttemptsStatement } from '../../../ledger/attempts/end.ts';
import type { Database } from '../../../ledger/database.ts';
import { commitAdmissionsStatement } from '../../../ledger/dispatch/commit-admissions.ts';
import { discoverLanesStatement, fetchWaitingStatement } from '../../../ledger/dispatch/fetch-waiting.ts';
import { glanceStatement } from '../../../ledger/dispatch/glance.ts';
import { takeBackOfStatement } from '../../../ledger/dispatch/take-back.ts';
import { promoteDueStatement } from '../../../ledger/dispatch/upkeep.ts';
import { buryDeadWorkersOfStatement } from '../../../ledger/workers.ts';
import { freshLedger } from '../../support/ledger.ts';

/** What the dispatcher runs again and again must not cost more the longer the queue and the history, and the more calls live. */

const lengths = [5_000, 50_000] as const;
const batch = 50;

/** Sessions that wait in four classes, as many that wait for their time, and as many attempts of the past with the same numbers, and live ones with others. */
async function queueOf(length: number): Promise<Database> {
  const { database } = await freshLedger();
  await database.query(`insert into pool (name) values ('sales')`);
  await database.query('insert into dispatcher (pool_id, epoch) values (1, 1)');
  await database.query(
    `insert into session (id, pool_id, class, direction, state, number, score, ready, not_before, expires_at)
     select gen_random_uuid(), 1, 'class-' || n % 4, 'Outbound', 'queued', '+1212' || (2000000 + n), n % 7, ready, clock_timestamp() + interval '1 h',
       clock_timestamp() + interval '1 day'
     from generate_series(1, $1::int) n, (values (true), (false)) waits(ready)`,
    [length],
  );
  await database.query(
    `with opened as (
       insert into session (id, pool_id, class, direction, state, number, ready, attempt_id)
       select gen_random_uuid(), 1, 'class-0', 'Outbound', 'open', '+1213' || (2000000 + n), false, gen_random_uuid() from generate_series(1, $1::int) n
       returning id, attempt_id, number)
     insert into attempt (id, pool_id, session_id, class, direction, project, subscription, number, state, sending_at)
     select attempt_id, 1, id, 'class-0', 'Outbound', 'front', 'main', number, 'bound', clock_timestamp() from opened`,
    [length],
  );
  await database.query(
    `insert into attempt (id, pool_id, class, direction, project, subscription, number, state, outcome, sending_at, released_at)
     select gen_random_uuid(), 1, 'class-0', 'Outbound', 'front', 'main', '+1212' || (2000000 + n), 'ended', 'Busy', clock_timestamp(), clock_timestamp()
     from generate_series(1, $1::int) n`,
    [length],
  );
  await database.query('vacuum analyze session, attempt, dispatcher');
  return database;
}

const explained = z.tuple([
  z.object({ 'QUERY PLAN': z.tuple([z.object({ Plan: z.looseObject({ 'Shared Hit Blocks': z.int(), 'Shared Read Blocks': z.int() }) })]) }),
]);

type Statement = {
  readonly what: string;
  readonly text: string;
  readonly types: string;
  readonly values: (database: Database) => Promise<string>;
};

/** Runs the statement, undoes it, and says how it was done: once planned for these values, once for any, as a kept connection comes to do. */
async function run(database: Database, { text, types, values }: Statement, planFor: 'custom' | 'generic') {
  const connection = await database.connect();
  try {
    await connection.query(`begin; set local plan_cache_mode = force_${planFor}_plan; prepare looked_at (${types}) as ${text}`);
    const { rows } = await connection.query(
      `explain (analyze, buffers, timing off, format json) execute looked_at (${await values(database)})`,
    );
    await connection.query('rollback; deallocate looked_at');
    const [
      {
        'QUERY PLAN': [{ Plan }],
      },
    ] = explained.parse(rows);
    return { plan: JSON.stringify(Plan), pages: Plan['Shared Hit Blocks'] + Plan['Shared Read Blocks'] };
  } finally {
    connection.release();
  }
}

/** Tables that are read from end to end. */
const scans = (plan: string) => [...plan.matchAll(/"Node Type":"Seq Scan"[^{}]*?"Relation Name":"(\w+)"/g)].map(([, table]) => table);

/** Admissions of the first sessions in line. */
async function admissions(database: Database): Promise<string> {
  const { rows } = await database.query<{ records: string }>(
    `select jsonb_agg(jsonb_build_object('sessionId', id, 'attemptId', gen_random_uuid(), 'project', 'front', 'subscription', 'main', 'owner', 1,
       'seq', seq, 'ceiling', 100, 'inUse', 1, 'fromNumberId', 'n1', 'probe', false, 'sendWithinMs', 1000))::text as records
     from (select id, seq from session where class = 'class-0' and ready order by score desc, seq limit ${batch}) head`,
  );
  return `1, '${rows[0]?.records}', 1, 1, array[]::text[], array[]::jsonb[], 1, 0, array[gen_random_uuid()]`;
}

/** Ends of a few calls that live. */
async function ends(database: Database): Promise<string> {
  const { rows } = await database.query<{ ends: string }>(
    `select jsonb_agg(jsonb_build_object('attemptId', id, 'lineTaken', true, 'outcome', 'Normal', 'callId', 'call-' || id, 'requeue', false, 'delayMs', 0,
       'consumed', true, 'sessionOutcome', 'Completed', 'sessionReason', 'Normal', 'withResults', true, 'resultDelayMs', 0))::text as ends
     from (select id from attempt where state = 'bound' order by number limit 5) calls`,
  );
  return `1, '${rows[0]?.ends}', null, false`;
}

/** A few calls that live. */
async function live(database: Database): Promise<string> {
  const { rows } = await database.query<{ ids: string }>(
    `select array_agg(id)::text as ids from (select id from attempt where state = 'bound' order by number limit 5) calls`,
  );
  return `'${rows[0]?.ids}'::uuid[]`;
}

const statements: readonly Statement[] = [
  { what: 'a glance', text: glanceStatement, types: 'int, int', values: async () => '1, 0' },
  { what: 'ending calls', text: endAttemptsStatement, types: 'int, jsonb, text, boolean', values: ends },
  { what: 'making ready what is due', text: promoteDueStatement, types: 'int', values: async () => '1' },
  {
    what: 'taking back by id',
    text: takeBackOfStatement,
    types: 'int, boolean, text[], uuid[]',
    values: async (database) => `1, false, array[]::text[], ${await live(database)}`,
  },
  {
    what: 'burying by id',
    text: buryDeadWorkersOfStatement,
    types: 'int, uuid[]',
    values: async (database) => `1, ${await live(database)}`,
  },
  {
    what: 'fetching the heads of all lanes',
    text: fetchWaitingStatement,
    types: 'int, text[], text[], int[]',
    values: async () => `1, array['class-0', 'class-1', 'class-2', 'class-3'], array['', '', '', ''], array_fill(${batch}, array[4])`,
  },
  { what: 'finding the lanes', text: discoverLanesStatement, types: 'int', values: async () => '1' },
  {
    what: 'committing admissions',
    text: commitAdmissionsStatement,
    types: 'int, jsonb, bigint, bigint, text[], jsonb[], bigint, float8, uuid[]',
    values: admissions,
  },
];

test.each(['custom', 'generic'] as const)(
  'the dispatcher reads no more of a long queue than of a short one, with %s plans',
  async (planFor) => {
    const [short, long] = await Promise.all(lengths.map(queueOf));
    if (short === undefined || long === undefined) throw new Error('two queues are compared');
    for (const statement of statements) {
      const few = await run(short, statement, planFor);
      const many = await run(long, statement, planFor);
      expect(scans(many.plan), statement.what).not.toEqual(expect.arrayContaining([expect.stringMatching(/^(session|attempt)$/)]));
      expect(many.pages, statement.what).toBeGreaterThan(0);
      // An index gets a level more at the most, and is asked anew for each of a few calls.
      expect(many.pages, statement.what).toBeLessThan(2 * few.pages + 10);
    }
  },
);
