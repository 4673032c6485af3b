import { parentPort, workerData } from 'node:worker_threads';
import pg from 'pg';
import { z } from 'zod';
import { poolName } from '../../crds/values.ts';
import { connectionConfig } from '../../ledger/database.ts';
import { standForElection } from '../../ledger/election.ts';
import { requireSessionConnection } from '../../ledger/locks.ts';
import { openLog } from '../log.ts';
import { dispatch } from './dispatcher.ts';

/**
 * The dispatcher's thread: stands for election on a connection of its own, and dispatches while it holds it. No webhook is parsed and no code of the
 * team runs here. Ends with the process that started it, or alone when it is not elected, deposed, or unsure.
 */

const mark = z.object({ epoch: z.number(), seq: z.number(), beats: z.number() });
const options = z
  .object({
    ledgerUrl: z.string(),
    poolId: z.int(),
    pool: poolName,
    workerId: z.int(),
    workerName: z.string(),
    remembered: mark.optional(),
  })
  .parse(workerData);

const log = openLog({ worker: options.workerName, part: 'dispatcher' });
const stop = new AbortController();
parentPort?.on('message', () => stop.abort());

const connection = new pg.Client(
  connectionConfig(options.ledgerUrl, { applicationName: `trunkline ${options.pool} dispatcher`, statementTimeoutMs: 5_000 }),
);
connection.on('error', (error) => {
  log.error({ err: error }, 'connection lost: dispatching ends');
  process.exit(1);
});
await connection.connect();
await requireSessionConnection(connection);
const election = await standForElection(connection, options.poolId, options.workerId, options.remembered);
if (election.elected) {
  parentPort?.postMessage({ kind: 'elected', epoch: election.epoch });
  await dispatch(
    {
      connection,
      poolId: options.poolId,
      pool: options.pool,
      workerId: options.workerId,
      epoch: election.epoch,
      seq: election.seq,
      now: () => performance.now(),
      random: Math.random,
      log,
    },
    stop.signal,
  );
}
await connection.end();
parentPort?.close();
