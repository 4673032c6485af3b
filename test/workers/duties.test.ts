import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { Database } from '../../ledger/database.ts';
import { writePolicy } from '../../ledger/policy.ts';
import { registerWorker, type WorkerId } from '../../ledger/workers.ts';
import { openDuties } from '../../workers/duties.ts';
import { freshLedger } from '../support/ledger.ts';
import { silent } from './data-path.ts';
import { salesPool } from './intake/serving.ts';
import { north } from './watch/watching.ts';

const never = new Promise<void>(() => undefined);

/** Duties of a worker on a real ledger. Each part of handing them over ends at once unless it is said to hang. */
async function aWorker(hangs: { readonly [part in 'announce' | 'withdraw' | 'look' | 'chore' | 'results']?: boolean } = {}) {
  const { database } = await freshLedger();
  const { poolId } = await writePolicy(database, salesPool.metadata.name, salesPool.spec);
  const connection = await database.connect();
  const owner = await registerWorker(connection, poolId, 'w1');
  connection.release();
  const began = { looks: 0, chores: 0 };
  const end = (part: keyof typeof hangs) => (hangs[part] ? never : Promise.resolve());
  const duties = openDuties({
    database,
    poolId,
    owner: () => owner,
    candidate: {
      awayMs: () => 0,
      dispatching: false,
      guarded: false,
      withdraw: () => end('withdraw'),
      rejoin: () => undefined,
      close: () => Promise.resolve(),
    },
    watcher: {
      look: () => {
        began.looks += 1;
        return end('look');
      },
    },
    projects: () => ({ declared: [north], former: [] }),
    chores: [
      {
        name: 'chore',
        everyMs: 10_000,
        work: () => {
          began.chores += 1;
          return end('chore');
        },
      },
    ],
    startResults: () => ({ follow: () => undefined, end: () => end('results') }),
    inFlight: () => 0,
    announce: () => end('announce'),
    now: () => performance.now(),
    log: silent,
  });
  duties.takeUp();
  await expect.poll(() => began.looks).toBe(1);
  return { duties, began, database, owner };
}

const leasesOf = async (database: Database, owner: WorkerId) =>
  (await database.query(`select from project_watch where owner = $1 and lease_until > clock_timestamp()`, [owner])).rowCount;

describe('handing over', () => {
  test('gives the leases back, so that another worker watches at once', async () => {
    const { duties, database, owner } = await aWorker();
    expect(await leasesOf(database, owner)).toBe(1);
    await duties.handOver(10_000);
    expect([duties.dialling, await leasesOf(database, owner)]).toEqual([false, 0]);
  });

  test.each(['announce', 'withdraw', 'look', 'chore', 'results'] as const)('waits no longer than it may when %s hangs', async (part) => {
    const { duties, began } = await aWorker({ [part]: true });
    const late = sleep(20_000, 'late', { ref: false });
    expect(await Promise.race([duties.handOver(500), late])).not.toBe('late');
    expect(duties.dialling).toBe(false);
    // Wanted again after all, it has all of its duties.
    duties.takeUp();
    expect(duties.dialling).toBe(true);
    await expect.poll(() => began.chores).toBe(2);
  });
});
