import type { Logger } from 'pino';
import type { Asked, WorkerState } from '../ledger/workers.ts';

/**
 * What a worker is doing: `starting` until its ledger and its pool are there, then `serving`. One that is to go hands on what it has (`draining`) and waits
 * (`drained`) to be told by SIGTERM; when it is wanted after all, it serves again.
 */
export type WorkerPhase = 'starting' | WorkerState;

export type Phases = {
  readonly now: WorkerPhase;
  /** How long it has not been ready for requests. */
  unreadyMs(): number;
  /** Everything is there. */
  serve(): void;
  /** What the ledger says is wanted of this worker, asked for with every beat. */
  hear(asked: Asked): Promise<void>;
  /** Hands everything on for good. Resolves when that is done, or was done before. */
  leave(): Promise<void>;
};

/**
 * An ask to drain lapses so long after the worker has drained: whoever asked would have taken it away by then, and is gone itself or has changed its mind. A
 * pool must not be left with idle workers while nobody decides on their number (I8).
 */
export const askLastsMs = 120_000;

/** Keeps the phase of one worker. What its duties are, they know themselves. */
export function openPhases(deps: {
  /** Hands on what the worker has, and resolves when nothing of it is left or its time is over. */
  readonly handOver: () => Promise<void>;
  /** Takes the duties up, for the first time or again. */
  readonly takeUp: () => void;
  /** Removes the ask from the ledger. */
  readonly dropAsk: () => Promise<void>;
  /** Monotonic milliseconds. */
  readonly clock: () => number;
  readonly log: Logger;
}): Phases {
  let phase: WorkerPhase = 'starting';
  let unreadySinceMs = deps.clock();
  let drainedAtMs = 0;
  let handingOver: Promise<void> | undefined;
  let leaving = false;

  function serve(): void {
    phase = 'serving';
    handingOver = undefined;
    deps.takeUp();
  }

  async function drain(): Promise<void> {
    phase = 'draining';
    unreadySinceMs = deps.clock();
    deps.log.info('draining');
    await deps.handOver();
    phase = 'drained';
    drainedAtMs = deps.clock();
    deps.log.info('drained');
  }

  function drainOnce(): Promise<void> {
    handingOver ??= drain();
    return handingOver;
  }

  return {
    get now() {
      return phase;
    },
    unreadyMs: () => (phase === 'serving' ? 0 : deps.clock() - unreadySinceMs),
    serve,
    async hear(asked) {
      if (leaving) return;
      if (asked === 'drain' && phase === 'serving') {
        drainOnce().catch((error: unknown) => deps.log.error({ err: error }, 'not everything was handed on'));
        return;
      }
      if (phase !== 'drained') return;
      if (asked === 'drain') {
        if (deps.clock() - drainedAtMs < askLastsMs) return;
        await deps.dropAsk();
        if (leaving) return; // told meanwhile
        deps.log.warn('drained and not taken away: serving again');
      }
      deps.log.info('wanted again');
      serve();
    },
    leave() {
      leaving = true;
      return drainOnce();
    },
  };
}
