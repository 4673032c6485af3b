import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { classifyArrival } from '../../capacity/matching.ts';
import type { ClassPolicy, Policy, ProjectPolicy } from '../../capacity/policy/policy.ts';
import type { Fallback } from '../../crds/classes.ts';
import type { PoolKey } from '../../crds/values.ts';
import { type Arrived, answerArrival, enterArrival, readArrival, refuseArrival } from '../../ledger/attempts/arrive.ts';
import type { Database } from '../../ledger/database.ts';
import { newId } from '../../ledger/ids.ts';
import type { PoolId } from '../../ledger/policy.ts';
import type { WorkerId } from '../../ledger/workers.ts';
import { assistantAnswer, refusalAnswer } from '../../providers/vapi/requests.ts';
import type { ServerMessage } from '../../providers/vapi/webhooks.ts';
import type { CallLink } from '../call-link.ts';
import { boundForMs } from '../session-bounds.ts';
import { within } from '../within.ts';
import type { Arrivals } from './arrivals.ts';

export type AssistantRequest = Extract<ServerMessage, { kind: 'assistant-request' }>;

/** What goes back to the provider, and what it was for: shown in metrics. */
export type CallerAnswer = { readonly body: object; readonly kind: 'assistant' | 'overflow' | 'unavailable' };

/** Ledger or dispatcher away for longer than this: the answer comes from memory. */
const unavailableAfterMs = 2_000;

/** A class that does not want its callers to wait still waits for one decision. */
const decisionWithinMs = 250;

/** Our answer is ready after this at the latest, of the 7.5 s that the provider waits; the ledger has the last part of it to settle things. */
const answerWithinMs = 6_500;
const settleWithinMs = 1_000;

/** How often a request about a call that is being answered elsewhere looks what became of it. */
const lookAgainMs = 100;

/** When nothing better was declared. */
const lastWord: Fallback = { message: 'All our lines are busy right now. Please call again in a few minutes.' };

/**
 * Answers the provider's question who should take an inbound call. The call holds a line already, so it is entered and counted first; then the
 * dispatcher says yes, or the class's `maxWait` passes and the caller is refused kindly. Every way ends well inside the provider's 7.5 s.
 */
export function openAnswerer(deps: {
  readonly database: Database;
  readonly poolId: PoolId;
  readonly pool: PoolKey;
  /** The worker's number now. */
  readonly owner: () => WorkerId;
  readonly policy: () => Policy;
  /** The version of that policy. */
  readonly policyVersion: () => number;
  readonly arrivals: Arrivals;
  readonly callLink: CallLink;
  readonly wakeDispatcher: () => void;
  /** Milliseconds since the dispatcher was last known to be at work. */
  readonly dispatcherAwayMs: () => number;
  /** Nothing is admitted now, because the ledger lost its newest part. */
  readonly guarded: () => boolean;
  /** From the provider's question to our yes. */
  readonly observeWait: (className: string, ms: number) => void;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly log: Logger;
}): { answer(request: AssistantRequest, project: ProjectPolicy): Promise<CallerAnswer> } {
  type Caller = { readonly callId: string; readonly class: ClassPolicy; readonly project: ProjectPolicy; readonly askedAtMs: number };

  /** Whether nobody decides on callers now. */
  const isAway = () => deps.guarded() || deps.dispatcherAwayMs() > unavailableAfterMs;

  async function assistant({ class: classPolicy, project }: Caller, sessionId: string): Promise<CallerAnswer> {
    if (!project.assistants.has(classPolicy.assistant)) return overflow(classPolicy);
    const link = await deps.callLink(project);
    return { body: assistantAnswer({ pool: deps.pool, sessionId, class: classPolicy, project, link }), kind: 'assistant' };
  }

  /** Yes, if the dispatcher said so, whoever of two who ask about the same call is the first to say it; no otherwise. */
  async function admit(caller: Caller, attemptId: string): Promise<CallerAnswer> {
    const first = await answerArrival(deps.database, deps.poolId, attemptId);
    const now = await readArrival(deps.database, deps.poolId, caller.callId);
    if (now?.state !== 'bound' || now.refusal !== null) return overflow(caller.class);
    if (first) deps.observeWait(caller.class.name, deps.now() - caller.askedAtMs);
    return assistant(caller, now.sessionId);
  }

  async function refuse(caller: Caller, attemptId: string): Promise<CallerAnswer> {
    const away = isAway();
    const refused = await refuseArrival(deps.database, deps.poolId, attemptId, away ? 'Unavailable' : 'Overflowed');
    // Not refused: the dispatcher said yes in this very moment, or the caller has gone.
    if (!refused) return admit(caller, attemptId);
    deps.wakeDispatcher();
    return away ? unavailable(caller.class) : overflow(caller.class);
  }

  function patienceMs({ class: classPolicy, askedAtMs }: Caller): number {
    if (isAway() || deps.policy().mode !== 'Active') return 0;
    const leftMs = answerWithinMs - settleWithinMs - (deps.now() - askedAtMs);
    return Math.max(0, Math.min(leftMs, Math.max(classPolicy.maxWaitMs, decisionWithinMs)));
  }

  /** The provider asks again about a call: its first request goes on somewhere, or its worker died. Either way both get the same answer. */
  async function join(caller: Caller): Promise<CallerAnswer> {
    const untilMs = deps.now() + patienceMs(caller);
    for (;;) {
      const known = await readArrival(deps.database, deps.poolId, caller.callId);
      if (known === undefined) return overflow(caller.class);
      if (known.state !== 'pending') return admit(caller, known.attemptId);
      if (deps.now() >= untilMs) return refuse(caller, known.attemptId);
      await sleep(lookAgainMs);
    }
  }

  async function decide(caller: Caller, arrived: Arrived): Promise<CallerAnswer> {
    if (arrived.kind === 'known') return join(caller);
    deps.wakeDispatcher();
    const verdict = await deps.arrivals.wait(arrived.attemptId, patienceMs(caller));
    return verdict === 'admitted' ? admit(caller, arrived.attemptId) : refuse(caller, arrived.attemptId);
  }

  return {
    async answer(request, project) {
      const policy = deps.policy();
      const policyVersion = deps.policyVersion();
      const dialled = request.dialledNumber ?? project.phoneNumbers.find((number) => number.id === request.phoneNumberId)?.number;
      const classPolicy = classifyArrival(policy, { project: project.name, dialled, caller: request.callerNumber, labels: {} });
      if (classPolicy === undefined) {
        deps.log.warn({ project: project.name, call: request.callId }, 'inbound call that no class matches: refused');
        return { body: refusalAnswer(lastWord), kind: 'overflow' };
      }
      const caller: Caller = { callId: request.callId, class: classPolicy, project, askedAtMs: deps.now() };
      const entering = enterArrival(deps.database, deps.poolId, {
        sessionId: newId(),
        attemptId: randomUUID(),
        class: classPolicy.name,
        project: project.name,
        subscription: project.subscription,
        policyVersion,
        callId: request.callId,
        callerNumber: request.callerNumber,
        controlUrl: request.controlUrl,
        owner: deps.owner(),
        boundForMs: boundForMs(classPolicy),
      });
      const told = { project: project.name, call: request.callId };
      const arrived = await within(unavailableAfterMs, entering);
      if (arrived === 'late') {
        deps.log.error(told, 'ledger away: caller answered from memory');
        entering.catch((error: unknown) => deps.log.error({ err: error, ...told }, 'inbound call could not be entered'));
        return unavailable(classPolicy);
      }
      const deciding = decide(caller, arrived);
      const decided = await within(answerWithinMs - (deps.now() - caller.askedAtMs), deciding);
      if (decided !== 'late') return decided;
      deciding.catch((error: unknown) => deps.log.error({ err: error, ...told }, 'inbound call could not be decided on'));
      deps.log.error(told, 'ledger away in the middle: caller answered from memory');
      return unavailable(classPolicy);
    },
  };
}

function overflow(classPolicy: ClassPolicy): CallerAnswer {
  return { body: refusalAnswer(classPolicy.overflow ?? lastWord), kind: 'overflow' };
}

function unavailable(classPolicy: ClassPolicy): CallerAnswer {
  return { body: refusalAnswer(classPolicy.whenUnavailable ?? classPolicy.overflow ?? lastWord), kind: 'unavailable' };
}
