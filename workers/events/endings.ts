import { setTimeout as sleep } from 'node:timers/promises';
import type { AttemptOutcome } from '../../capacity/outcomes.ts';
import type { Policy } from '../../capacity/policy/policy.ts';
import { type AfterAttempt, afterAttempt } from '../../capacity/retry/next.ts';
import { type AttemptEnd, type EndingAttempt, endAttempts, findAttempts } from '../../ledger/attempts/end.ts';
import type { Database } from '../../ledger/database.ts';
import type { PoolId } from '../../ledger/policy.ts';
import { endWaiting } from '../../ledger/sessions/end-waiting.ts';
import { troubleOf } from '../../ledger/trouble.ts';
import type { Waker } from '../../ledger/wake.ts';
import { createGroupCommit } from '../group-commit.ts';

/** With webhooks, the provider's report follows the end by seconds; results wait for it this long. */
const reportWithinMs = 20_000;

/** Beyond what may wait, an end is left to the next who hears of it. */
const bounds = { maxWaiting: 5_000, maxGroup: 100 };

const maxTries = 3;
const contendedPauseMs = 20;

export type Ending = {
  readonly attemptId: string;
  readonly outcome: AttemptOutcome;
  readonly endedReason: string | undefined;
  readonly callId?: string | undefined;
  readonly line: AttemptEnd['line'];
  readonly limits: AttemptEnd['limits'];
};

/** The one way in which attempts end, whoever hears of it. Ends that come together are written together, and the dispatcher is woken with the commit. */
export type Endings = {
  /** True when this was the first to say so. Throws when it could not be written. */
  end(ending: Ending): Promise<boolean>;
  /** Ends a session that waits and must not be dialled, with outcome Unknown. False when it does not wait. */
  endWaiting(sessionId: string, reason: string): Promise<boolean>;
};

type Verdict = { readonly kind: 'written'; readonly first: boolean } | { readonly kind: 'failed'; readonly error: unknown };

export function openEndings(deps: {
  readonly database: Database;
  readonly poolId: PoolId;
  readonly policy: () => Policy;
  readonly withResults: () => boolean;
  readonly random: () => number;
  readonly waker: Waker;
  readonly observeOutcome: (project: string, outcome: AttemptOutcome) => void;
}): Endings {
  const waiting = createGroupCommit(bounds, endGroup);

  /** What several tell of one attempt is written one after the other: the first may be refused, as it speaks of another call. */
  async function endGroup(group: readonly Ending[]): Promise<readonly Verdict[]> {
    const verdicts = new Map<Ending, Verdict>();
    for (let left = group; left.length > 0; left = left.filter((ending) => !verdicts.has(ending))) {
      const oneOfEach = [...Map.groupBy(left, ({ attemptId }) => attemptId).values()].flatMap(([first]) => first ?? []);
      const written = await writeOrEach(oneOfEach);
      for (const [index, ending] of oneOfEach.entries()) verdicts.set(ending, written[index] ?? { kind: 'written', first: false });
    }
    return group.map((ending) => verdicts.get(ending) ?? { kind: 'written', first: false });
  }

  async function writeOrEach(group: readonly Ending[]): Promise<readonly Verdict[]> {
    try {
      return await writeAgain(group);
    } catch (error) {
      if (group.length === 1 || troubleOf(error) !== 'defect') throw error;
      // One that can never be written must not keep the others from it.
      const verdicts: Verdict[] = [];
      for (const ending of group)
        verdicts.push(...(await writeAgain([ending]).catch((own: unknown) => [{ kind: 'failed', error: own } as const])));
      return verdicts;
    }
  }

  /** Again, when others held rows of the same attempts and the ledger let them pass: that undid the whole group. */
  async function writeAgain(group: readonly Ending[]): Promise<readonly Verdict[]> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await write(group);
      } catch (error) {
        if (tries >= maxTries || troubleOf(error) !== 'contended') throw error;
        await sleep(contendedPauseMs * tries * (0.5 + deps.random()));
      }
    }
  }

  async function write(group: readonly Ending[]): Promise<readonly Verdict[]> {
    const found = await findAttempts(
      deps.database,
      deps.poolId,
      group.map(({ attemptId }) => attemptId),
    );
    const ends = group.flatMap((ending) => endOf(ending, found.get(ending.attemptId)) ?? []);
    const write = (channel: string | null) => endAttempts(deps.database, deps.poolId, ends, channel);
    const ended = ends.length === 0 ? new Set<string>() : await deps.waker.withCommit(write);
    const outcomes = new Map(ends.map(({ attemptId, outcome }) => [attemptId, outcome]));
    return group.map(({ attemptId }) => {
      const first = ended.has(attemptId);
      const project = found.get(attemptId)?.project;
      const outcome = outcomes.get(attemptId);
      if (first && project !== undefined && outcome !== undefined) deps.observeOutcome(project, outcome);
      return { kind: 'written', first };
    });
  }

  function endOf(ending: Ending, attempt: EndingAttempt | undefined): AttemptEnd | undefined {
    if (attempt === undefined || attempt.state === 'cooling' || attempt.state === 'ended') return undefined;
    const outcome = outcomeOf(attempt, ending.outcome);
    return {
      ...ending,
      outcome,
      session: attempt.sessionId === null ? undefined : sessionNext(deps.policy(), attempt, outcome, deps.random),
      withResults: deps.withResults(),
      resultDelayMs: ending.line === 'taken' ? reportWithinMs : 0,
    };
  }

  return {
    async end(ending) {
      const verdict = await waiting.add(ending);
      if (verdict === undefined)
        throw new Error(`too many ends wait for the ledger: attempt ${ending.attemptId} ends when it is heard of again`);
      if (verdict.kind === 'failed') throw verdict.error;
      return verdict.first;
    },
    endWaiting: (sessionId, reason) => endWaiting(deps.database, deps.poolId, { sessionId, reason, withResults: deps.withResults() }),
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
