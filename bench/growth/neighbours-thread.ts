import { parentPort, workerData } from 'node:worker_threads';
import { z } from 'zod';
import { poolName } from '../../crds/values.ts';
import { standForElection } from '../../ledger/election.ts';
import { dispatch } from '../../workers/dispatch/dispatcher.ts';
import { openLog } from '../../workers/log.ts';
import { connect } from '../stage.ts';

/** Dispatchers of many pools, each on a connection of its own as in production, all in this thread. */
const { ledgerUrl, pools } = z
  .object({ ledgerUrl: z.string(), pools: z.array(z.object({ name: poolName, poolId: z.int() })) })
  .parse(workerData);

const stop = new AbortController();
parentPort?.on('message', () => stop.abort());

const running: Promise<void>[] = [];
for (const { name, poolId } of pools) {
  const connection = await connect(ledgerUrl, `bench dispatcher ${name}`);
  const election = await standForElection(connection, poolId, 0);
  if (!election.elected) throw new Error(`pool ${name} has a dispatcher already`);
  const options = {
    connection,
    poolId,
    pool: name,
    workerId: 0,
    epoch: election.epoch,
    seq: election.seq,
    now: () => performance.now(),
    random: Math.random,
    log: openLog({ worker: 'bench', part: 'dispatcher' }),
  };
  running.push(dispatch(options, stop.signal).finally(() => connection.end()));
}
parentPort?.postMessage('working');
await Promise.all(running);
parentPort?.close();
