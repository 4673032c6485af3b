import type { AttemptOutcome } from '../../capacity/outcomes.ts';
import type { Policy } from '../../capacity/policy/policy.ts';
import { type AfterAttempt, afterAttempt } from '../../capacity/retry/next.ts';
import { type AttemptEnd, type EndingAttempt, endAttempt, findAttempt } from '../../ledger/attempts/end.ts';
import type { Database } from '../../ledger/database.ts';
import type { PoolId } from '../../ledger/policy.ts';
import type { Waker } from '../../ledger/wake.ts';

/** With webhooks, the provider's report follows the end by seconds; results wait for it this long. */
const reportWithinMs = 20_000;

export type Ending = {
  readonly attemptId: string;
  readonly outcome: AttemptOutcome;
  readonly endedReason: string | undefined;
  readonly callId?: string | undefined;
  readonly line: AttemptEnd['line'];
  readonly limits: AttemptEnd['limits'];
};

/** The one way in which attempts end, whoever hears of it. The dispatcher is woken with the commit. */
export type Endings = {
  /** True when this was the first to say so. */
  end(ending: Ending): Promise<boolean>;
};

export function openEndings(deps: {
  readonly database: Database;
  readonly poolId: PoolId;
  readonly policy: () => Policy;
  readonly withResults: () => boolean;
  readonly random: () => number;
  readonly waker: Waker;
  readonly observeOutcome: (project: string, outcome: AttemptOutcome) => void;
}): Endings {
  return {
    async end(ending) {
      const attempt = await findAttempt(deps.database, deps.poolId, { callId: '', attemptId: ending.attemptId });
      if (attempt === undefined || attempt.state === 'cooling' || attempt.state === 'ended') return false;
      const outcome = outcomeOf(attempt, ending.outcome);
      const end: AttemptEnd = {
        ...ending,
        outcome,
        session: attempt.sessionId === null ? undefined : sessionNext(deps.policy(), attempt, outcome, deps.random),
        withResults: deps.withResults(),
        resultDelayMs: ending.line === 'taken' ? reportWithinMs : 0,
      };
      const first = await deps.waker.withCommit((channel) => endAttempt(deps.database, deps.poolId, end, channel));
      if (first) deps.observeOutcome(attempt.project, outcome);
      return first;
    },
  };
}

/** A caller who was refused kindly, or hung up before an answer, ends as that, whatever reason the provider gives. */
function outcomeOf(attempt: EndingAttempt, said: AttemptOutcome): AttemptOutcome {
  if (attempt.direction === 'Outbound') return said;
  if (attempt.refusal !== null) return 'Overflowed';
  return attempt.state === 'pending' || attempt.state === 'admitted' ? 'Abandoned' : said;
}

function sessionNext(policy: Policy, attempt: EndingAttempt, outcome: AttemptOutcome, random: () => number): AfterAttempt {
  const classPolicy = policy.classes.find((candidate) => candidate.name === attempt.class);
  const decision = afterAttempt({
    outcome,
    direction: attempt.direction,
    attempts: attempt.attempts,
    refusals: attempt.refusals,
    retry: classPolicy?.retry,
    expiresInMs: attempt.expiresInMs,
    random,
  });
  return decision;
}
