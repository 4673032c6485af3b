import type { PoolStatus } from '../../crds/status.ts';
import type { Happening } from '../runtime/events.ts';

export type News = Pick<Happening, 'type' | 'reason' | 'action' | 'note'>;

/** Conditions that are trouble when they hold; the others are when they do not. */
const troubleWhenTrue: readonly string[] = [
  'Saturated',
  'ScalingLimited',
  'BreakerOpen',
  'BudgetExhausted',
  'ReservationAtRisk',
  'Draining',
];
/** They come and go with the load, some of them by the second: told as figures are. */
export const everyday: readonly string[] = ['Saturated', 'ScalingLimited', 'Draining'];
/** What the team has declared is no news to it. */
const declared: readonly string[] = ['WebhooksReachable', 'InboundUnguarded'];
/** Stations on the way to being ready; what stays there longer than it should is told with another reason. */
const passing: readonly string[] = ['Starting', 'NoDeployment', 'NotReadYet', 'NoWorkerYet', 'PolicyNotApplied', 'NoDispatcher'];

/** What is worth an event between two reports: a condition that turned to trouble, for another reason than before, or that is well again. */
export function wordsOf(before: PoolStatus | undefined, after: PoolStatus): readonly News[] {
  const conditions = after.conditions ?? [];
  return conditions.flatMap(({ type, status, reason, message }): readonly News[] => {
    if (everyday.includes(type) || declared.includes(type) || passing.includes(reason)) return [];
    // The condition that it is because of tells it.
    if (type === 'Ready' && conditions.some((other) => other.type !== type && other.reason === reason)) return [];
    const earlier = before?.conditions?.find((one) => one.type === type);
    if (earlier?.status === status && earlier.reason === reason) return [];
    const bad = troubleWhenTrue.includes(type) ? 'True' : 'False';
    if (status === bad) return [{ type: 'Warning', reason, action: type, note: message }];
    return earlier?.status === bad ? [{ type: 'Normal', reason, action: type, note: message }] : [];
  });
}
