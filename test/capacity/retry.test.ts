import { describe, expect, test } from 'vitest';
import type { AttemptOutcome } from '../../capacity/outcomes.ts';
import type { RetryPolicy } from '../../capacity/policy/policy.ts';
import { afterAttempt, type EndedAttempt, maxRefusals } from '../../capacity/retry/next.ts';

const minute = 60_000;
const retry: RetryPolicy = { maxAttempts: 4, initialMs: 15 * minute, maxMs: 40 * minute, on: ['Busy', 'NoAnswer', 'ProviderFault'] };
const ended = (outcome: AttemptOutcome, changes: Partial<EndedAttempt> = {}): EndedAttempt => ({
  outcome,
  direction: 'Outbound',
  attempts: 0,
  refusals: 0,
  retry,
  expiresInMs: null,
  random: () => 0.5,
  ...changes,
});

describe('after an attempt', () => {
  test.each<{ name: string; attempt: EndedAttempt; follows: object }>([
    { name: 'a conversation completes the session', attempt: ended('Normal'), follows: { next: 'end', outcome: 'Completed' } },
    { name: 'busy waits for a redial', attempt: ended('Busy'), follows: { next: 'queue', delayMs: 15 * minute, consumed: true } },
    { name: 'the second wait is twice as long', attempt: ended('NoAnswer', { attempts: 1 }), follows: { delayMs: 30 * minute } },
    { name: 'up to the longest', attempt: ended('NoAnswer', { attempts: 2 }), follows: { delayMs: 40 * minute } },
    { name: 'the last attempt is the last', attempt: ended('Busy', { attempts: 3 }), follows: { next: 'end', outcome: 'Busy' } },
    { name: 'what the class does not retry ends', attempt: ended('Voicemail'), follows: { next: 'end', outcome: 'Voicemail' } },
    { name: 'no retry policy, no redial', attempt: ended('Busy', { retry: undefined }), follows: { next: 'end', outcome: 'Busy' } },
    { name: 'no redial after the expiry', attempt: ended('Busy', { expiresInMs: 10 * minute }), follows: { next: 'end', outcome: 'Busy' } },
    {
      name: 'a call that came in is not redialled',
      attempt: ended('Busy', { direction: 'Inbound' }),
      follows: { next: 'end', outcome: 'Busy' },
    },
    { name: 'a refusal costs no attempt', attempt: ended('Capacity'), follows: { next: 'queue', delayMs: 250, consumed: false } },
    { name: 'nor does throttling', attempt: ended('Throttled'), follows: { next: 'queue', consumed: false } },
    { name: 'nor an attempt that was never sent', attempt: ended('Unsent'), follows: { next: 'queue', consumed: false } },
    { name: 'nor a project at fault', attempt: ended('ProjectFault', { attempts: 3 }), follows: { next: 'queue', consumed: false } },
    { name: 'refusals wait longer and longer', attempt: ended('Capacity', { refusals: 30 }), follows: { delayMs: 30_000 } },
    { name: 'and end', attempt: ended('Capacity', { refusals: maxRefusals - 1 }), follows: { next: 'end', outcome: 'Rejected' } },
    {
      name: 'a refused session may expire',
      attempt: ended('Capacity', { expiresInMs: 200 }),
      follows: { next: 'end', outcome: 'Expired' },
    },
    { name: 'a wrong number is rejected', attempt: ended('Permanent'), follows: { next: 'end', outcome: 'Rejected' } },
    { name: 'unknown stays unknown: nobody is dialled twice', attempt: ended('Unknown'), follows: { next: 'end', outcome: 'Unknown' } },
    { name: 'a caller who hung up', attempt: ended('Abandoned', { direction: 'Inbound' }), follows: { next: 'end', outcome: 'Abandoned' } },
    {
      name: 'a caller who was refused',
      attempt: ended('Overflowed', { direction: 'Inbound' }),
      follows: { next: 'end', outcome: 'Overflowed' },
    },
    { name: 'cancelled', attempt: ended('Cancelled'), follows: { next: 'end', outcome: 'Cancelled' } },
  ])('$name', ({ attempt, follows }) => {
    expect(afterAttempt(attempt)).toMatchObject(follows);
  });

  test('what failed together does not come back together', () => {
    const delays = [0, 0.5, 0.999].map((random) => afterAttempt(ended('Busy', { random: () => random })));
    expect(new Set(delays.map((one) => JSON.stringify(one))).size).toBe(3);
  });
});
