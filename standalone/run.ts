import type { Database } from '../ledger/database.ts';
import type { PoolId } from '../ledger/policy.ts';
import { readView } from '../ledger/views.ts';
import type { Declaration } from './declaration.ts';
import type { Fleet } from './fleet.ts';
import type { Scaling } from './scaling.ts';
import type { Screen } from './screen.ts';
import type { Simulator } from './simulator.ts';

/** Everything that runs while a pool is up on this machine. */
export type Run = {
  readonly declaration: Declaration;
  readonly database: Database;
  readonly poolId: PoolId;
  readonly fleet: Fleet;
  readonly scaling: Scaling;
  readonly simulator: Simulator | undefined;
  /** The ledger's clock when the run began. */
  readonly since: Date;
  readonly startedMs: number;
};

/** Asked to stop before everything ran, or a second time while it finished. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

/** Shows what the dispatcher last published; without a ledger, that there is none. */
export async function showPool(run: Run, phase: 'running' | 'finishing', screen: Screen): Promise<void> {
  const seen = await readView(run.database, run.poolId).catch((error: Error) => error);
  const elapsedMs = performance.now() - run.startedMs;
  screen.show({
    pool: run.declaration.manifest.metadata.name,
    phase,
    elapsedMs,
    workers: { serving: run.fleet.counts().serving, size: run.fleet.size, crashes: run.fleet.crashes() },
    // What a former run left says nothing about this one.
    seen: seen instanceof Error || (seen !== undefined && seen.ageMs > elapsedMs + 1_000) ? undefined : seen,
    trouble: seen instanceof Error ? `the ledger does not answer: ${seen.message}` : undefined,
  });
}
