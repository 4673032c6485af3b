import { expect, onTestFinished, test, vi } from 'vitest';
import type { Database } from '../../ledger/database.ts';
import { type Liveness, openLiveness } from '../../workers/liveness.ts';
import { aDataPath, silent } from './data-path.ts';

async function alive() {
  const { database, url, poolId } = await aDataPath();
  const stop = new AbortController();
  const told: string[] = [];
  const liveness = await openLiveness({
    ledgerUrl: () => url,
    state: () => 'serving',
    poolId,
    name: 'w1',
    address: undefined,
    onAdmitted: (ids) => void told.push(...ids),
    random: () => 0.5,
    log: silent,
    signal: stop.signal,
  });
  onTestFinished(() => liveness.close());
  return { database, liveness, told };
}

/** Ends the connection that proves the worker alive, as a restart of the server or a firewall would. */
const cut = (database: Database, { workerId }: Liveness) =>
  database.query(
    `select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and classid = 7422 and objid = $1
       and database = (select oid from pg_database where datname = current_database())`,
    [workerId],
  );

test('a worker that lost the ledger sends nothing any more, and comes back under another number', async () => {
  const { database, liveness, told } = await alive();
  const { workerId: before, signal } = liveness;
  await cut(database, liveness);
  await vi.waitFor(() => expect(signal.aborted).toBe(true), { timeout: 5_000 });
  await vi.waitFor(() => expect(liveness.workerId).not.toBe(before), { timeout: 5_000 });
  expect(liveness.signal.aborted).toBe(false);
  await vi.waitFor(async () =>
    expect((await database.query('select id, state from worker order by id')).rows).toEqual([
      { id: before, state: 'gone' },
      { id: liveness.workerId, state: 'serving' },
    ]),
  );
  await database.query(`select pg_notify('trunkline_worker_' || $1, 'a,b')`, [liveness.workerId]);
  await vi.waitFor(() => expect(told).toEqual(['a', 'b']));
});

test('a worker that loses the ledger while it registers is told so, and nothing else breaks', async () => {
  const { database, url, poolId } = await aDataPath();
  await database.query(`
    create function hang_up() returns trigger language plpgsql as $$ begin perform pg_terminate_backend(pg_backend_pid()); return new; end $$;
    create trigger hang_up before insert on worker for each row execute function hang_up()`);
  const options = {
    ledgerUrl: () => url,
    state: () => 'serving' as const,
    poolId,
    name: 'w1',
    address: undefined,
    onAdmitted: () => undefined,
    random: () => 0.5,
    log: silent,
  };
  await expect(openLiveness({ ...options, signal: new AbortController().signal })).rejects.toThrow(/terminat/i);
});

test('a worker that lost the ledger again and again comes back each time', async () => {
  const { database, liveness } = await alive();
  for (let times = 0; times < 3; times += 1) {
    const before = liveness.workerId;
    await cut(database, liveness);
    await vi.waitFor(() => expect(liveness.workerId).not.toBe(before), { timeout: 5_000 });
  }
});
