import type { Database } from '../../ledger/database.ts';
import { type InboxEvent, type StoredEvent, storeEvents } from '../../ledger/inbox.ts';
import type { PoolId } from '../../ledger/policy.ts';
import { createGroupCommit } from '../group-commit.ts';

/** Beyond what may wait, webhooks are answered 503 and the provider tries again. */
const bounds = { maxWaiting: 5_000, maxGroup: 200 };

/** Too many events wait for the ledger. */
export class InboxFull extends Error {
  override readonly name = 'InboxFull';
}

/** Commits events in groups. Resolves with the stored event, or undefined for one that was here before. */
export function openInboxWriter(database: Database, poolId: PoolId): { store(event: InboxEvent): Promise<StoredEvent | undefined> } {
  const events = createGroupCommit(bounds, async (group: readonly InboxEvent[]) => {
    const stored = new Map((await storeEvents(database, poolId, group)).map((event) => [event.dedupe, event]));
    return group.map(({ dedupe }) => {
      const event = stored.get(dedupe);
      // Of two equal ones in a group, the second was here before.
      stored.delete(dedupe);
      return event;
    });
  });
  return {
    async store(event) {
      const stored = events.add(event);
      if (stored === undefined) throw new InboxFull('too many events wait for the ledger');
      return stored;
    },
  };
}
