import type { WorkerBeat } from '../../ledger/workers.ts';

/** What a serving worker tells of itself that has nothing to do. */
export function aBeat(traits: Partial<WorkerBeat> = {}): WorkerBeat {
  return { state: 'serving', sessions: 0, startedInMs: 500, appliedVersion: 1, latencyMs: {}, troubles: [], ...traits };
}
