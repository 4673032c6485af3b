import { setTimeout as delay } from 'node:timers/promises';
import type { ClassName } from '../../crds/values.ts';
import { findExisting, type Inserted, insertSessions, type NewSession } from '../../ledger/sessions/insert.ts';
import { troubleOf } from '../../ledger/trouble.ts';
import type { IntakeDeps } from './deps.ts';
import type { QueueRoom, Room } from './queue-room.ts';

/** What became of one session of a batch. */
export type Queued = { readonly kind: 'stored'; readonly inserted: Inserted } | { readonly kind: 'full'; readonly class: ClassName };

const retries = 4;
const firstPauseMs = 50;

/**
 * Writes a batch, again when the ledger was away for a moment or others got in the way. That is safe even when the first try was committed: the ids
 * are ours, and a row that is there already is found by its id.
 */
export async function insertPatiently(deps: IntakeDeps, sessions: readonly NewSession[]): Promise<readonly Inserted[]> {
  for (let tries = 0; ; tries += 1) {
    try {
      const inserted = await deps.waker.withCommit((channel) => insertSessions(deps.database, deps.poolId, sessions, channel));
      for (const [className, queued] of countBy(inserted.filter(({ created }) => created))) {
        deps.metrics.sessionsAccepted.inc({ class: className, direction: 'Outbound' }, queued);
      }
      return inserted;
    } catch (error) {
      if (tries >= retries || troubleOf(error) === 'defect') throw error;
      await delay(firstPauseMs * 2 ** tries * (0.5 + Math.random()));
    }
  }
}

/**
 * Queues a batch as far as there is room, in order. Sessions beyond the room of their class are told so, but for those whose idempotency key is
 * known: they are queued already, however full it is.
 */
export async function queueBatch(
  deps: IntakeDeps,
  room: QueueRoom,
  sessions: readonly NewSession[],
  insert: (sessions: readonly NewSession[]) => Promise<readonly Inserted[]>,
): Promise<readonly Queued[]> {
  const left = new Map<ClassName, number>();
  const rooms = new Map<ClassName, Room>();
  for (const [className, wanted] of countBy(sessions)) {
    const maxDepth = deps.policy().classes.find(({ name }) => name === className)?.maxDepth ?? 0;
    const taken = await room.take(className, maxDepth, wanted);
    rooms.set(className, taken);
    left.set(className, taken.granted);
  }
  const fitting: NewSession[] = [];
  const beyond: NewSession[] = [];
  for (const session of sessions) {
    const places = left.get(session.class) ?? 0;
    left.set(session.class, places - 1);
    (places > 0 ? fitting : beyond).push(session);
  }
  let inserted: readonly Inserted[] = [];
  try {
    inserted = fitting.length === 0 ? [] : await insert(fitting);
  } finally {
    const created = countBy(inserted.filter((one) => one.created));
    for (const [className, taken] of rooms) taken.settle(created.get(className) ?? 0);
  }
  const stored = new Map(fitting.map((session, index) => [session.id, inserted[index]]));
  const keyed = beyond.filter(({ idempotencyKey }) => idempotencyKey !== undefined);
  const existing = keyed.length === 0 ? undefined : await findExisting(deps.database, deps.poolId, keyed);
  return sessions.map((session) => {
    const found = stored.get(session.id) ?? existing?.(session);
    return found === undefined ? { kind: 'full', class: session.class } : { kind: 'stored', inserted: found };
  });
}

function countBy(rows: readonly { readonly class: ClassName }[]): ReadonlyMap<ClassName, number> {
  const counts = new Map<ClassName, number>();
  for (const row of rows) counts.set(row.class, (counts.get(row.class) ?? 0) + 1);
  return counts;
}
