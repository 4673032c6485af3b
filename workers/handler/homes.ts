import type { Logger } from 'pino';
import { type CallHome, claimHome, endHome, sweepHomes } from '../../ledger/call-homes.ts';
import type { Database } from '../../ledger/database.ts';
import type { PoolId } from '../../ledger/policy.ts';
import { within } from '../within.ts';

/**
 * Which worker has what a stateful handler remembers of a call: the one that got its first event. The ledger says it for all workers, and a worker knows its own
 * calls without asking, so that they go on while the ledger is away.
 */
export type Homes = {
  /** Calls of this worker that are not over. */
  readonly held: number;
  /** Where the events of this call go. `unreachable`: the worker that was said before, and does not listen. */
  homeOf(callId: string, unreachable?: string): Promise<Home>;
  /** Another worker says that the call is this one's. */
  accept(callId: string): void;
  /** Nothing of this call is expected any more. */
  end(callId: string): Promise<void>;
  /** Finds out which calls are over though nobody said so. */
  sweep(): Promise<void>;
};

export type Home = { readonly at: 'here' } | { readonly at: 'there'; readonly worker: string; readonly address: string };

/** A caller waits for what the handler says, so the ledger is not waited for longer. */
const askWithinMs = 1_000;

export function openHomes(deps: {
  readonly database: Database;
  readonly poolId: PoolId;
  /** This worker's name. */
  readonly name: string;
  /** One that leaves takes no calls any more that it does not have. */
  readonly phase: () => 'staying' | 'leaving';
  readonly log: Logger;
}): Homes {
  const { database, poolId, name, log } = deps;
  let calls = new Set<string>();
  /** Claimed while a sweep is under way, which may not have seen them. */
  let claimed = new Set<string>();

  function take(callId: string): void {
    calls.add(callId);
    claimed.add(callId);
  }

  function atHome(callId: string, { worker, address }: CallHome): Home {
    if (worker !== name && address !== undefined) return { at: 'there', worker, address };
    take(callId);
    return { at: 'here' };
  }

  return {
    get held() {
      return calls.size;
    },
    async homeOf(callId, unreachable) {
      if (calls.has(callId)) return { at: 'here' };
      const asking = claimHome(database, poolId, { callId, worker: name, phase: deps.phase(), unreachable });
      const home = await within(askWithinMs, asking);
      if (home !== 'late') return atHome(callId, home);
      asking.catch((error: unknown) =>
        log.warn({ err: error, call: callId }, 'not known which worker has this call: its event is handled here'),
      );
      return { at: 'here' };
    },
    accept: take,
    async end(callId) {
      calls.delete(callId);
      claimed.delete(callId);
      await endHome(database, poolId, callId);
    },
    async sweep() {
      claimed = new Set();
      const live = await sweepHomes(database, poolId, name);
      calls = new Set([...live, ...claimed]);
    },
  };
}
