import type { PoolSpec } from '../../crds/pool.ts';
import type { Scenario } from '../../simulator/contract.ts';
import type { Random } from '../../simulator/random.ts';
import type { World } from './world.ts';

/** One thing that goes wrong during a seed, drawn with all its particulars. */
export type Fault = {
  /** The particulars in words, as they are printed. */
  readonly told: string;
  /** When it begins, from the start of traffic. */
  readonly atMs: number;
  /** Its longest duration; afterwards everything is healed. */
  readonly lastsMs: number;
  /**
   * Whether the provider may refuse calls over its limit because of it: lines are taken that the pool cannot know of, or fewer are there than declared.
   */
  readonly refusals: 'explained' | 'none';
  /**
   * Whether what waits may rightly wait on for a while after everything is healed: projects are paused after failures, or ends of calls that no webhook
   * told wait for the next list.
   */
  readonly flow: 'may-wait' | 'goes-on';
  /** What it changes in the provider from the beginning. */
  readonly provider?: Partial<Scenario['provider']>;
  /** Traffic that comes with it. */
  readonly traffic?: Scenario['traffic'];
  /** Does the harm, waits, and heals. Ends early when the signal aborts, healed too. */
  readonly inflict: (world: World, signal: AbortSignal) => Promise<void>;
};

/** What the drawn fault may count on. */
export type Stage = {
  readonly spec: PoolSpec;
  readonly workers: number;
  readonly speed: number;
};

/**
 * Faults of one kind. Faults of one group need the same thing for themselves (the server, the policy, the scenario), so a seed draws at most one of
 * each group.
 */
export type Family = {
  readonly name: string;
  readonly group: 'workers' | 'database' | 'network' | 'clock' | 'provider' | 'policy';
  /** Needs the server's data directory on a small disk of its own. */
  readonly disk?: 'small';
  /** Needs the server to have a clock of its own. */
  readonly clock?: 'own';
  /** What this machine lacks for it; undefined when nothing. */
  readonly lacks: () => Promise<string | undefined>;
  readonly draw: (random: Random, stage: Stage) => Fault;
};

export const nothing = async (): Promise<undefined> => undefined;
