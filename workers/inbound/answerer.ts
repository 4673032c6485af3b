import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { classifyArrival } from '../../capacity/matching.ts';
import type { ClassPolicy, Policy, ProjectPolicy } from '../../capacity/policy/policy.ts';
import type { Fallback } from '../../crds/classes.ts';
import { answerArrival, enterArrival, refuseArrival } from '../../ledger/attempts/arrive.ts';
import type { Database } from '../../ledger/database.ts';
import { newId } from '../../ledger/ids.ts';
import type { PoolId } from '../../ledger/policy.ts';
import type { WorkerId } from '../../ledger/workers.ts';
import { assistantAnswer, refusalAnswer } from '../../providers/vapi/requests.ts';
import type { ServerMessage } from '../../providers/vapi/webhooks.ts';
import type { CallLink } from '../call-link.ts';
import { boundForMs } from '../session-bounds.ts';
import type { Arrivals } from './arrivals.ts';

export type AssistantRequest = Extract<ServerMessage, { kind: 'assistant-request' }>;

/** What goes back to the provider, and what it was for: shown in metrics. */
export type CallerAnswer = { readonly body: object; readonly kind: 'assistant' | 'overflow' | 'unavailable' };

/** Ledger or dispatcher away for longer than this: the answer comes from memory. */
const unavailableAfterMs = 2_000;

/** A class that does not want its callers to wait still waits for one decision. */
const decisionWithinMs = 250;

/** When nothing better was declared. */
const lastWord: Fallback = { message: 'All our lines are busy right now. Please call again in a few minutes.' };

/**
 * Answers the provider's question who should take an inbound call. The call holds a line already, so it is entered and counted first; then the
 * dispatcher says yes, or the class's `maxWait` passes and the caller is refused kindly. Every way ends well inside the provider's 7.5 s.
 */
export function openAnswerer(deps: {
  readonly database: Database;
  readonly poolId: PoolId;
  readonly owner: WorkerId;
  readonly policy: () => Policy;
  readonly arrivals: Arrivals;
  readonly callLink: CallLink;
  readonly wakeDispatcher: () => void;
  /** Milliseconds since the dispatcher was last known to be at work. */
  readonly dispatcherAwayMs: () => number;
  readonly log: Logger;
}): { answer(request: AssistantRequest, project: ProjectPolicy): Promise<CallerAnswer> } {
  async function admit(attemptId: string, sessionId: string, classPolicy: ClassPolicy, project: ProjectPolicy): Promise<CallerAnswer> {
    if (!(await answerArrival(deps.database, deps.poolId, attemptId))) return overflow(classPolicy);
    const assistantId = project.assistants.get(classPolicy.assistant);
    if (assistantId === undefined) return overflow(classPolicy);
    const body = assistantAnswer({
      pool: deps.policy().pool,
      sessionId,
      class: classPolicy,
      project,
      link: await deps.callLink(project),
    });
    return { body, kind: 'assistant' };
  }

  async function waitForAdmission(
    attemptId: string,
    sessionId: string,
    classPolicy: ClassPolicy,
    project: ProjectPolicy,
  ): Promise<CallerAnswer> {
    const waitMs = deps.dispatcherAwayMs() > unavailableAfterMs ? 0 : Math.max(classPolicy.maxWaitMs, decisionWithinMs);
    const verdict = await deps.arrivals.wait(attemptId, waitMs);
    if (verdict === 'admitted') return admit(attemptId, sessionId, classPolicy, project);
    const away = deps.dispatcherAwayMs() > unavailableAfterMs;
    const refused = await refuseArrival(deps.database, deps.poolId, attemptId, away ? 'Unavailable' : 'Overflowed');
    // Not refused: the dispatcher said yes in this very moment, or the caller has gone.
    if (!refused) return admit(attemptId, sessionId, classPolicy, project);
    deps.wakeDispatcher();
    return away ? unavailable(classPolicy) : overflow(classPolicy);
  }

  return {
    async answer(request, project) {
      const policy = deps.policy();
      const dialled = request.dialledNumber ?? project.phoneNumbers.find((number) => number.id === request.phoneNumberId)?.number;
      const classPolicy = classifyArrival(policy, { project: project.name, dialled, caller: request.callerNumber, labels: {} });
      if (classPolicy === undefined) {
        deps.log.warn({ project: project.name, call: request.callId }, 'inbound call that no class matches: refused');
        return { body: refusalAnswer(lastWord), kind: 'overflow' };
      }
      const sessionId = newId();
      const attemptId = randomUUID();
      const entering = enterArrival(deps.database, deps.poolId, {
        sessionId,
        attemptId,
        class: classPolicy.name,
        project: project.name,
        subscription: project.subscription,
        callId: request.callId,
        callerNumber: request.callerNumber,
        controlUrl: request.controlUrl,
        owner: deps.owner,
        boundForMs: boundForMs(classPolicy),
      });
      const arrived = await within(unavailableAfterMs, entering);
      if (arrived === 'late') {
        deps.log.error({ project: project.name, call: request.callId }, 'ledger away: caller answered from memory');
        entering.catch((error: unknown) => deps.log.error({ err: error, call: request.callId }, 'inbound call could not be entered'));
        return unavailable(classPolicy);
      }
      if (arrived.kind === 'known') return overflow(classPolicy);
      deps.wakeDispatcher();
      return waitForAdmission(arrived.attemptId, sessionId, classPolicy, project);
    },
  };
}

function overflow(classPolicy: ClassPolicy): CallerAnswer {
  return { body: refusalAnswer(classPolicy.overflow ?? lastWord), kind: 'overflow' };
}

function unavailable(classPolicy: ClassPolicy): CallerAnswer {
  return { body: refusalAnswer(classPolicy.whenUnavailable ?? classPolicy.overflow ?? lastWord), kind: 'unavailable' };
}

/** The result, or `late` when it is not there in time or failed: to a caller who waits, both are the same. */
async function within<T>(ms: number, work: Promise<T>): Promise<T | 'late'> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), ms);
  });
  try {
    return await Promise.race([work.then((value): T | 'late' => value).catch((): 'late' => 'late'), late]);
  } finally {
    clearTimeout(timer);
  }
}
