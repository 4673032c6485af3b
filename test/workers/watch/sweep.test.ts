import { expect, test } from 'vitest';
import { bindAttempt } from '../../../ledger/attempts/bind.ts';
import { takeWatchLeases } from '../../../ledger/watch.ts';
import type { Received } from '../../providers/vapi/http-server.ts';
import { aDataPath, seen } from '../data-path.ts';
import { north, sentAgo, watching } from './watching.ts';

const minuteMs = 60_000;

test('changes that take more requests than one look may make are read in parts, to the oldest call', async () => {
  const on = await aDataPath();
  const oldest = await sentAgo(on, 10, 'forgotten');
  const call = { callId: 'call-oldest', controlUrl: undefined, boundForMs: 3_600_000, limits: undefined };
  await bindAttempt(on.database, on.poolId, { by: 'answer', attemptId: oldest.attemptId, ...call });
  const startedMs = Date.now();
  const row = (id: string, minutesAgo: number, at: number) => ({
    id,
    orgId: 'org-1',
    type: 'outboundPhoneCall',
    status: 'ended',
    endedReason: 'customer-ended-call',
    createdAt: new Date(startedMs - minutesAgo * minuteMs - at).toISOString(),
    updatedAt: new Date(startedMs).toISOString(),
  });
  const calls = [...Array.from({ length: 3_000 }, (_, at) => row(`call-${at}`, 1, at)), row('call-oldest', 30, 0)];
  const answer = ({ url }: Received) => {
    const before = url.searchParams.get('createdAtLt');
    const page = calls.filter((listed) => before === null || listed.createdAt < before);
    // Three pages are all that one look gets.
    asked += 1;
    return asked % 4 === 0 ? { status: 500 } : { status: 200, body: page.slice(0, Number(url.searchParams.get('limit'))) };
  };
  let asked = 0;
  const look = await watching(on, answer);
  const read = async () => {
    const { rows } = await on.database.query<{ until: Date | null; sweeping: boolean }>(
      'select polled_until as until, sweep_since is not null as sweeping from project_watch',
    );
    return rows[0];
  };
  const lease = async () => {
    const [taken] = await takeWatchLeases(on.database, on.poolId, 1, [north], 1);
    if (taken === undefined) throw new Error('no lease');
    return { ...taken, gained: true };
  };

  const first = await lease();
  await look(first);
  expect(await read()).toEqual({ until: null, sweeping: true });
  expect(await seen(on, oldest)).toMatchObject({ session: 'open' });
  for (let looks = 1; looks < 10 && (await read())?.sweeping === true; looks += 1) await look(await lease());

  expect(await seen(on, oldest)).toMatchObject({ session: 'ended', outcome: 'Completed' });
  const done = await read();
  expect(done?.sweeping).toBe(false);
  // What changed after the first part was asked for is listed again.
  expect(Math.abs((done?.until?.getTime() ?? 0) - first.nowMs)).toBeLessThan(2);
});
