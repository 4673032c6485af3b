import { Logger, makeWorkerUtils, type RunnerOptions, run } from 'graphile-worker';
import type { Contestant, Prepared, Stop, Work } from './contestant.ts';

const silent = new Logger(() => () => undefined);
/** What found no job that it may run looks again after this; a new job wakes it at once. By default 2 s. */
const pollIntervalMs = 100;

/** Everybody takes one at a time, so one process has no more jobs than it has workers. */
export const graphileWorker: Contestant = {
  name: 'graphile-worker, one process',
  description: 'graphile-worker with `concurrency` equal to the lines. It keeps the limit as long as nobody starts a second one',
  processes: 1,
  warmUpMs: 500,
  prepare: (database, jobs) => addJobs(database, jobs, () => null),
  work: runWorkers,
};

/** Its setting over all processes: jobs of one named queue run one at a time, so a queue per line. */
export const graphileQueues: Contestant = {
  name: 'graphile-worker, a queue per line',
  description: `two processes with \`concurrency\` equal to the lines, each job in one of as many named queues as there are lines, chosen when it is queued; \`pollInterval\` ${pollIntervalMs} ms`,
  processes: 2,
  warmUpMs: 500,
  prepare: (database, jobs) => addJobs(database, jobs, (index) => `line-${index % database.lines}`),
  work: runWorkers,
};

async function addJobs({ url }: Prepared, count: number, queueOf: (index: number) => string | null): Promise<void> {
  const utils = await makeWorkerUtils({ connectionString: url, logger: silent });
  await utils.migrate();
  const atOnce = 5_000;
  for (let from = 0; from < count; from += atOnce) {
    const specs = Array.from({ length: Math.min(atOnce, count - from) }, (_, at) => ({
      identifier: 'line',
      queue_name: queueOf(from + at),
    }));
    await utils.withPgClient((client) =>
      client.query('select graphile_worker.add_jobs(array(select json_populate_recordset(null::graphile_worker.job_spec, $1::json)))', [
        JSON.stringify(specs),
      ]),
    );
  }
  await utils.withPgClient((client) => client.query('vacuum analyze graphile_worker._private_jobs'));
  await utils.release();
}

async function runWorkers({ url, lines, hold }: Work): Promise<Stop> {
  const options: RunnerOptions = {
    connectionString: url,
    concurrency: lines,
    pollInterval: pollIntervalMs,
    noHandleSignals: true,
    logger: silent,
    taskList: { line: hold },
  };
  const runner = await run(options);
  return () => runner.stop();
}
