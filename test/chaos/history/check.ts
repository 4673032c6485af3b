import type { Violation } from '../violation.ts';
import { checkDialInstants, checkDialledOnce, checkDials } from './checks/dials.ts';
import { checkEndInstants, checkEndings } from './checks/endings.ts';
import { checkFairness } from './checks/fairness.ts';
import { checkRecounted, checkWrittenLimits } from './checks/limits.ts';
import { checkLiveCalls } from './checks/live-calls.ts';
import { checkInstants, checkSequence } from './checks/order.ts';
import { checkPriority } from './checks/priority.ts';
import { checkRates } from './checks/rates.ts';
import { checkParallel, checkRedials } from './checks/redials.ts';
import { checkReservations } from './checks/reservations.ts';
import { checkSignals } from './checks/signals.ts';
import { checkReleases, checkSlots } from './checks/slots.ts';
import { checkExpiry, checkPlaces } from './checks/wishes.ts';
import { beganAfter, type History, upTo } from './history.ts';

type Check = (history: History) => readonly Violation[];

/** Of single decisions and dials, by what they say themselves. */
const ofDecisions: readonly Check[] = [checkSequence, checkWrittenLimits, checkPlaces, checkDialledOnce, checkDials, checkLiveCalls];
/** Of decisions among each other, by the instants at which they were made. */
const ofMoments: readonly Check[] = [
  checkInstants,
  checkRecounted,
  checkRates,
  checkPriority,
  checkFairness,
  checkReservations,
  checkSignals,
  checkParallel,
  checkExpiry,
];
/** Of what became of everything in the end. */
const ofEnds: readonly Check[] = [checkRedials, checkEndings, checkSlots];
const ofEndMoments: readonly Check[] = [checkDialInstants, checkEndInstants, checkReleases];

const judge = (history: History, checks: readonly Check[]): readonly Violation[] => checks.flatMap((check) => check(history));

/** Everything in a history that must never be; nothing when the run kept its promises. Pure. */
export function checkHistory(history: History): readonly Violation[] {
  return judge(history, [...ofDecisions, ...ofMoments, ...ofEnds, ...ofEndMoments]);
}

/** A history whose ledger had its clock set: its instants are in no order, so only what epochs, sequences and the provider tell is judged. */
export function checkWithoutClock(history: History): readonly Violation[] {
  return judge(history, [...ofDecisions, ...ofEnds]);
}

/**
 * A history whose ledger lost a part and went on from before it. The decisions until then are judged among each other, and those since each by itself;
 * in between there are calls that the ledger had to find again, so of the whole only what the provider tells is judged.
 */
export function checkAroundLoss(history: History, lost: { readonly fromMs: number; readonly toMs: number }): readonly Violation[] {
  const before = judge(upTo(history, lost.fromMs), [...ofDecisions, ...ofMoments]);
  const since = judge(beganAfter(history, lost.toMs), [...ofDecisions, checkInstants, checkDialInstants]);
  return [...before, ...since, ...checkDialsAlone(history)];
}

/** What the provider tells whatever became of the ledger. */
export function checkDialsAlone(history: History): readonly Violation[] {
  return judge(history, [checkDialledOnce, checkLiveCalls]);
}
