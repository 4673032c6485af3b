import { expect } from 'vitest';
import { projectName } from '../../../crds/values.ts';
import { beginSending } from '../../../ledger/attempts/begin-sending.ts';
import type { WatchLease } from '../../../ledger/watch.ts';
import { registerWorker } from '../../../ledger/workers.ts';
import { openProject } from '../../../providers/vapi/client.ts';
import { boundForMs } from '../../../workers/session-bounds.ts';
import { openWatcher } from '../../../workers/watch/watcher.ts';
import { serve } from '../../providers/vapi/http-server.ts';
import { type DataPath, type Placed, place, silent } from '../data-path.ts';

export const north = projectName.parse('north');

/** A watcher of project north, and a provider that answers every request like this. */
export async function watching(
  on: DataPath,
  answer: Parameters<typeof serve>[0],
  wallClock: () => number = Date.now,
  now = () => performance.now(),
) {
  const server = await serve(answer);
  const api = openProject({ baseUrl: server.url, apiKey: async () => 'key' });
  const policy = on.policy.projects.find((project) => project.name === north);
  if (policy === undefined) throw new Error('no project north');
  const watcher = openWatcher({
    database: on.database,
    poolId: on.poolId,
    providers: { of: () => ({ api, policy }), close: api.close },
    applier: on.applier,
    endings: on.endings,
    boundForMs: (className) => boundForMs(on.policy.classes.find(({ name }) => name === className)),
    webhooks: () => 'expected',
    wallClock,
    now,
    log: silent,
  });
  return (lease: Partial<WatchLease> = {}) =>
    watcher.look(
      { project: north, readUntilMs: Date.now(), nowMs: Date.now(), gained: false, sweep: undefined, ...lease },
      new AbortController().signal,
    );
}

/** A worker that lives, with an attempt that it sent so long ago and has not heard of since. */
export async function sentAgo(on: DataPath, seconds: number, inDoubt: 'in doubt' | 'forgotten'): Promise<Placed> {
  const connection = await on.database.connect();
  const owner = await registerWorker(connection, on.poolId, 'w1');
  connection.release();
  const placed = await place(on, owner);
  expect(await beginSending(on.database, on.poolId, owner, [placed.attemptId])).toHaveLength(1);
  await on.database.query(
    `update attempt set sending_at = sending_at - $2 * interval '1 s', created_at = created_at - $2 * interval '1 s',
       ambiguous_at = case when $3 then clock_timestamp() - $2 * interval '1 s' end, look_ups = case when $3 then 6 else 0 end where id = $1`,
    [placed.attemptId, seconds, inDoubt === 'in doubt'],
  );
  return placed;
}
