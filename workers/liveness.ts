import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Logger } from 'pino';
import type { LedgerUrl } from '../ledger/address.ts';
import { connectionConfig } from '../ledger/database.ts';
import type { PoolId } from '../ledger/policy.ts';
import { workerChannel } from '../ledger/wake.ts';
import { registerWorker, retireWorker, type WorkerId, type WorkerState } from '../ledger/workers.ts';

/** The connection that proves that this worker lives, and on which it hears which attempts are its own. */
export type Liveness = {
  /** The worker's number: a new one each time that it had lost the ledger. */
  readonly workerId: WorkerId;
  /**
   * Under which this worker may send: aborted when the connection is lost, because for all others it is dead then, and what it was sending may be
   * looked up and dialled again. The next number comes with a new one.
   */
  readonly signal: AbortSignal;
  /** Aborted when the connection is lost, as it is when the server crashes and takes back what had not reached the disk. */
  readonly lost: AbortSignal;
  close(): Promise<void>;
};

/** How often the connection is asked whether it still is one, and how long it may take to say so: no packet tells of a wire that leads nowhere. */
const askEveryMs = 2_000;
const answersWithinMs = 8_000;

/** Between two tries to reach the ledger again: doubled from the first to the longest, a quarter more or less. */
const firstPauseMs = 100;
const longestPauseMs = 1_000;

type Registered = {
  readonly connection: pg.Client;
  readonly workerId: WorkerId;
  readonly lost: AbortController;
  readonly signal: AbortSignal;
};

/**
 * Registers the worker. While its connection lives, so does the worker for all others. When it is lost, the worker stops sending, and registers anew as
 * soon as the ledger can be reached: what it remembers stays, so that callers and webhooks are answered meanwhile.
 */
export async function openLiveness(options: {
  readonly ledgerUrl: LedgerUrl;
  readonly poolId: PoolId;
  readonly name: string;
  /** Where other workers reach it. */
  readonly address: string | undefined;
  /** As what it registers: one that drains and loses the ledger meanwhile is given nothing when it is back. */
  readonly state: () => WorkerState;
  readonly onAdmitted: (attemptIds: readonly string[]) => void;
  readonly random: () => number;
  readonly log: Logger;
  /** The worker's own end. */
  readonly signal: AbortSignal;
}): Promise<Liveness> {
  let closing = false;
  let current: Registered | undefined;
  current = await register();
  // It may have been lost in the moment in which it was opened.
  let regaining = current.lost.signal.aborted ? regain(current) : Promise.resolve();
  const timer = setInterval(() => void ask(registered()), askEveryMs);

  function registered(): Registered {
    if (current === undefined) throw new Error('the worker is not registered yet');
    return current;
  }

  async function register(): Promise<Registered> {
    const connection = new pg.Client({
      ...connectionConfig(options.ledgerUrl(), { applicationName: `trunkline ${options.name}` }),
      query_timeout: answersWithinMs,
    });
    const lost = new AbortController();
    connection.on('error', (error) => lose(lost, error));
    connection.on('notification', ({ payload }) => {
      if (payload !== undefined && payload !== '' && !lost.signal.aborted) options.onAdmitted(payload.split(','));
    });
    try {
      await connection.connect();
      const workerId = await registerWorker(connection, options.poolId, options.name, {
        state: options.state(),
        address: options.address,
        before: current?.workerId,
      });
      await connection.query(`listen ${workerChannel(workerId)}`);
      return { connection, workerId, lost, signal: AbortSignal.any([options.signal, lost.signal]) };
    } catch (error) {
      lost.abort();
      connection.end().catch((failure: Error) => options.log.debug({ err: failure }, 'connection not closed in order'));
      throw error;
    }
  }

  async function ask({ connection, lost }: Registered): Promise<void> {
    if (lost.signal.aborted) return;
    await connection.query('select').catch((error: Error) => lose(lost, error));
  }

  function lose(lost: AbortController, error: Error): void {
    if (closing || lost.signal.aborted) return;
    lost.abort();
    // Lost before it was anybody's: whoever is opening it hears of that.
    if (current?.lost !== lost) return;
    options.log.error({ err: error }, 'the ledger is away: nothing is sent until it is back');
    regaining = regain(current);
  }

  async function regain(former: Registered): Promise<void> {
    former.connection.end().catch((error: Error) => options.log.debug({ err: error }, 'connection not closed in order'));
    for (let pauseMs = firstPauseMs; !closing; pauseMs = Math.min(longestPauseMs, pauseMs * 2)) {
      await sleep(pauseMs * (0.75 + options.random() / 2), undefined, { ref: false });
      try {
        current = await register();
      } catch (error) {
        options.log.debug({ err: error }, 'the ledger is still away');
        continue;
      }
      if (current.lost.signal.aborted) continue;
      options.log.warn({ owner: current.workerId, before: former.workerId }, 'the ledger is back');
      await retire(current, former.workerId);
      return;
    }
  }

  /** What the former number was sending is looked up from now on, as its sockets are closed; without this the dispatcher finds out by itself. */
  async function retire({ connection }: Registered, former: WorkerId): Promise<void> {
    await retireWorker(connection, former).catch((error: Error) => options.log.warn({ err: error }, 'former registration not ended'));
  }

  return {
    get workerId() {
      return registered().workerId;
    },
    get signal() {
      return registered().signal;
    },
    get lost() {
      return registered().lost.signal;
    },
    async close() {
      closing = true;
      clearInterval(timer);
      await regaining;
      await registered()
        .connection.end()
        .catch((error: Error) => options.log.debug({ err: error }, 'connection not closed in order'));
    },
  };
}
