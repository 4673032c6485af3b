import { Worker } from 'node:worker_threads';
import type { Logger } from 'pino';
import { type LedgerMark, wentBack } from '../../capacity/guard/guard.ts';
import type { PoolKey } from '../../crds/values.ts';
import type { LedgerAddress } from '../../ledger/address.ts';
import type { Database } from '../../ledger/database.ts';
import { observeLeadership, staleBeatMs } from '../../ledger/election.ts';
import { reportWentBack } from '../../ledger/guard.ts';
import type { PoolId } from '../../ledger/policy.ts';
import type { WorkerId } from '../../ledger/workers.ts';
import { fromThread, type ToThread } from './thread-protocol.ts';

/** How often a worker looks whether its pool is dispatched. With a jitter, so that candidates do not stand all at once. */
const lookEveryMs = 400;

/** A thread that ended is opened anew after this: what ended it may end the next one as well. */
const reopenAfterMs = 200;

export type Candidate = {
  /** Milliseconds since the pool was last known to be dispatched. */
  awayMs(): number;
  readonly dispatching: boolean;
  /** Nothing is admitted now, because the ledger lost its newest part. */
  readonly guarded: boolean;
  /** Gives the lock up, if held, and stands no more. Resolves when it is free. Who dispatches is looked at on: callers may still ask. */
  withdraw(): Promise<void>;
  /** Stands again after having withdrawn. */
  rejoin(): void;
  /** Withdraws, and looks no more. */
  close(): Promise<void>;
};

/** Keeps an eye on the pool's dispatcher, and stands for election when there is none. */
export function openCandidate(deps: {
  readonly database: Database;
  readonly ledger: LedgerAddress;
  readonly poolId: PoolId;
  readonly pool: PoolKey;
  /** The worker's number now. */
  readonly workerId: () => WorkerId;
  readonly workerName: string;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly random: () => number;
  readonly log: Logger;
}): Candidate {
  let thread: Worker | undefined = openThread();
  let standing = false;
  let reopening: NodeJS.Timeout | undefined;
  let elected = false;
  let seenAtMs = deps.now();
  let withdrawn = false;
  let closed = false;
  let guarded = false;
  let remembered: LedgerMark | undefined;
  let timer: NodeJS.Timeout | undefined;

  async function look(): Promise<void> {
    try {
      const seen = await observeLeadership(deps.database, deps.poolId);
      const { held, beatAgeMs } = seen;
      guarded = seen.guarded;
      await compare(seen.mark);
      if (held && beatAgeMs < staleBeatMs) seenAtMs = deps.now() - beatAgeMs;
      else if (thread !== undefined && !standing && !withdrawn) stand(thread);
    } catch (error) {
      deps.log.warn({ err: error }, 'the ledger does not say who dispatches');
    }
    if (!closed) timer = setTimeout(() => void look(), lookEveryMs * (0.75 + deps.random() / 2));
  }

  /** The ledger's figures only rise: when they fell, it is not the ledger that we knew. */
  async function compare(mark: LedgerMark | undefined): Promise<void> {
    if (mark === undefined) return;
    if (remembered !== undefined && wentBack(remembered, mark)) {
      deps.log.error({ remembered, mark }, 'the ledger is older than what was seen of it: nothing is admitted until calls are listed');
      await reportWentBack(deps.database, deps.poolId);
      guarded = true;
    }
    remembered = mark;
  }

  /** A thread that has everything loaded and waits to be told to stand. */
  function openThread(): Worker {
    const { ledger, poolId, pool, workerName } = deps;
    const started = new Worker(new URL('./thread.ts', import.meta.url), { workerData: { ledger, poolId, pool, workerName } });
    started.on('message', (message) => {
      const { kind } = fromThread.parse(message);
      if (kind === 'elected') elected = true;
      else standing = false;
    });
    started.on('error', (error) => deps.log.error({ err: error }, 'dispatching ended by an error'));
    started.on('exit', () => {
      elected = false;
      standing = false;
      thread = undefined;
      if (!withdrawn) reopening = setTimeout(reopen, reopenAfterMs);
    });
    return started;
  }

  function reopen(): void {
    thread = openThread();
  }

  function stand(waiting: Worker): void {
    standing = true;
    const message: ToThread = { kind: 'stand', workerId: deps.workerId(), remembered };
    waiting.postMessage(message);
  }

  timer = setTimeout(() => void look(), deps.random() * 50);
  return {
    awayMs: () => (elected ? 0 : deps.now() - seenAtMs),
    get guarded() {
      return guarded;
    },
    get dispatching() {
      return elected;
    },
    withdraw,
    rejoin() {
      if (!withdrawn || closed) return;
      withdrawn = false;
      thread ??= openThread();
    },
    async close() {
      closed = true;
      clearTimeout(timer);
      await withdraw();
    },
  };

  async function withdraw(): Promise<void> {
    withdrawn = true;
    clearTimeout(reopening);
    const running = thread;
    if (running === undefined) return;
    const gone = new Promise<void>((resolve) => running.once('exit', () => resolve()));
    const message: ToThread = { kind: 'stop' };
    running.postMessage(message);
    const patience = setTimeout(() => void running.terminate(), 2_000);
    await gone;
    clearTimeout(patience);
  }
}
