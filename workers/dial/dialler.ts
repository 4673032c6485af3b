import type { Logger } from 'pino';
import { type AttemptOutcome, orgElsewhere, unreachable } from '../../capacity/outcomes.ts';
import type { ClassPolicy, Policy } from '../../capacity/policy/policy.ts';
import type { PoolKey, ProjectName } from '../../crds/values.ts';
import { beginSending, type Dial } from '../../ledger/attempts/begin-sending.ts';
import { bindAttempt, markAmbiguous } from '../../ledger/attempts/bind.ts';
import type { Database } from '../../ledger/database.ts';
import type { PoolId } from '../../ledger/policy.ts';
import type { WorkerId } from '../../ledger/workers.ts';
import type { CreateCallBody, CreateResult } from '../../providers/vapi/contract.ts';
import { textsIn, withoutEchoes } from '../../providers/vapi/redact.ts';
import { createCallBody } from '../../providers/vapi/requests.ts';
import type { CallLink } from '../call-link.ts';
import type { Endings } from '../events/endings.ts';
import type { Orgs } from '../orgs.ts';
import type { Providers } from '../providers.ts';
import { boundForMs } from '../session-bounds.ts';

/** Longest that the provider may take to answer a creation; after it, whether a call exists is for the look-up to find out. */
const createTimeoutMs = 10_000;

export type Dialler = {
  /** Dials these admitted attempts of ours. Resolves when every one has an answer, or is left to the look-up. */
  dial(attemptIds: readonly string[]): Promise<void>;
  /** Claims and requests in flight. */
  readonly inFlight: number;
};

/**
 * Sends what was admitted, at most once (I5): `sending` is committed first, bytes leave within a second of it or not at all, the creation is never
 * retried, and an answer that proves nothing goes to the look-up.
 */
export function openDialler(deps: {
  readonly database: Database;
  readonly poolId: PoolId;
  readonly pool: PoolKey;
  /** The worker's number now. */
  readonly owner: () => WorkerId;
  readonly policy: () => Policy;
  readonly providers: Providers;
  /** Told of a creation whose moment passed: the connection was not there in time. */
  readonly warmUp: (project: ProjectName) => void;
  readonly endings: Endings;
  readonly orgs: Orgs;
  readonly callLink: CallLink;
  readonly observeWait: (className: string, ms: number) => void;
  /** Told what was our own part: from the admission's news to the request. */
  readonly observeOwn: (ms: number) => void;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly log: Logger;
  /** Under which creations are sent now: aborted when others may take this worker for dead. */
  readonly signal: () => AbortSignal;
}): Dialler {
  let inFlight = 0;

  async function dialOne(dial: Dial, askedAtMs: number, mayWrite: () => boolean): Promise<void> {
    const provider = deps.providers.of(dial.project);
    const classPolicy = deps.policy().classes.find((candidate) => candidate.name === dial.class);
    if (provider === undefined || classPolicy === undefined || dial.fromNumberId === null) {
      await endUnmade(dial, 'Unsent', 'the policy changed: project, class or number is gone', undefined);
      return;
    }
    if (deps.orgs.isElsewhere(dial.project)) {
      await endUnmade(dial, 'ProjectFault', orgElsewhere, undefined);
      return;
    }
    let body: CreateCallBody;
    try {
      body = createCallBody({
        pool: deps.pool,
        attemptId: dial.attemptId,
        sessionId: dial.sessionId,
        class: classPolicy,
        project: provider.policy,
        fromNumberId: dial.fromNumberId,
        customer: { number: dial.number, name: dial.name ?? undefined },
        context: dial.context ?? undefined,
        link: await deps.callLink(provider.policy),
      });
    } catch (error) {
      // Nothing was sent: a secret that cannot be read stops its project, not the session.
      deps.log.error({ attempt: dial.attemptId, project: dial.project, err: error }, 'call could not be prepared: project paused');
      await endUnmade(dial, 'ProjectFault', 'KeyMissing', undefined);
      return;
    }
    deps.observeOwn(deps.now() - askedAtMs);
    const result = await provider.api.create(body, { mayWrite, timeoutMs: createTimeoutMs, signal: deps.signal() });
    await settle(dial, classPolicy, withoutPerson(result, dial));
  }

  async function settle(dial: Dial, classPolicy: ClassPolicy, result: CreateResult): Promise<void> {
    switch (result.kind) {
      case 'created':
        await bindAttempt(deps.database, deps.poolId, {
          by: 'answer',
          attemptId: dial.attemptId,
          callId: result.callId,
          controlUrl: result.controlUrl,
          boundForMs: boundForMs(classPolicy),
          limits: result.limits,
        });
        deps.orgs.heard(dial.project, result.orgId);
        return;
      case 'ambiguous':
        deps.log.warn(
          { attempt: dial.attemptId, project: dial.project, detail: result.detail },
          'creation without an answer: looking it up',
        );
        await markAmbiguous(deps.database, deps.poolId, dial.attemptId);
        return;
      case 'unsent':
        if (result.detail === undefined) deps.warmUp(dial.project);
        else deps.log.warn({ attempt: dial.attemptId, project: dial.project, detail: result.detail }, 'not sent');
        await endUnmade(dial, 'Unsent', result.detail === undefined ? undefined : unreachable, undefined);
        return;
      case 'keyless':
        // As if the provider had refused the key: the project waits until it is there, and its sessions go elsewhere.
        deps.log.warn({ attempt: dial.attemptId, project: dial.project, detail: result.detail }, 'not sent without a key');
        await endUnmade(dial, 'ProjectFault', 'KeyMissing', undefined);
        return;
      case 'refused':
        deps.log.info(
          { attempt: dial.attemptId, project: dial.project, outcome: result.outcome, status: result.status, detail: result.detail },
          'creation refused',
        );
        await endUnmade(dial, result.outcome, result.detail, result.limits);
        return;
    }
  }

  async function endUnmade(
    dial: Dial,
    outcome: AttemptOutcome,
    reason: string | undefined,
    limits: Extract<CreateResult, { kind: 'refused' }>['limits'],
  ) {
    await deps.endings.end({ attemptId: dial.attemptId, outcome, endedReason: reason, line: 'never-taken', limits });
  }

  return {
    get inFlight() {
      return inFlight;
    },
    async dial(attemptIds) {
      const askedAtMs = deps.now();
      inFlight += 1;
      const dials = await beginSending(deps.database, deps.poolId, deps.owner(), attemptIds).finally(() => {
        inFlight -= 1;
      });
      inFlight += dials.length;
      await Promise.all(
        dials.map(async (dial) => {
          deps.observeWait(dial.class, dial.waitedMs);
          // Counted from before the commit: late rather than early is the only error that is safe.
          const mayWrite = () => deps.now() - askedAtMs < dial.sendWithinMs;
          try {
            await dialOne(dial, askedAtMs, mayWrite);
          } catch (error) {
            deps.log.error({ attempt: dial.attemptId, err: error }, 'dial failed: left to the look-up');
            await markAmbiguous(deps.database, deps.poolId, dial.attemptId).catch((again: unknown) =>
              deps.log.error(
                { attempt: dial.attemptId, err: again },
                'the ledger does not answer: the dispatcher leaves this attempt to the look-up',
              ),
            );
          } finally {
            inFlight -= 1;
          }
        }),
      );
    },
  };
}

/** What the provider says about a creation goes to the log and the ledger, and may repeat who was to be called and what for. */
function withoutPerson(result: CreateResult, dial: Dial): CreateResult {
  if (result.kind === 'created' || result.detail === undefined) return result;
  return { ...result, detail: withoutEchoes(result.detail, textsIn([dial.name, dial.context])) };
}
