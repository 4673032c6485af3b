import { type Decision, limitedBy } from './decision.ts';
import type { ScalingPolicy } from './policy.ts';
import { recommend } from './recommend.ts';
import type { Signals } from './signals.ts';
import { type ScalingState, startScaling } from './state.ts';

/** What whoever scales a pool keeps between two ticks, and loses with a restart. */
export type Remembered = {
  readonly state: ScalingState;
  /** The newest decision that was told to others, and when. */
  readonly told: Decision;
  readonly toldMs: number;
};

export type Step = {
  readonly decision: Decision;
  readonly remembered: Remembered;
  /** Whether ledger, status and events are to be told: `changed`, that it says something else; `refreshed`, that its figures are old. */
  readonly news: 'changed' | 'refreshed' | 'none';
};

/** Figures move with every tick; people look now and then. */
const refreshMs = 30_000;
/** Two signals that ask for nearly the same take turns in asking for most. */
const reasonMs = 10_000;

/**
 * One tick of a pool, the same for an operator and for one machine. `nowMs` is the wall clock. Without anything remembered it begins with the workers that
 * there are.
 */
export function stepScaling(remembered: Remembered | undefined, signals: Signals, policy: ScalingPolicy, nowMs: number): Step {
  const before = remembered?.state ?? startScaling(signals.workers, nowMs);
  const { decision, state } = recommend(before, signals, policy, nowMs);
  const news = newsOf(remembered, decision, nowMs);
  const kept = remembered === undefined || news !== 'none' ? { told: decision, toldMs: nowMs } : remembered;
  return { decision, remembered: { state, told: kept.told, toldMs: kept.toldMs }, news };
}

function newsOf(remembered: Remembered | undefined, decision: Decision, nowMs: number): Step['news'] {
  if (remembered === undefined || remembered.told.replicas !== decision.replicas) return 'changed';
  const sinceMs = Math.abs(nowMs - remembered.toldMs);
  if (sinceMs >= reasonMs && hasOtherReason(remembered.told, decision)) return 'changed';
  return sinceMs >= refreshMs ? 'refreshed' : 'none';
}

/** Whether a person would be told another reason or limit for the same number. */
function hasOtherReason(told: Decision, decision: Decision): boolean {
  return told.reason.kind !== decision.reason.kind || told.mode !== decision.mode || limitedBy(told)?.by !== limitedBy(decision)?.by;
}
