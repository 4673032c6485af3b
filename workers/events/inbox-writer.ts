import type { Database } from '../../ledger/database.ts';
import { type InboxEvent, type StoredEvent, storeEvents } from '../../ledger/inbox.ts';
import type { PoolId } from '../../ledger/policy.ts';

/** Events that may wait for the ledger; beyond, webhooks are answered 503 and the provider tries again. */
const maxWaiting = 5_000;
const maxBatch = 200;

/** Too many events wait for the ledger. */
export class InboxFull extends Error {
  override readonly name = 'InboxFull';
}

/**
 * Commits events in batches: the first at once, those that come while it is being written together with the next. Resolves with the stored event, or
 * undefined for one that was here before.
 */
export function openInboxWriter(database: Database, poolId: PoolId): { store(event: InboxEvent): Promise<StoredEvent | undefined> } {
  let waiting: { event: InboxEvent; resolve: (stored: StoredEvent | undefined) => void; reject: (error: unknown) => void }[] = [];
  let writing = false;

  async function write(): Promise<void> {
    writing = true;
    while (waiting.length > 0) {
      const batch = waiting.slice(0, maxBatch);
      waiting = waiting.slice(maxBatch);
      try {
        const stored = await storeEvents(
          database,
          poolId,
          batch.map((entry) => entry.event),
        );
        const byDedupe = new Map(stored.map((event) => [event.dedupe, event]));
        for (const entry of batch) {
          entry.resolve(byDedupe.get(entry.event.dedupe));
          byDedupe.delete(entry.event.dedupe);
        }
      } catch (error) {
        for (const entry of batch) entry.reject(error);
      }
    }
    writing = false;
  }

  return {
    store(event) {
      if (waiting.length >= maxWaiting) return Promise.reject(new InboxFull('too many events wait for the ledger'));
      return new Promise((resolve, reject) => {
        waiting.push({ event, resolve, reject });
        if (!writing) void write();
      });
    },
  };
}
