import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import type { Policy } from '../../capacity/policy/policy.ts';
import type { ProjectName } from '../../crds/values.ts';
import { enterForeign } from '../../ledger/attempts/arrive.ts';
import { adoptLate, bindAttempt, noteAlive } from '../../ledger/attempts/bind.ts';
import { type EndingAttempt, findAttempt, noteReport } from '../../ledger/attempts/end.ts';
import type { Database } from '../../ledger/database.ts';
import type { PoolId } from '../../ledger/policy.ts';
import { attemptIdOf } from '../../providers/vapi/call-name.ts';
import { classifyEnd } from '../../providers/vapi/outcomes.ts';
import { boundForMs } from '../session-bounds.ts';
import type { Endings } from './endings.ts';

/** What anybody may tell about a call: a webhook, a list, a look-up. */
export type CallNews = {
  readonly project: ProjectName;
  readonly callId: string;
  readonly callName: string | undefined;
  readonly direction: 'Inbound' | 'Outbound';
  readonly status: 'live' | 'ended';
  readonly endedReason: string | undefined;
  readonly controlUrl: string | undefined;
  readonly costUsd: number | undefined;
};

/** Brings news of calls into the ledger. News may come in any order, any number of times, and from anywhere. */
export type Applier = { apply(news: CallNews): Promise<'changed' | 'known'> };

export function openApplier(deps: {
  readonly database: Database;
  readonly poolId: PoolId;
  readonly policy: () => Policy;
  readonly endings: Endings;
  readonly wakeDispatcher: () => void;
  readonly log: Logger;
}): Applier {
  async function applyKnown(news: CallNews, attempt: EndingAttempt): Promise<'changed' | 'known'> {
    if (news.costUsd !== undefined) await noteReport(deps.database, deps.poolId, { attemptId: attempt.attemptId, costUsd: news.costUsd });
    if (attempt.state === 'ended' && attempt.outcome === 'Unsent' && news.status === 'live') return adopt(news, attempt);
    if (attempt.state === 'cooling' || attempt.state === 'ended') return 'known';
    if (news.status === 'ended') {
      const outcome = classifyEnd(news.endedReason);
      const first = await deps.endings.end({
        attemptId: attempt.attemptId,
        outcome,
        endedReason: news.endedReason,
        line: 'taken',
        limits: undefined,
      });
      return first ? 'changed' : 'known';
    }
    if (attempt.state !== 'sending') {
      await noteAlive(deps.database, deps.poolId, [attempt.attemptId]);
      return 'known';
    }
    await bindAttempt(deps.database, deps.poolId, {
      by: 'news',
      attemptId: attempt.attemptId,
      callId: news.callId,
      controlUrl: news.controlUrl,
      boundForMs: boundOf(attempt.class),
      limits: undefined,
    });
    return 'changed';
  }

  /** A call that no list showed in time turns up after its attempt was given up: it is there all the same, and so is a person on the phone. */
  async function adopt(news: CallNews, { attemptId, class: className }: EndingAttempt): Promise<'changed' | 'known'> {
    const { callId, controlUrl } = news;
    deps.log.warn({ project: news.project, call: callId, attempt: attemptId }, 'a call turned up late that was looked up in vain');
    if (!(await adoptLate(deps.database, deps.poolId, { attemptId, callId, controlUrl, boundForMs: boundOf(className) })))
      return enterUnknown(news);
    deps.wakeDispatcher();
    return 'changed';
  }

  const boundOf = (name: string | null) => boundForMs(deps.policy().classes.find((candidate) => candidate.name === name));

  /** A live call that no attempt knows: somebody else's, or one of ours that a restored ledger forgot. Either way it holds a line. */
  async function enterUnknown(news: CallNews): Promise<'changed' | 'known'> {
    const project = deps.policy().projects.find((candidate) => candidate.name === news.project);
    if (news.status === 'ended' || project === undefined) return 'known';
    const entered = await enterForeign(deps.database, deps.poolId, {
      attemptId: randomUUID(),
      direction: news.direction,
      project: project.name,
      subscription: project.subscription,
      callId: news.callId,
      controlUrl: news.controlUrl,
      boundForMs: boundForMs(undefined),
    });
    if (!entered) return 'known';
    deps.log.info(
      { project: news.project, call: news.callId, ours: attemptIdOf(news.callName) !== undefined },
      'call seen that no attempt knows',
    );
    deps.wakeDispatcher();
    return 'changed';
  }

  return {
    async apply(news) {
      const attempt = await findAttempt(deps.database, deps.poolId, { callId: news.callId, attemptId: attemptIdOf(news.callName) });
      return attempt === undefined ? enterUnknown(news) : applyKnown(news, attempt);
    },
  };
}
