import { parentPort, workerData } from 'node:worker_threads';
import pg from 'pg';
import { z } from 'zod';
import { poolKey, poolNameOf } from '../../crds/values.ts';
import { type LedgerUrl, ledgerAddress, openAddress } from '../../ledger/address.ts';
import { connectionConfig } from '../../ledger/database.ts';
import { standForElection } from '../../ledger/election.ts';
import { requireSessionConnection } from '../../ledger/locks.ts';
import { openLog } from '../log.ts';
import { dispatch } from './dispatcher.ts';
import { type FromThread, type ToThread, toThread } from './thread-protocol.ts';

/**
 * The dispatcher's thread: waits until it is told to stand, stands for election on a connection of its own, and dispatches while it holds it. It waits
 * with everything loaded, because loading takes longer than an election may. No webhook is parsed and no code of the team runs here. Ends with the
 * process that started it, or alone when it is deposed, or unsure.
 */

const options = z.object({ ledger: ledgerAddress, poolId: z.int(), pool: poolKey, workerName: z.string() }).parse(workerData);

const log = openLog({ worker: options.workerName, part: 'dispatcher' });
const stop = new AbortController();
const tell = (message: FromThread) => parentPort?.postMessage(message);
let standing = false;
let ledgerUrl: LedgerUrl | undefined;

/** True when it was elected: then dispatching is over, and so is this thread. */
async function stand({ workerId, remembered }: Extract<ToThread, { kind: 'stand' }>): Promise<boolean> {
  ledgerUrl ??= openAddress(options.ledger);
  const connection = new pg.Client({
    ...connectionConfig(ledgerUrl(), { applicationName: `trunkline ${poolNameOf(options.pool)} dispatcher`, statementTimeoutMs: 5_000 }),
    // Statements that do not depend on each other's answers share a way.
    pipeline: true,
  });
  connection.on('error', (error) => {
    log.error({ err: error }, 'connection lost: dispatching ends');
    process.exit(1);
  });
  await connection.connect();
  await requireSessionConnection(connection);
  const election = await standForElection(connection, options.poolId, workerId, remembered);
  if (election.elected) {
    tell({ kind: 'elected' });
    const { poolId, pool } = options;
    const { epoch, seq } = election;
    await dispatch({ connection, poolId, pool, workerId, epoch, seq, now: () => performance.now(), random: Math.random, log }, stop.signal);
  }
  await connection.end();
  return election.elected;
}

parentPort?.on('message', (raw) => {
  const message = toThread.parse(raw);
  if (message.kind === 'stop') {
    stop.abort();
    if (!standing) parentPort?.close();
    return;
  }
  standing = true;
  // A failure ends the thread: its successor begins with nothing that could be wrong.
  stand(message).then((wasElected) => {
    standing = false;
    if (wasElected || stop.signal.aborted) parentPort?.close();
    else tell({ kind: 'not-elected' });
  });
});
