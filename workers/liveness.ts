import pg from 'pg';
import type { Logger } from 'pino';
import { connectionConfig } from '../ledger/database.ts';
import type { PoolId } from '../ledger/policy.ts';
import { workerChannel } from '../ledger/wake.ts';
import { registerWorker, type WorkerId } from '../ledger/workers.ts';

/** The connection that proves that this worker lives, and on which it hears which attempts are its own. */
export type Liveness = {
  readonly workerId: WorkerId;
  close(): Promise<void>;
};

/**
 * Registers the worker. While this connection lives, so does the worker for all others; when it breaks, the worker must not go on as if it were
 * still there, because what it was sending may be looked up and dialled again: `onLost` ends the process.
 */
export async function openLiveness(options: {
  readonly ledgerUrl: string;
  readonly poolId: PoolId;
  readonly name: string;
  readonly onAdmitted: (attemptIds: readonly string[]) => void;
  readonly onLost: (error: Error) => void;
  readonly log: Logger;
}): Promise<Liveness> {
  const connection = new pg.Client(connectionConfig(options.ledgerUrl, { applicationName: `trunkline ${options.name}` }));
  let closing = false;
  connection.on('error', (error) => {
    if (!closing) options.onLost(error);
  });
  connection.on('notification', ({ payload }) => {
    if (payload !== undefined && payload !== '') options.onAdmitted(payload.split(','));
  });
  await connection.connect();
  const workerId = await registerWorker(connection, options.poolId, options.name);
  await connection.query(`listen ${workerChannel(workerId)}`);
  return {
    workerId,
    async close() {
      closing = true;
      await connection.end();
    },
  };
}
