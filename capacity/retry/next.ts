import type { AttemptOutcome, SessionOutcome } from '../outcomes.ts';
import type { Direction, RetryPolicy } from '../policy/policy.ts';

/** What follows an attempt: the session waits again, or is over. */
export type AfterAttempt =
  /** `consumed`: the attempt counts towards the class's `maxAttempts`. */
  | { readonly next: 'queue'; readonly delayMs: number; readonly consumed: boolean }
  | { readonly next: 'end'; readonly outcome: SessionOutcome; readonly reason: string };

export type EndedAttempt = {
  readonly outcome: AttemptOutcome;
  readonly direction: Direction;
  /** Attempts that counted, before this one. */
  readonly attempts: number;
  /** Attempts that did not count, before this one. */
  readonly refusals: number;
  readonly retry: RetryPolicy | undefined;
  /** Until the session expires; null or absent: never. */
  readonly expiresInMs?: number | null | undefined;
  /** Uniform in [0, 1). */
  readonly random: () => number;
};

/** A session that could not even be tried this often ends, so that nothing circles for ever. */
export const maxRefusals = 50;

/** First wait after an attempt that did not count, and the longest. */
const refusalBackoff = { initialMs: 250, maxMs: 30_000 } as const;

/**
 * Decides what follows an attempt.
 *
 * - Nothing was dialled (no line, throttled, unsent, project at fault): it waits again without losing an attempt.
 * - The callee or the provider ended it (busy, no answer, voicemail, provider fault): the class's `retry` decides. With `initial: 15m` the second
 *   attempt comes after about 15, the third after about 30 minutes.
 * - Anything else is the end. A caller who called us is never dialled in return.
 */
export function afterAttempt(attempt: EndedAttempt): AfterAttempt {
  switch (attempt.outcome) {
    case 'Normal':
      return end('Completed', 'the conversation ended');
    case 'Busy':
    case 'NoAnswer':
    case 'Voicemail':
    case 'ProviderFault':
      return redial(attempt, attempt.outcome);
    case 'Capacity':
    case 'Throttled':
    case 'Unsent':
    case 'ProjectFault':
      return tryAgain(attempt, attempt.outcome);
    case 'Permanent':
      return end('Rejected', 'the provider refused it for good');
    case 'Abandoned':
      return end('Abandoned', 'the caller hung up before an answer');
    case 'Overflowed':
      return end('Overflowed', 'no slot was free in time');
    case 'Cancelled':
      return end('Cancelled', 'it was cancelled');
    case 'Unknown':
      return end('Unknown', 'nobody could say what became of the call');
  }
}

function redial(
  { direction, attempts, retry, expiresInMs, random }: EndedAttempt,
  outcome: 'Busy' | 'NoAnswer' | 'Voicemail' | 'ProviderFault',
) {
  if (direction === 'Inbound') return end(outcome, 'a call that came in is not redialled');
  if (retry === undefined || !retry.on.includes(outcome)) return end(outcome, `the class does not retry after ${outcome}`);
  if (attempts + 1 >= retry.maxAttempts) return end(outcome, `attempt ${attempts + 1} of ${retry.maxAttempts}`);
  const delayMs = backoffMs(retry.initialMs, retry.maxMs, attempts, random);
  if (expiresInMs != null && expiresInMs <= delayMs) return end(outcome, 'it expires before the next attempt');
  return { next: 'queue', delayMs, consumed: true } as const;
}

function tryAgain({ direction, refusals, expiresInMs, random }: EndedAttempt, outcome: AttemptOutcome): AfterAttempt {
  if (direction === 'Inbound')
    return end(outcome === 'Capacity' ? 'Overflowed' : 'ProviderFault', `the provider ended the call: ${outcome}`);
  if (refusals + 1 >= maxRefusals) return end('Rejected', `tried ${maxRefusals} times in vain, last: ${outcome}`);
  const delayMs = backoffMs(refusalBackoff.initialMs, refusalBackoff.maxMs, refusals, random);
  if (expiresInMs != null && expiresInMs <= delayMs) return end('Expired', `it expires before it can be tried again after ${outcome}`);
  return { next: 'queue', delayMs, consumed: false };
}

/** Doubles with each try up to the longest; a tenth more or less, so that what failed together does not come back together. */
function backoffMs(initialMs: number, maxMs: number, before: number, random: () => number): number {
  const plainMs = Math.min(maxMs, initialMs * 2 ** Math.min(before, 40));
  return Math.round(Math.min(maxMs, plainMs * (0.9 + 0.2 * random())));
}

function end(outcome: SessionOutcome, reason: string): AfterAttempt {
  return { next: 'end', outcome, reason };
}
