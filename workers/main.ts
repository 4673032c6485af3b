import { hostname } from 'node:os';
import { EnvironmentInvalid } from '../crds/variables.ts';
import { readEnvironment, type WorkerEnvironment } from './environment.ts';
import { openLog } from './log.ts';
import { startWorker } from './worker.ts';

/** The worker process. What it is told comes by environment; SIGTERM drains it; without its supervisor it leaves at once. */

const environment = toldOrEnd();
const log = openLog({ worker: environment.name });

process.on('unhandledRejection', (error) => {
  // A failure that nobody expected: what we hold is in the ledger, and a fresh process is surer than this one.
  log.fatal({ err: error }, 'ending after an unexpected failure');
  process.exit(1);
});

// The terminal sends Ctrl-C to everybody; only the supervisor knows what it means. Said before anything takes time: a worker may be told while it starts.
process.on('SIGINT', () => log.debug('left to the supervisor'));
process.on('disconnect', () => {
  log.warn('the supervisor is gone');
  process.exit(0);
});
const leave = new AbortController();
const starting = startWorker(environment, log, leave.signal, process.connected ? 'supervised' : 'alone');
process.once('SIGTERM', () => {
  leave.abort();
  starting
    .then((worker) => worker.drain())
    .then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ err: error }, 'drain failed');
        process.exit(1);
      },
    );
});

starting.then(
  (worker) => process.send?.({ kind: 'serving', port: worker.port }),
  (error: unknown) => {
    // Told to leave before it had begun: it holds nothing.
    if (leave.signal.aborted) process.exit(0);
    throw error;
  },
);

/** What is wrong with the environment is a line of the log: it is for whoever wrote the variables, and where in our sources is no help. */
function toldOrEnd(): WorkerEnvironment {
  try {
    return readEnvironment(process.env);
  } catch (error) {
    if (!(error instanceof EnvironmentInvalid)) throw error;
    openLog({ worker: process.env['TRUNKLINE_WORKER_NAME'] ?? hostname() }).fatal(error.message);
    return process.exit(1);
  }
}
