import type { ClassName } from '../../crds/values.ts';
import type { Inserted, NewSession } from '../../ledger/sessions/insert.ts';
import { readView, type SeenView } from '../../ledger/views.ts';
import { createGroupCommit, type GroupCommit } from '../group-commit.ts';
import type { IntakeDeps } from './deps.ts';
import { createQueueRoom, type QueueRoom } from './queue-room.ts';
import { insertPatiently } from './queueing.ts';
import { retryAfterSeconds } from './retry-after.ts';

/** What the routes share: the worker's dependencies, and what is kept in memory between requests. */
export type Intake = {
  readonly deps: IntakeDeps;
  readonly room: QueueRoom;
  /** Sessions that arrive one by one. */
  readonly singles: GroupCommit<NewSession, Inserted>;
  /** The dispatcher's view, at most a second old beyond its own age. */
  readonly view: () => Promise<SeenView | undefined>;
  readonly retryAfter: (className: ClassName) => Promise<number>;
};

const singlesBounds = { maxWaiting: 5_000, maxGroup: 500 };

const keepViewMs = 1_000;
/** A view older than this says nothing about how fast a queue drains. */
const staleViewMs = 10_000;

export function createIntake(deps: IntakeDeps): Intake {
  let kept: { readonly view: Promise<SeenView | undefined>; readonly atMs: number } | undefined;
  const view = (): Promise<SeenView | undefined> => {
    if (kept === undefined || deps.now() - kept.atMs > keepViewMs) {
      const asked = readView(deps.database, deps.poolId);
      kept = { view: asked, atMs: deps.now() };
      asked.catch(() => {
        kept = undefined; // whoever awaits it hears of the error; the next one asks again
      });
    }
    return kept.view;
  };
  return {
    deps,
    room: createQueueRoom(deps.database, deps.poolId, deps.now),
    singles: createGroupCommit(singlesBounds, (sessions) => insertPatiently(deps, sessions)),
    view,
    async retryAfter(className) {
      const maxDepth = deps.policy().classes.find(({ name }) => name === className)?.maxDepth ?? 1;
      const seen = await view();
      const fresh = seen !== undefined && seen.ageMs <= staleViewMs ? seen.view.classes : [];
      return retryAfterSeconds(
        maxDepth,
        fresh.find(({ name }) => name === className),
      );
    },
  };
}
