import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { adoptionOf, ownerOf } from '../../capacity/guard/adoption.ts';
import type { Policy } from '../../capacity/policy/policy.ts';
import { e164, type PoolKey, type ProjectName } from '../../crds/values.ts';
import { adoptForgotten, type CallClaim, claimedSession } from '../../ledger/attempts/adopt.ts';
import { enterForeign, noteCaller } from '../../ledger/attempts/arrive.ts';
import { adoptLate, bindAttempt, noteAlive } from '../../ledger/attempts/bind.ts';
import { type EndingAttempt, findHolders, noteReport } from '../../ledger/attempts/end.ts';
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
  /** Who called us, or whom we called. */
  readonly callerNumber?: string | undefined;
};

/** `later`: a call of ours that the ledger forgot, whose session has yet to lose another attempt before the call can be bound to it. */
export type Applied = 'changed' | 'known' | 'later';

/** Brings news of calls into the ledger. News may come in any order, any number of times, and from anywhere. */
export type Applier = {
  apply(news: CallNews): Promise<Applied>;
  /** Sees to it that nobody is dialled again for a call that cannot be applied, by ending its session if that waits. False: that is not certain yet. */
  putAside(news: CallNews): Promise<boolean>;
};

export function openApplier(deps: {
  readonly database: Database;
  readonly poolId: PoolId;
  readonly pool: PoolKey;
  readonly policy: () => Policy;
  /** The version of that policy. */
  readonly policyVersion: () => number;
  readonly endings: Endings;
  readonly wakeDispatcher: () => void;
  readonly log: Logger;
}): Applier {
  async function noteCost(news: CallNews, attempt: EndingAttempt): Promise<void> {
    if (news.costUsd !== undefined) await noteReport(deps.database, deps.poolId, { attemptId: attempt.attemptId, costUsd: news.costUsd });
  }

  /** Brings what has the call already up to date. */
  async function applyToHolder(news: CallNews, holder: EndingAttempt): Promise<Applied> {
    await noteCost(news, holder);
    if (holder.state === 'cooling' || holder.state === 'ended') return 'known';
    if (news.status === 'ended') return (await end(news, holder.attemptId)) ? 'changed' : 'known';
    await noteAlive(deps.database, deps.poolId, [holder.attemptId]);
    const caller = holder.sessionId === null ? callerOf(news) : undefined;
    if (caller !== undefined) await noteCaller(deps.database, deps.poolId, holder.attemptId, caller);
    return 'known';
  }

  /** A call that is nobody's holds its line, once. */
  const applyAsStranger = (news: CallNews, entry: EndingAttempt | undefined): Promise<Applied> =>
    entry === undefined ? enterStranger(news) : applyToHolder(news, entry);

  const end = (news: CallNews, attemptId: string): Promise<boolean> =>
    deps.endings.end({
      attemptId,
      outcome: classifyEnd(news.endedReason),
      endedReason: news.endedReason,
      callId: news.callId,
      line: 'taken',
      limits: undefined,
    });

  /** The call that a sent attempt waits for. It may have been seen first without its name, and stand in the ledger as a stranger's: that one gives it up. */
  async function bind(news: CallNews, attempt: EndingAttempt, entry: EndingAttempt | undefined): Promise<Applied> {
    await noteCost(news, attempt);
    if (news.status === 'ended' && entry === undefined) return (await end(news, attempt.attemptId)) ? 'changed' : 'known';
    await bindAttempt(deps.database, deps.poolId, {
      by: 'news',
      attemptId: attempt.attemptId,
      callId: news.callId,
      controlUrl: news.controlUrl,
      boundForMs: boundOf(attempt.class),
      limits: undefined,
    });
    if (news.status === 'ended') await end(news, attempt.attemptId);
    if (entry !== undefined) deps.wakeDispatcher();
    return 'changed';
  }

  /** A call that no list showed in time turns up after its attempt was given up: it is there all the same, and so is a person on the phone. */
  async function adopt(news: CallNews, attempt: EndingAttempt, entry: EndingAttempt | undefined): Promise<Applied> {
    const { callId, controlUrl } = news;
    const { attemptId, class: className } = attempt;
    deps.log.warn({ project: news.project, call: callId, attempt: attemptId }, 'a call turned up late that was looked up in vain');
    if (!(await adoptLate(deps.database, deps.poolId, { attemptId, callId, controlUrl, boundForMs: boundOf(className) }))) {
      const applied = await applyAsStranger(news, entry);
      return (await dialsAgain(news)) ? 'later' : applied;
    }
    await noteCost(news, attempt);
    if (news.status === 'ended') await end(news, attemptId);
    deps.wakeDispatcher();
    return 'changed';
  }

  /** Whether its session may still dial the number that this call of ours has: then no guard is over before the call is its session's. */
  async function dialsAgain({ claim, status }: CallNews): Promise<boolean> {
    if (claim === undefined || !isOurPool(claim)) return false;
    return adoptionOf({ status }, await claimedSession(deps.database, deps.poolId, claim)) === 'later';
  }

  /** Another pool's calls are none of ours, whatever their names. */
  const isOurPool = ({ pool }: CallClaim) => pool === undefined || pool === deps.pool;

  const boundOf = (name: string | null) => boundForMs(deps.policy().classes.find((candidate) => candidate.name === name));

  /**
   * A call of ours that the ledger forgot, because it is a replica or a backup that missed it: its session must not dial the number again. What cannot
   * be bound holds a line as a stranger.
   */
  async function adoptOurs(
    news: CallNews,
    claim: CallClaim & { readonly attemptId: string },
    entry: EndingAttempt | undefined,
  ): Promise<Applied> {
    const session = await claimedSession(deps.database, deps.poolId, claim);
    const adoption = adoptionOf(news, session);
    if (adoption === 'nothing' || adoption === 'line' || session === undefined) return applyAsStranger(news, entry);
    const subscription = deps.policy().projects.find(({ name }) => name === news.project)?.subscription;
    const policyVersion = deps.policyVersion();
    const adopted =
      adoption === 'adopt' &&
      subscription !== undefined &&
      (await adoptForgotten(deps.database, deps.poolId, {
        sessionId: session.sessionId,
        attemptId: claim.attemptId,
        project: news.project,
        subscription,
        policyVersion,
        callId: news.callId,
        controlUrl: news.controlUrl,
        boundForMs: boundOf(session.class),
      }));
    if (!adopted) {
      // Until its session can have it, it lives on and ends as the stranger's that it stands for.
      await applyAsStranger(news, entry);
      return 'later';
    }
    deps.log.warn({ project: news.project, call: news.callId, session: session.sessionId }, 'a call that the ledger forgot is bound again');
    if (news.status === 'ended') await end(news, claim.attemptId);
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
      policyVersion: deps.policyVersion(),
      callId: news.callId,
      callerNumber: callerOf(news),
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

  async function whose(news: CallNews) {
    const attemptId = attemptIdOf(news.callName);
    const { entry, named } = await findHolders(deps.database, deps.poolId, { callId: news.callId, attemptId });
    const claim = attemptId !== undefined && news.claim !== undefined && isOurPool(news.claim) ? { attemptId, ...news.claim } : undefined;
    return { entry, claim, owner: ownerOf({ callId: news.callId, status: news.status, entry, named, claim }) };
  }

  return {
    async putAside(news) {
      const { owner, claim } = await whose(news);
      // The attempt that has it, or waits for it, holds its line and keeps its session from being dialled.
      if (claim === undefined || owner.is === 'holder' || owner.is === 'awaited') return true;
      if (owner.is === 'stranger' && owner.dialsAgain === 'never') return true;
      const session = await claimedSession(deps.database, deps.poolId, claim);
      if (session === undefined || session.state === 'ended') return true;
      if (session.state === 'open' || !(await deps.endings.endWaiting(session.sessionId, 'CallPutAside'))) return false;
      deps.log.error(
        { project: news.project, call: news.callId, session: session.sessionId },
        'session ended: what became of its call cannot be told',
      );
      return true;
    },
    async apply(news) {
      const { owner, entry } = await whose(news);
      switch (owner.is) {
        case 'holder':
          return applyToHolder(news, owner.attempt);
        case 'awaited':
          return bind(news, owner.attempt, entry);
        case 'given-up':
          return adopt(news, owner.attempt, entry);
        case 'forgotten':
          return adoptOurs(news, owner.claim, entry);
        case 'stranger': {
          const applied = await applyAsStranger(news, entry);
          return owner.dialsAgain === 'perhaps' && (await dialsAgain(news)) ? 'later' : applied;
        }
      }
    },
  };
}

/** Who called us; only as a number that somebody could be dialled at. */
function callerOf({ direction, claim, callerNumber }: CallNews): string | undefined {
  return direction === 'Inbound' ? e164.safeParse(callerNumber ?? claim?.number).data : undefined;
}
