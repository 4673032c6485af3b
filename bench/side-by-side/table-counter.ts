import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Contestant } from './contestant.ts';

/** A loop that found every line taken, or no job, looks again after this. */
const againMs = 5;

/** What is in most scripts: a counter in a table, looked at and then changed. */
export const tableCounter: Contestant = {
  name: 'counter in a table',
  description:
    'two processes, each with a loop per line: read the counter, and when it is below the limit add one, claim a job with `for update skip locked`, run it, take one off',
  processes: 2,
  warmUpMs: 500,
  async prepare({ url }, jobs) {
    const client = new pg.Client(url);
    await client.connect();
    await client.query(`
      create table counter (in_use int not null) with (fillfactor = 10);
      insert into counter values (0);
      create table job (id int primary key, state text not null);
      create index job_queued on job (id) where state = 'queued'`);
    await client.query(`insert into job select n, 'queued' from generate_series(1, $1::int) n`, [jobs]);
    await client.query('vacuum analyze job');
    await client.end();
  },
  async work({ url, lines, hold }) {
    const pool = new pg.Pool({ connectionString: url, max: 10 });
    const stop = new AbortController();
    const loops = Array.from({ length: lines }, () => loop(pool, lines, hold, stop.signal));
    return async () => {
      stop.abort();
      await Promise.all(loops);
      await pool.end();
    };
  },
};

async function loop(pool: pg.Pool, lines: number, hold: () => Promise<void>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const { rows } = await pool.query<{ in_use: number }>({ name: 'check', text: 'select in_use from counter' });
    if ((rows[0]?.in_use ?? lines) >= lines) {
      await sleep(againMs);
      continue;
    }
    await pool.query({ name: 'take', text: 'update counter set in_use = in_use + 1' });
    const { rows: claimed } = await pool.query<{ id: number }>({
      name: 'claim',
      text: `update job set state = 'running' where id = (select id from job where state = 'queued' order by id limit 1 for update skip locked) returning id`,
    });
    if (claimed.length > 0) await hold();
    else await sleep(againMs);
    await pool.query({ name: 'done', text: `update job set state = 'done' where id = $1`, values: [claimed[0]?.id ?? 0] });
    await pool.query({ name: 'give', text: 'update counter set in_use = in_use - 1' });
  }
}
