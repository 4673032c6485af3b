import { rememberedSkew, rememberSkew, type Skew, type SkewMemory, skewBetween } from '../../capacity/watching/clock-skew.ts';
import type { ProjectName } from '../../crds/values.ts';
import { readLedgerClock } from '../../ledger/clock.ts';
import type { Database } from '../../ledger/database.ts';
import type { VapiProject } from '../../providers/vapi/contract.ts';

/** What this worker knows of the difference between the provider's clock and the ledger's, for each project. */
export function openProjectClocks(deps: {
  readonly database: Database;
  /** Monotonic milliseconds of this process, the ones in which the provider's answers are timed. */
  readonly now: () => number;
}): {
  /** Undefined until the provider has answered a first time. */
  skewOf(project: ProjectName, api: VapiProject): Promise<Skew | undefined>;
} {
  const memories = new Map<ProjectName, SkewMemory>();
  return {
    async skewOf(project, api) {
      const provider = api.clock();
      if (provider === undefined) return undefined;
      const skew = skewBetween(provider, await readLedgerClock(deps.database, deps.now));
      const memory = rememberSkew(memories.get(project), skew, deps.now());
      memories.set(project, memory);
      return rememberedSkew(memory);
    },
  };
}
