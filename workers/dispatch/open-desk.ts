import type { Logger } from 'pino';
import { compilePolicy } from '../../capacity/policy/compile.ts';
import { type Lineage, lineageOf } from '../../capacity/policy/lineage.ts';
import type { Policy } from '../../capacity/policy/policy.ts';
import type { PoolSpec } from '../../crds/pool.ts';
import { type PoolKey, poolNameOf } from '../../crds/values.ts';
import { readLedgerClock } from '../../ledger/clock.ts';
import type { Sql } from '../../ledger/database.ts';
import { discoverLanes } from '../../ledger/dispatch/fetch-waiting.ts';
import { loadOpenAttempts } from '../../ledger/dispatch/open-attempts.ts';
import { readGuard } from '../../ledger/guard.ts';
import { readHolds } from '../../ledger/holds.ts';
import { readLimiters } from '../../ledger/limiters.ts';
import { type PoolId, readPolicy } from '../../ledger/policy.ts';
import { readDeclaredLines } from '../../ledger/policy-lines.ts';
import { servingWorkers } from '../../ledger/workers.ts';
import { Cooling } from './cooling.ts';
import { type Desk, endedByNow, note } from './desk.ts';
import type { DispatchOptions } from './dispatcher.ts';
import { Learning } from './learning.ts';
import { openLedgerClock } from './ledger-clock.ts';
import { keptRates } from './rates.ts';
import { SlotBook } from './slot-book.ts';
import { Statistics } from './statistics.ts';
import { Unsent } from './unsent.ts';

/** There is nothing to dispatch by. */
export class PolicyMissing extends Error {
  override readonly name = 'PolicyMissing';
}

/** Fills a desk from the ledger. Signals from before are harmless: applying them again changes nothing. */
export async function openDesk(options: DispatchOptions): Promise<Desk> {
  const { connection, poolId } = options;
  const stored = await readPolicy(connection, options.pool);
  if (stored === undefined) throw new PolicyMissing(`pool ${options.pool} has no policy in this ledger`);
  const clock = openLedgerClock(options.now);
  clock.set(await readLedgerClock(connection, options.now));
  const lineage = await readLineage(connection, poolId, stored.version, options.log);
  const limiters = await readLimiters(connection, poolId);
  const desk: Desk = {
    connection,
    poolId,
    epoch: options.epoch,
    clock,
    log: options.log,
    book: new SlotBook(lineage.placeOf),
    cooling: new Cooling(),
    unsent: new Unsent(),
    statistics: new Statistics(),
    learning: new Learning(limiters, options.random, clock.now()),
    arrivals: new Map(),
    rates: keptRates(limiters, clock.now()),
    blocked: new Map(),
    decisions: [],
    released: [],
    policy: policyOf(options.pool, stored.spec),
    lineage,
    policyVersion: stored.version,
    policySeen: stored.rejected?.version ?? stored.version,
    withResults: stored.spec.results !== undefined,
    seq: options.seq,
    holds: await readHolds(connection, poolId),
    guard: await readGuard(connection, poolId),
    holdsChanged: false,
    workers: await servingWorkers(connection, poolId),
    pinnedLanes: (await discoverLanes(connection, poolId)).filter(({ project }) => project !== ''),
    laneUse: new Map(),
    queued: new Map(),
    oldestReadyMs: new Map(),
    plan: undefined,
    nextStepAtMs: 0,
    nextLookAtMs: 0,
  };
  desk.learning.use(lineage.accounts);
  for (const attempt of await loadOpenAttempts(connection, poolId)) note(desk, endedByNow(attempt, clock.now()));
  return desk;
}

/** The declaration, made ready for decisions. */
export function policyOf(pool: PoolKey, spec: PoolSpec): Policy {
  return compilePolicy({ apiVersion: 'trunkline.dev/v1alpha1', kind: 'VoiceCapacityPool', metadata: { name: poolNameOf(pool) }, spec })
    .policy;
}

/** Where lines count by the policy of this version that were taken under others. */
export async function readLineage(sql: Sql, poolId: PoolId, version: number, log: Logger): Promise<Lineage> {
  const { declared, unreadable } = await readDeclaredLines(sql, poolId);
  const now = declared.find((policy) => policy.version === version);
  if (now === undefined) throw new Error(`policy ${version} is gone while it is taken up`);
  if (unreadable.length > 0)
    log.warn({ versions: unreadable }, 'lines taken under these policies count by the newest one that has their names');
  return lineageOf(
    now,
    declared.filter((policy) => policy.version !== version),
  );
}
