import { PgBoss } from 'pg-boss';
import type { Contestant, Prepared, Stop, Work } from './contestant.ts';

const queue = 'line';

/** A fetch that brought a job is followed by the next at once, as long as more than one is ready by statistics that it renews every second. */
const quick = { pollingIntervalSeconds: 0.5, burstWhenReadyExceeds: 1 } as const;
const statistics = { superviseIntervalSeconds: 1, monitorIntervalSeconds: 1, queueCacheIntervalSeconds: 1 } as const;
const warmUpMs = 3_000;

export const pgBoss: Contestant = {
  name: 'pg-boss, one process',
  description:
    'pg-boss with `localConcurrency` equal to the lines, polling as fast as it can (`burstWhenReadyExceeds: 1`, `pollingIntervalSeconds: 0.5`). It keeps the limit as long as nobody starts a second one',
  processes: 1,
  warmUpMs,
  prepare: addJobs,
  work: (work) => runWorkers(work, {}),
};

/** Its setting over all processes. Its documentation says that it may be exceeded for a moment. */
export const pgBossGroup: Contestant = {
  name: 'pg-boss, groupConcurrency',
  description:
    'two processes with `localConcurrency` equal to the lines, all jobs in one group, `groupConcurrency` equal to the lines; polling as fast as it can',
  processes: 2,
  warmUpMs,
  prepare: addJobs,
  work: (work) => runWorkers(work, { groupConcurrency: work.lines }),
};

async function addJobs({ url }: Prepared, count: number): Promise<void> {
  const boss = await started(url);
  await boss.createQueue(queue);
  const atOnce = 5_000;
  for (let from = 0; from < count; from += atOnce) {
    await boss.insert(
      queue,
      Array.from({ length: Math.min(atOnce, count - from) }, () => ({ group: { id: 'lines' } })),
    );
  }
  await boss.getDb().executeSql('vacuum analyze');
  await boss.stop({ graceful: false });
}

async function runWorkers({ url, lines, hold }: Work, limit: { readonly groupConcurrency?: number }): Promise<Stop> {
  const boss = await started(url);
  await boss.work(queue, { localConcurrency: lines, ...quick, ...limit }, () => hold());
  return () => boss.stop({ graceful: false });
}

async function started(url: string): Promise<PgBoss> {
  const boss = new PgBoss({ connectionString: url, ...statistics });
  boss.on('error', (error) => void process.stderr.write(`pg-boss: ${error.message}\n`));
  await boss.start();
  return boss;
}
