/**
 * Requests per minute of one project, as the provider counts them: per minute of UTC. Creations have their own limiter (limiter.ts); what they leave
 * is for looking calls up.
 */
export type MinuteBudget = {
  /** Minutes since 1970 that `spent` belongs to. */
  readonly minute: number;
  readonly spent: number;
  /** After a 429: half of the rate until this minute begins. */
  readonly halvedUntilMinute: number;
};

export const emptyMinute: MinuteBudget = { minute: 0, spent: 0, halvedUntilMinute: 0 };

/** Requests per minute that creations leave to polling: 30 %, but never less than 6. */
export function pollingShare(requestsPerMinute: number): number {
  return Math.max(6, Math.ceil((requestsPerMinute * 3) / 10));
}

/** Requests left in this minute, of those that the project may make. */
export function minuteBudget(state: MinuteBudget, requestsPerMinute: number, nowMs: number): number {
  const minute = minuteOf(nowMs);
  const allowed = minute < state.halvedUntilMinute ? Math.floor(requestsPerMinute / 2) : requestsPerMinute;
  return Math.max(0, allowed - (state.minute === minute ? state.spent : 0));
}

export function afterRequests(state: MinuteBudget, requests: number, nowMs: number): MinuteBudget {
  const minute = minuteOf(nowMs);
  return { ...state, minute, spent: state.minute === minute ? state.spent + requests : requests };
}

/** The provider said 429: others use the rate as well, so only half of it is ours until the next minute. */
export function afterThrottle(state: MinuteBudget, nowMs: number): MinuteBudget {
  return { ...state, halvedUntilMinute: minuteOf(nowMs) + 1 };
}

/** The instant at which the provider's next minute begins. */
export function nextMinuteMs(nowMs: number): number {
  return (minuteOf(nowMs) + 1) * 60_000;
}

function minuteOf(nowMs: number): number {
  return Math.floor(nowMs / 60_000);
}
