import { discoverLanes } from '../../ledger/dispatch/fetch-waiting.ts';
import { takeBack } from '../../ledger/dispatch/take-back.ts';
import { cancelRemovedClasses, expireSessions, foldQueueDepth, promoteDue, untilNextDue } from '../../ledger/dispatch/upkeep.ts';
import { beat, beatEveryMs } from '../../ledger/election.ts';
import { readHolds } from '../../ledger/holds.ts';
import { writeLimiters } from '../../ledger/limiters.ts';
import { readPolicy } from '../../ledger/policy.ts';
import { buryDeadWorkers, servingWorkers } from '../../ledger/workers.ts';
import type { Desk } from './desk.ts';
import type { DispatchOptions } from './dispatcher.ts';
import { policyOf, readClock } from './open-desk.ts';
import { viewOf } from './view-of.ts';

/** Policy, holds, workers, expiry: seen within a second. */
const glanceEveryMs = 500;

/** New lanes (a first session with a new pin) are looked for this often while wake-ups come. */
const lanesEveryMs = 20;

/** Regular work beside admission, each at its own pace, on the dispatcher's own connection. */
export function openUpkeep(desk: Desk, options: DispatchOptions): { run(heard: 'rung' | 'slept'): Promise<void>; dueInMs(): number } {
  let beatAtMs = 0;
  let glanceAtMs = 0;
  let lanesAtMs = 0;
  let dueAtMs = 0;

  async function glance(): Promise<void> {
    const { connection, poolId } = desk;
    await readClock(connection, desk.clock, options.now);
    await refreshPolicy(desk, options);
    desk.holds = await readHolds(connection, poolId);
    desk.workers = await servingWorkers(connection, poolId);
    await buryDeadWorkers(connection, poolId);
    await takeBack(connection, poolId, { pool: desk.holds.pool, classes: [...desk.holds.classes] });
    await expireSessions(connection, poolId, desk.withResults);
    desk.queued = await foldQueueDepth(connection, poolId);
    const dueInMs = await untilNextDue(connection, poolId);
    dueAtMs = dueInMs === undefined ? Number.POSITIVE_INFINITY : options.now() + dueInMs;
  }

  async function publish(): Promise<void> {
    const learned = desk.learning.takeChanged();
    if (learned.size > 0) await writeLimiters(desk.connection, desk.poolId, learned);
    await beat(desk.connection, desk.poolId, desk.epoch, viewOf(desk));
  }

  return {
    async run(heard) {
      if (options.now() >= glanceAtMs || desk.holdsChanged) {
        desk.holdsChanged = false;
        await glance();
        glanceAtMs = options.now() + glanceEveryMs;
      }
      if (options.now() >= dueAtMs) {
        await promoteDue(desk.connection, desk.poolId);
        dueAtMs = Number.POSITIVE_INFINITY;
        lanesAtMs = 0;
      }
      if (options.now() >= lanesAtMs || (heard === 'rung' && desk.lanes.length === 0)) {
        desk.lanes = await discoverLanes(desk.connection, desk.poolId);
        lanesAtMs = options.now() + lanesEveryMs;
      }
      if (options.now() >= beatAtMs) {
        await publish();
        beatAtMs = options.now() + beatEveryMs;
      }
    },
    dueInMs: () => Math.max(0, Math.min(beatAtMs, glanceAtMs, dueAtMs) - options.now()),
  };
}

/** The newest policy that this release can read; an unreadable one is kept out and said once a glance, the last one stays in force. */
async function refreshPolicy(desk: Desk, options: DispatchOptions): Promise<void> {
  const stored = await readPolicy(desk.connection, options.pool);
  if (stored === undefined || stored.version === desk.policyVersion) return;
  desk.policy = policyOf(options.pool, stored.spec);
  desk.policyVersion = stored.version;
  desk.withResults = stored.spec.results !== undefined;
  desk.plan = undefined;
  desk.log.info({ version: stored.version }, 'policy in force');
  const classes = desk.policy.classes.map(({ name }) => name);
  while ((await cancelRemovedClasses(desk.connection, desk.poolId, desk.withResults, classes)) > 0) desk.queued = new Map();
}
