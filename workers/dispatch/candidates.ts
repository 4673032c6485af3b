import type { Waiting } from '../../capacity/admission/snapshot.ts';
import type { LineAt } from '../../capacity/policy/lineage.ts';
import type { Policy } from '../../capacity/policy/policy.ts';
import type { Head } from '../../ledger/dispatch/fetch-waiting.ts';
import type { OpenAttempt } from '../../ledger/dispatch/open-attempts.ts';

/** A number that is on the phone, or whose attempt has not ended, is looked at again after this. */
const busyAgainMs = 5_000;

/** A number that was dialled often enough today is looked at again after this. */
const dialledOftenAgainMs = 15 * 60_000;

export type Candidates = {
  readonly waiting: readonly Waiting[];
  /** Sessions to put aside: nobody is dialled twice at once, nor too often a day (I5). */
  readonly parked: readonly { readonly id: string; readonly forMs: number }[];
};

/** Sorts the heads of the queue into those that may be decided on and those that have to wait for their number. */
export function candidatesOf(heads: readonly Head[], policy: Policy): Candidates {
  const waiting: Waiting[] = [];
  const parked: { id: string; forMs: number }[] = [];
  const numbers = new Set<string>();
  for (const head of heads) {
    if (head.dialsToday >= policy.destinations.maxDialsPerDay) parked.push({ id: head.id, forMs: dialledOftenAgainMs });
    else if (head.numberBusy || (head.number !== null && numbers.has(head.number))) parked.push({ id: head.id, forMs: busyAgainMs });
    else waiting.push(waitingOf(head));
    if (head.number !== null) numbers.add(head.number);
  }
  return { waiting, parked };
}

function waitingOf(head: Head): Waiting {
  return {
    id: head.id,
    class: head.class,
    direction: head.direction,
    readySinceMs: head.readyAtMs,
    score: head.score,
    sequence: head.seq,
    project: head.project ?? undefined,
    holdsLine: false,
    labels: head.labels,
  };
}

/** An inbound call that waits inside the provider; its id here is its attempt's, because that is what gets admitted. */
export function arrivalOf(attempt: OpenAttempt, lineAt: LineAt): Waiting | undefined {
  if (attempt.state !== 'pending' || attempt.class === null || attempt.session === null) return undefined;
  return {
    id: attempt.id,
    class: attempt.class,
    direction: 'Inbound',
    readySinceMs: attempt.session.readyAtMs,
    score: attempt.session.score,
    sequence: attempt.session.seq,
    project: attempt.project,
    holdsLine: true,
    lineAt,
    labels: attempt.session.labels,
  };
}
