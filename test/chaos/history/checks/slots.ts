import { found, type Violation } from '../../violation.ts';
import { type AttemptFact, attemptNamedBy, type CallFact, type History, isForeign } from '../history.ts';
import { freedBy } from '../holding.ts';
import { clocksApartMs, graceMs, longestCoolingMs, sameRowMs } from '../tolerances.ts';

/** I6, call by call: no slot is held for a call that is over, and every call has one. */
export function checkSlots(history: History): readonly Violation[] {
  const callOf = callsOfAttempts(history);
  const leaked = history.attempts.filter((attempt) => attempt.releasedAtMs === null && !isLive(callOf(attempt)));
  return [
    ...found(
      'I6',
      'slots are held though their calls are over',
      leaked.map(({ id, state }) => `${id} ${state}`),
    ),
    ...found('I6', 'calls of ours that the ledger never came to know', unknownCalls(history)),
    ...found('I6', 'attempts bound to calls that the provider never had', boundToNothing(history)),
  ];
}

/**
 * I6, instant by instant: none is freed early. Cooling begins with the first news of an end, so never before the end itself, and the slot is free some
 * time after. How long the lag was that the pool had learned by then is not on record, so a lag that is too short shows at the provider, as refusals,
 * and not here.
 */
export function checkReleases(history: History): readonly Violation[] {
  const callOf = callsOfAttempts(history);
  const withCall = (wrong: (attempt: AttemptFact, call: CallFact) => boolean): readonly string[] =>
    history.attempts
      .filter((attempt) => {
        const call = callOf(attempt);
        return call !== undefined && wrong(attempt, call);
      })
      .map(({ id }) => id);
  return [
    ...found(
      'I6',
      'slots held for longer than their calls could last',
      history.attempts.filter((one) => isHeldTooLong(one, history)).map(({ id }) => id),
    ),
    ...found(
      'I6',
      'slots freed while the call lived',
      withCall((attempt, call) => isFreedEarly(attempt, call, history)),
    ),
    ...found(
      'I6',
      'attempts ended before their call did',
      withCall((attempt, call) => isEndedEarly(attempt, call, history)),
    ),
    ...found(
      'I6',
      'slots freed before their attempt was over',
      history.attempts.filter(isFreedBeforeEnd).map(({ id }) => id),
    ),
  ];
}

function callsOfAttempts({ calls }: History): (attempt: AttemptFact) => CallFact | undefined {
  const byId = new Map(calls.map((call) => [call.id, call]));
  const byName = new Map(calls.map((call) => [attemptNamedBy(call), call]));
  return (attempt) => byId.get(attempt.callId ?? '') ?? byName.get(attempt.id);
}

function isLive(call: CallFact | undefined): boolean {
  return call !== undefined && call.endedAtMs === undefined;
}

function isFreedEarly(attempt: AttemptFact, call: CallFact, history: History): boolean {
  const endedMs = call.endedAtMs ?? Number.POSITIVE_INFINITY;
  return attempt.releasedAtMs !== null && attempt.releasedAtMs < endedMs - clocksApartMs && !isGivenUp(attempt, history);
}

function isEndedEarly(attempt: AttemptFact, call: CallFact, history: History): boolean {
  const endedMs = call.endedAtMs ?? Number.POSITIVE_INFINITY;
  const denied = freedBy(attempt) === 'worker';
  return attempt.endedAtMs !== null && !denied && attempt.endedAtMs < endedMs - clocksApartMs && !isGivenUp(attempt, history);
}

/** Past everything that the call may last, with look-ups failing for good, a slot is given up. */
function isGivenUp(attempt: AttemptFact, history: History): boolean {
  const { endedAtMs, outcome } = attempt;
  if (outcome !== 'Unknown' || endedAtMs === null || !history.said.givenUp.has(attempt.id)) return false;
  return endedAtMs - heldSinceMs(attempt) >= longestMs(attempt, history, 'shortest');
}

function isHeldTooLong(attempt: AttemptFact, history: History): boolean {
  if (isForeign(attempt) || attempt.class === null || attempt.releasedAtMs === null) return false;
  return attempt.releasedAtMs - heldSinceMs(attempt) > longestMs(attempt, history, 'longest') + graceMs + longestCoolingMs;
}

function heldSinceMs({ admittedAtMs, createdAtMs }: AttemptFact): number {
  return admittedAtMs ?? createdAtMs;
}

/** Talking and ringing, under the policy that allows most or least. */
function longestMs({ class: className }: AttemptFact, { policies }: History, which: 'longest' | 'shortest'): number {
  const bounds = [...policies.values()].flatMap(({ classes }) => classes.find(({ name }) => name === className)?.session ?? []);
  const spans = bounds.map(({ maxDurationMs, ringTimeoutMs }) => maxDurationMs + ringTimeoutMs);
  if (spans.length === 0) return which === 'longest' ? Number.POSITIVE_INFINITY : 0;
  return which === 'longest' ? Math.max(...spans) : Math.min(...spans);
}

function isFreedBeforeEnd({ endedAtMs, releasedAtMs, sessionId }: AttemptFact): boolean {
  return sessionId !== null && releasedAtMs !== null && (endedAtMs === null || releasedAtMs < endedAtMs - sameRowMs);
}

/** A ledger that was restored may have forgotten the attempt; it then knows the call as a stranger's. */
function unknownCalls({ calls, attempts }: History): readonly string[] {
  const known = new Set(attempts.flatMap(({ id, callId }) => (callId === null ? [id] : [id, callId])));
  return calls
    .filter((call) => call.kind === 'outbound' && !known.has(call.id) && !known.has(attemptNamedBy(call) ?? ''))
    .map(({ id }) => id);
}

function boundToNothing({ calls, attempts }: History): readonly string[] {
  const there = new Set(calls.map(({ id }) => id));
  return attempts.filter(({ callId }) => callId !== null && !there.has(callId)).map(({ id }) => id);
}
