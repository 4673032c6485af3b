import type { Buffer, Reason } from './decision.ts';
import { panicWindowMs, type ScalingPolicy, stableWindowMs } from './policy.ts';
import { isAmount, type Known, type Signals } from './signals.ts';
import { type Means, meansOf, type Sample } from './state.ts';

/** How many workers the load asks for, as if nothing bounded them. */

/** Until a worker has started: a process takes two seconds, a pod with its image present five. */
const assumedStartUpMs = 10_000;
/** 98 ÷ (25 × 0.7) should be 5.6 and not a little more where the result is whole. */
const rounding = 1e-9;

/** Sessions that a worker is meant to carry. */
export function sessionsEach({ sessionsPerWorker, slotUtilization }: ScalingPolicy): number {
  return sessionsPerWorker * slotUtilization;
}

export function workersFor(sessions: number, policy: ScalingPolicy): number {
  return Math.max(0, Math.ceil(sessions / sessionsEach(policy) - rounding));
}

/**
 * The workers that the provider's lines can keep busy, and the spare: with 98 lines, 25 sessions a worker and a utilisation of 0.7, 6 and 1. Sessions
 * above the ceiling (callers whom the provider took without us) have workers too.
 */
export function usefulWorkers(ceiling: number, slotsInUse: number, policy: ScalingPolicy): number {
  return workersFor(Math.max(ceiling, slotsInUse), policy) + policy.spareWorkers;
}

/** Slots kept ready beyond those in use: the most of a number, a share, and what arrives while a worker starts. */
export function bufferOf(slotsInUse: number, known: Known, startUpMs: number | undefined, policy: ScalingPolicy): Buffer {
  const seconds = (startUpMs !== undefined && isAmount(startUpMs) ? startUpMs : assumedStartUpMs) / 1_000;
  const arrivals = (known.arrivalsPerSecond ?? 0) * seconds;
  const share = (slotsInUse * policy.buffer.percent) / 100;
  if (arrivals > Math.max(share, policy.buffer.sessions)) return { sessions: arrivals, from: 'arrivals' };
  return share > policy.buffer.sessions ? { sessions: share, from: 'percent' } : { sessions: policy.buffer.sessions, from: 'sessions' };
}

/**
 * Slots that the backlog takes at the same time if all of it is to start within the time: each waiting session one, unless sessions are so short that
 * one slot serves several of them. 500 that wait never need more than 500.
 */
export function backlogSlots(backlog: number, sessionMs: number | undefined, { drainBacklogWithinMs }: ScalingPolicy): number {
  if (sessionMs === undefined || !isAmount(sessionMs)) return backlog;
  return backlog * Math.min(1, sessionMs / drainBacklogWithinMs);
}

export function sampleOf(known: Known, signals: Signals, policy: ScalingPolicy, nowMs: number): Sample {
  return {
    atMs: nowMs,
    slotsInUse: known.slotsInUse ?? null,
    buffer: bufferOf(known.slotsInUse ?? 0, known, signals.startUpMs, policy).sessions,
    backlogSlots: known.backlog === undefined ? null : backlogSlots(known.backlog, signals.sessionMs, policy),
  };
}

export type Demand = { readonly sessions: number; readonly reason: Reason };

/**
 * What the load of the stable window asks for, and that of the panic window. A backlog is judged by seconds in both: it is there because something came
 * faster than averages move. Of signals that are not known now nothing is asked.
 */
export function demandOf(
  samples: readonly Sample[],
  known: Known,
  signals: Signals,
  policy: ScalingPolicy,
  nowMs: number,
): { readonly stable: Demand | undefined; readonly panic: Demand | undefined } {
  const short = meansOf(samples, panicWindowMs, nowMs);
  const long = meansOf(samples, stableWindowMs, nowMs);
  const use = ({ slotsInUse, use: sessions }: Means): Demand | undefined => {
    if (known.slotsInUse === undefined || slotsInUse === undefined || sessions === undefined) return undefined;
    return { sessions, reason: { kind: 'SlotUtilization', slotsInUse, buffer: bufferOf(slotsInUse, known, signals.startUpMs, policy) } };
  };
  const waiting = known.backlog === undefined ? undefined : backlogDemand(short, policy);
  return { stable: larger(use(long), waiting), panic: larger(use(short), waiting) };
}

function backlogDemand(short: Means, policy: ScalingPolicy): Demand | undefined {
  if (short.backlogSlots === undefined || short.backlogSlots === 0) return undefined;
  // Slots in use that are not known are at least none: an answer that is too small raises less, and takes nothing away.
  const slotsInUse = short.slotsInUse ?? 0;
  const reason: Reason = { kind: 'Backlog', slotsInUse, backlogSlots: short.backlogSlots, withinMs: policy.drainBacklogWithinMs };
  return { sessions: slotsInUse + short.backlogSlots, reason };
}

/** The one that asks for more; a demand that is not known asks for nothing. */
export function larger(one: Demand | undefined, other: Demand | undefined): Demand | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return other.sessions > one.sessions ? other : one;
}
