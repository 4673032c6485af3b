import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { adoptionOf } from '../../capacity/guard/adoption.ts';
import type { Policy } from '../../capacity/policy/policy.ts';
import type { ProjectName } from '../../crds/values.ts';
import { adoptForgotten, type CallClaim, claimedSession } from '../../ledger/attempts/adopt.ts';
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
  /** Which session the call says that it is for; only lists and look-ups tell. */
  readonly claim?: CallClaim | undefined;
};

/** `later`: a call of ours that the ledger forgot, whose session has yet to lose another attempt before the call can be bound to it. */
export type Applied = 'changed' | 'known' | 'later';

/** Brings news of calls into the ledger. News may come in any order, any number of times, and from anywhere. */
export type Applier = { apply(news: CallNews): Promise<Applied> };

export function openApplier(deps: {
  readonly database: Database;
  readonly poolId: PoolId;
  readonly policy: () => Policy;
  readonly endings: Endings;
  readonly wakeDispatcher: () => void;
  readonly log: Logger;
}): Applier {
  async function applyKnown(news: CallNews, attempt: EndingAttempt): Promise<Applied> {
    if (news.costUsd !== undefined) await noteReport(deps.database, deps.poolId, { attemptId: attempt.attemptId, costUsd: news.costUsd });
    if (attempt.state === 'ended' && attempt.outcome === 'Unsent') return adopt(news, attempt);
    if (attempt.state === 'cooling' || attempt.state === 'ended') return 'known';
    if (news.status === 'ended') return (await end(news, attempt.attemptId)) ? 'changed' : 'known';
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

  const end = (news: CallNews, attemptId: string): Promise<boolean> =>
    deps.endings.end({
      attemptId,
      outcome: classifyEnd(news.endedReason),
      endedReason: news.endedReason,
      callId: news.callId,
      line: 'taken',
      limits: undefined,
    });

  /** A call that no list showed in time turns up after its attempt was given up: it is there all the same, and so is a person on the phone. */
  async function adopt(news: CallNews, { attemptId, class: className }: EndingAttempt): Promise<Applied> {
    const { callId, controlUrl } = news;
    deps.log.warn({ project: news.project, call: callId, attempt: attemptId }, 'a call turned up late that was looked up in vain');
    if (!(await adoptLate(deps.database, deps.poolId, { attemptId, callId, controlUrl, boundForMs: boundOf(className) })))
      return enterStranger(news);
    if (news.status === 'ended') await end(news, attemptId);
    deps.wakeDispatcher();
    return 'changed';
  }

  /**
   * A call of ours that was first seen without its name, and so stands in the ledger as a stranger's: the stranger gives it up. False when its attempt
   * cannot have it, as it has another call or has ended otherwise.
   */
  async function reclaim(news: CallNews, own: EndingAttempt): Promise<boolean> {
    if (own.state === 'ended' && own.outcome === 'Unsent') return (await adopt(news, own)) === 'changed';
    if (own.state !== 'sending') return false;
    await bindAttempt(deps.database, deps.poolId, {
      by: 'news',
      attemptId: own.attemptId,
      callId: news.callId,
      controlUrl: news.controlUrl,
      boundForMs: boundOf(own.class),
      limits: undefined,
    });
    if (news.status === 'ended') await end(news, own.attemptId);
    deps.wakeDispatcher();
    return true;
  }

  /** Whether its session may still dial the number that this call of ours has: then no guard is over before the call is its session's. */
  async function mayDialAgain(news: CallNews, own: EndingAttempt): Promise<boolean> {
    const waits = own.state === 'admitted' || (own.state === 'ended' && own.outcome === 'Unsent');
    if (!waits || news.claim === undefined || !isOurPool(news.claim)) return false;
    return adoptionOf(news, await claimedSession(deps.database, deps.poolId, news.claim)) === 'later';
  }

  /** Another pool's calls are none of ours, whatever their names. */
  const isOurPool = ({ pool }: CallClaim) => pool === undefined || pool === deps.policy().pool;

  const boundOf = (name: string | null) => boundForMs(deps.policy().classes.find((candidate) => candidate.name === name));

  /**
   * A call of ours that the ledger forgot, because it is a replica or a backup that missed it: its session must not dial the number again. What cannot
   * be bound holds a line as a stranger.
   */
  async function adoptOurs(news: CallNews, attemptId: string, claim: CallClaim): Promise<Applied> {
    const session = await claimedSession(deps.database, deps.poolId, claim);
    const adoption = adoptionOf(news, session);
    if (adoption === 'nothing') return 'known';
    if (adoption === 'line' || session === undefined) return enterStranger(news);
    const subscription = deps.policy().projects.find(({ name }) => name === news.project)?.subscription;
    const adopted =
      adoption === 'adopt' &&
      subscription !== undefined &&
      (await adoptForgotten(deps.database, deps.poolId, {
        sessionId: session.sessionId,
        attemptId,
        project: news.project,
        subscription,
        callId: news.callId,
        controlUrl: news.controlUrl,
        boundForMs: boundOf(session.class),
      }));
    if (!adopted) {
      await enterStranger(news);
      return 'later';
    }
    deps.log.warn({ project: news.project, call: news.callId, session: session.sessionId }, 'a call that the ledger forgot is bound again');
    if (news.status === 'ended') await end(news, attemptId);
    deps.wakeDispatcher();
    return 'changed';
  }

  /** A live call that nothing can be bound to: somebody else's, or one of ours whose session is over or lost. Either way it holds a line. */
  async function enterStranger(news: CallNews): Promise<Applied> {
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
      const attemptId = attemptIdOf(news.callName);
      const attempt = await findAttempt(deps.database, deps.poolId, { callId: news.callId, attemptId });
      const strange = attempt === undefined || (attempt.sessionId === null && attempt.refusal === 'Foreign');
      if (strange && attempt !== undefined && attemptId !== undefined) {
        const own = await findAttempt(deps.database, deps.poolId, { callId: '', attemptId });
        if (own !== undefined) {
          if (await reclaim(news, own)) return 'changed';
          const known = await applyKnown(news, attempt);
          return (await mayDialAgain(news, own)) ? 'later' : known;
        }
      }
      if (strange && attemptId !== undefined && news.claim !== undefined && isOurPool(news.claim)) {
        const adopted = await adoptOurs(news, attemptId, news.claim);
        if (attempt === undefined || adopted === 'changed') return adopted;
        // Until its session can have it, it lives on and ends as the stranger's that it stands for.
        const known = await applyKnown(news, attempt);
        return adopted === 'later' ? adopted : known;
      }
      return attempt === undefined ? enterStranger(news) : applyKnown(news, attempt);
    },
  };
}
