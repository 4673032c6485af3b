import type { Logger } from 'pino';
import { z } from 'zod';
import { projectName } from '../../crds/values.ts';
import type { Database } from '../../ledger/database.ts';
import { markProcessed, type StoredEvent, unprocessedEvents } from '../../ledger/inbox.ts';
import type { PoolId } from '../../ledger/policy.ts';
import { troubleOf } from '../../ledger/trouble.ts';
import type { Applier, CallNews } from './apply.ts';

/** Events that lie this long were left by a worker that died. */
const orphanedAfterMs = 5_000;

const eventFields = z.object({
  callName: z.string().optional(),
  status: z.string(),
  endedReason: z.string().optional(),
  controlUrl: z.string().optional(),
  direction: z.enum(['Inbound', 'Outbound']).catch('Outbound'),
  costUsd: z.number().optional(),
});

/** An event that was worked on. If the ledger was lost since, that may be undone, as ends do not wait for the disk: it is worked on again. */
type Done = { readonly id: string; readonly lost: AbortSignal };

/** Does the work of stored events, at least once each; all of it is repeatable. */
export function openInboxWorker(deps: {
  readonly database: Database;
  readonly poolId: PoolId;
  readonly applier: Applier;
  /** Aborted when the ledger was lost since it was asked for. */
  readonly ledgerLost: () => AbortSignal;
  readonly log: Logger;
}) {
  let done: Done[] = [];

  async function work(event: StoredEvent, callerNumber?: string): Promise<void> {
    const lost = deps.ledgerLost();
    await deps.applier.apply({ ...newsOf(event), callerNumber });
    done.push({ id: event.id, lost });
  }

  /** An event that would fail again is given up: it must not keep those behind it waiting, and look-ups tell what it would have told. */
  async function workOrGiveUp(event: StoredEvent): Promise<void> {
    try {
      await work(event);
    } catch (error) {
      if (troubleOf(error) !== 'defect') throw error;
      deps.log.error({ err: error, event: event.id, call: event.callId }, 'event cannot be worked on and is given up');
      done.push({ id: event.id, lost: deps.ledgerLost() });
    }
  }

  return {
    /** Starts on an event; a failure leaves it for {@link sweep}. `callerNumber`: not stored with it, a list tells it again. */
    begin(event: StoredEvent, callerNumber?: string): void {
      work(event, callerNumber).catch((error: unknown) =>
        deps.log.error({ err: error, call: event.callId }, 'event left for the next sweep'),
      );
    },
    /** Notes what is done, and takes up what dead workers left. */
    async sweep(): Promise<void> {
      const ids = done.filter(({ lost }) => !lost.aborted).map(({ id }) => id);
      done = [];
      if (ids.length > 0) await markProcessed(deps.database, ids);
      for (const event of await unprocessedEvents(deps.database, deps.poolId, orphanedAfterMs)) await workOrGiveUp(event);
    },
  };
}

const terminal = new Set(['ended', 'not-found', 'deletion-failed']);

function newsOf(event: StoredEvent): CallNews {
  const fields = eventFields.parse(event.event);
  return {
    project: projectName.parse(event.project),
    callId: event.callId,
    callName: fields.callName,
    direction: fields.direction,
    status: terminal.has(fields.status) ? 'ended' : 'live',
    endedReason: fields.endedReason,
    controlUrl: fields.controlUrl,
    costUsd: fields.costUsd,
  };
}
