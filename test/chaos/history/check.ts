import type { Violation } from '../violation.ts';
import { checkDials } from './checks/dials.ts';
import { checkEndings } from './checks/endings.ts';
import { checkLimits } from './checks/limits.ts';
import { checkLiveCalls } from './checks/live-calls.ts';
import { checkOrder } from './checks/order.ts';
import { checkPriority } from './checks/priority.ts';
import { checkRates } from './checks/rates.ts';
import { checkRedials } from './checks/redials.ts';
import { checkSlots } from './checks/slots.ts';
import type { History } from './history.ts';

const checks = [
  checkLimits,
  checkRates,
  checkOrder,
  checkPriority,
  checkDials,
  checkRedials,
  checkLiveCalls,
  checkEndings,
  checkSlots,
] as const;

/** Everything in a history that must never be; nothing when the run kept its promises. Pure. */
export function checkHistory(history: History): readonly Violation[] {
  return checks.flatMap((check) => check(history));
}
