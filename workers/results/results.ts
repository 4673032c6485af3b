import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { PoolSpec } from '../../crds/pool.ts';
import type { Database } from '../../ledger/database.ts';
import { type Delivery, type DueResult, settleResult, takeDueResults } from '../../ledger/outbox.ts';
import type { PoolId } from '../../ledger/policy.ts';
import { always, openConnections } from '../../providers/connections.ts';
import { redact } from '../../providers/vapi/redact.ts';
import type { Secrets } from '../secrets.ts';
import { signatureHeaders } from '../signature.ts';
import { nextTryInMs, retryAfterMs } from './backoff.ts';

/**
 * Delivers ended sessions to the team's address: one signed POST each, at least once (the receiver tells doubles by `id`), tried again for most of a
 * day. No transaction is open while the address is asked, and a slow or dead address costs nothing but its own deliveries.
 */
export type ResultsDeps = {
  readonly database: Database;
  readonly poolId: PoolId;
  readonly pool: string;
  readonly spec: NonNullable<PoolSpec['results']>;
  readonly secrets: Secrets;
  readonly log: Logger;
  /** Ends taking; deliveries under way are finished. */
  readonly signal: AbortSignal;
  /** How often the ledger is looked at. */
  readonly everyMs?: number;
  /** Milliseconds since 1970, for signatures. */
  readonly wallClock?: () => number;
  readonly random?: () => number;
};

/** A receiver that takes longer than this is asked again. */
const timeoutMs = 10_000;
/** Longer than a delivery and its settling can take. */
const leaseMs = 30_000;

export function startResults(deps: ResultsDeps): { readonly ended: Promise<void> } {
  const connections = openConnections({ maxAnswerBytes: 100_000, maxSockets: deps.spec.maxConcurrent });
  const underWay = new Set<Promise<void>>();

  async function deliver(result: DueResult): Promise<void> {
    const delivery = await post(deps, connections, result);
    if (delivery.kind !== 'delivered') {
      deps.log.warn({ session: result.sessionId, tries: result.tries, ...delivery }, 'result not delivered');
    }
    await settleResult(deps.database, result, delivery);
  }

  function begin(result: DueResult): void {
    const work = deliver(result)
      .catch((error: unknown) => deps.log.error({ err: error, session: result.sessionId }, 'delivery not noted: it comes again'))
      .finally(() => underWay.delete(work));
    underWay.add(work);
  }

  async function run(): Promise<void> {
    while (!deps.signal.aborted) {
      const taken = await takeDueResults(deps.database, deps.poolId, { maxConcurrent: deps.spec.maxConcurrent, leaseMs }).catch(
        (error: unknown) => {
          deps.log.warn({ err: error }, 'results cannot be taken and are tried again');
          return [];
        },
      );
      for (const result of taken) begin(result);
      // With work at hand the next look follows the first delivery that ends; without, it has time.
      await Promise.race([pause(deps), ...(taken.length > 0 ? underWay : [])]);
    }
    await Promise.all(underWay);
    connections.close();
  }

  return { ended: run() };
}

/** Until the next look at the ledger, or until it is all over. */
async function pause({ everyMs, signal }: ResultsDeps): Promise<void> {
  await sleep(everyMs ?? 1_000, undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}

async function post(deps: ResultsDeps, connections: ReturnType<typeof openConnections>, result: DueResult): Promise<Delivery> {
  const failed = (error: string, waitMs?: number): Delivery => {
    const delayMs = nextTryInMs(result.tries, (deps.random ?? Math.random)(), waitMs);
    return delayMs === undefined ? { kind: 'failed', error } : { kind: 'again', delayMs, error };
  };
  try {
    const body = JSON.stringify(bodyOf(deps.pool, result));
    const { secretRef, url } = deps.spec;
    const nowMs = deps.wallClock?.() ?? Date.now();
    const signature = secretRef === undefined ? {} : signatureHeaders(await deps.secrets.read(secretRef), body, nowMs);
    const headers = { 'content-type': 'application/json', 'idempotency-key': result.sessionId, ...signature };
    const request = { method: 'POST', headers, body, signal: AbortSignal.timeout(timeoutMs) };
    const response = await connections.fetch(url, request, always);
    if (response.ok) return { kind: 'delivered' };
    return failed(`answered ${response.status}`, retryAfterMs(response.headers.get('retry-after')));
  } catch (error) {
    return failed(redact(error instanceof Error ? error.message || error.name : String(error)));
  }
}

/** The delivery: what the team knows the session by, and what became of it. */
function bodyOf(pool: string, result: DueResult) {
  return {
    id: result.sessionId,
    pool,
    class: result.class,
    direction: result.direction,
    outcome: result.outcome,
    reason: result.reason,
    attempts: result.attempts,
    customer: { number: result.number, name: result.name },
    labels: result.labels,
    context: result.context,
    startedAt: result.startedAt?.toISOString() ?? null,
    endedAt: result.endedAt.toISOString(),
    callId: result.callId,
    project: result.project,
    costUsd: result.costUsd,
  };
}
