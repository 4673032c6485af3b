import type { Direction } from '../policy/policy.ts';
import type { ScalingRule } from './behavior.ts';
import type { ScalingSchedule } from './schedule.ts';

/** What a pool declares about the number of its workers, made ready for decisions. Data only. */
export type ScalingPolicy = {
  /** At least 1: the intake lives in the workers. It holds whatever else is said. */
  readonly minReplicas: number;
  readonly maxReplicas: number;
  readonly sessionsPerWorker: number;
  /** The share of a worker's sessions that it is meant to carry, 0.1 to 1; the rest is room for what comes before another worker runs. */
  readonly slotUtilization: number;
  /** Workers beyond what the ceiling can use; see {@link spareWorkers}. */
  readonly spareWorkers: number;
  /** The time in which sessions that wait should all have started. The oldest of them should not have waited longer either. */
  readonly drainBacklogWithinMs: number;
  /** What the workers' own latency (webhook handling, dispatch) should stay below at p95. */
  readonly dispatchLatencyMs: number;
  /** Slots that workers are kept ready for beyond those in use: the larger of the two, or what arrives while a worker starts if that is more. */
  readonly buffer: { readonly sessions: number; readonly percent: number };
  /** In order of precedence: the first one whose window is open counts, the others do not. */
  readonly schedules: readonly ScalingSchedule[];
  readonly behavior: { readonly scaleUp: ScalingRule; readonly scaleDown: ScalingRule };
  /** `stateful`: sessions stay with their worker, so no busy worker is ever given up. */
  readonly handler: Statefulness;
};

/** Whether the team's logic keeps something of a session in the memory of one worker. */
export type Statefulness = 'stateless' | 'stateful';

/** How often a decision is taken. */
export const tickMs = 2_000;
/** Slot use is averaged over it; the guards ask for at most one worker in it; panic ends when it has passed without a reason for it. */
export const stableWindowMs = 60_000;
/** Bursts and backlogs are judged by it. */
export const panicWindowMs = 6_000;
/** A demand for so many times the workers that are there is no time for averages. */
export const panicRatio = 2;
/** A fleet whose load is so near to its target stays as it is. */
export const tolerance = 0.1;

/** Up at once, as far as the ceiling goes. Down after five quiet minutes, and by no more than half of the workers in a minute. */
export const defaultBehavior: ScalingPolicy['behavior'] = {
  scaleUp: { stabilizationWindowMs: 0, limit: { kind: 'none' } },
  scaleDown: {
    stabilizationWindowMs: 300_000,
    limit: { kind: 'most', policies: [{ kind: 'percent', value: 50, periodMs: 60_000 }] },
  },
};

/** Callers do not wait for a worker to start: where there can be any, one worker at least is spare, so that one may die or roll. */
export function spareWorkers(declared: number, classes: readonly { readonly direction: Direction | 'Any' }[]): number {
  return classes.some(({ direction }) => direction !== 'Outbound') ? Math.max(1, declared) : declared;
}
