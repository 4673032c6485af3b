import type { ClassPolicy } from '../capacity/policy/policy.ts';

/** Past a call's own bounds, this much more until silence means that something is wrong (invariant I6). */
const graceMs = 120_000;

/** For calls whose class we do not know: the provider's own longest default. */
const unknownMs = 12 * 3_600_000;

/** Longest that a call of this class can hold its line: ringing, talking, and a grace. */
export function boundForMs(classPolicy: ClassPolicy | undefined): number {
  if (classPolicy === undefined) return unknownMs;
  return classPolicy.session.maxDurationMs + classPolicy.session.ringTimeoutMs + graceMs;
}
