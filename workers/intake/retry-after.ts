import type { ClassView } from '../../capacity/view.ts';

/** When to come back to a full queue if nobody knows how fast it drains: no dispatcher at work, or nothing has left it for a minute. */
const unknownSeconds = 60;

/**
 * Seconds until a full queue has room again for what waits outside. Those who are told to come back come at once, so the answer is the time in which
 * one hundredth of the queue drains (at most 100 places), not the time in which one place does: a queue of 10,000 from which 600 leave per minute
 * gives 10 s.
 */
export function retryAfterSeconds(maxDepth: number, drain: Pick<ClassView, 'leftPerMinute'> | undefined): number {
  if (drain === undefined || drain.leftPerMinute <= 0) return unknownSeconds;
  const places = Math.min(100, Math.max(1, maxDepth / 100));
  return Math.min(3_600, Math.max(1, Math.ceil((60 * places) / drain.leftPerMinute)));
}
