import { describe, expect, test } from 'vitest';
import { bindAttempt } from '../../../ledger/attempts/bind.ts';
import { buryDeadWorkers } from '../../../ledger/workers.ts';
import { callNameOf } from '../../../providers/vapi/call-name.ts';
import { boundForMs } from '../../../workers/session-bounds.ts';
import { aDataPath, type Placed, seen } from '../data-path.ts';
import { sentAgo, watching } from './watching.ts';

describe('a call whose creation nobody told the end of', () => {
  test('is looked up although the worker that sent it lives, and its session waits again when there is no call', async () => {
    const on = await aDataPath();
    const placed = await sentAgo(on, 31, 'forgotten');
    expect(await buryDeadWorkers(on.database, on.poolId, [])).toBe(0);
    expect(await buryDeadWorkers(on.database, on.poolId, [placed.attemptId])).toBe(1);
    await on.database.query(`update attempt set ambiguous_at = ambiguous_at - interval '46 s'`);
    const look = await watching(on, () => ({ status: 200, body: [] }));
    await look();
    expect(await seen(on, placed)).toMatchObject({ session: 'queued', attempt: 'ended' });
  });

  test('is not looked up while its answer may still come', async () => {
    const on = await aDataPath();
    await sentAgo(on, 25, 'forgotten');
    expect(await buryDeadWorkers(on.database, on.poolId, 'all')).toBe(0);
  });

  test('keeps its slot while lists fail, and gives it back with outcome Unknown when any call must be over', async () => {
    const on = await aDataPath();
    const bound = boundForMs(on.policy.classes.find(({ name }) => name === 'campaign')) / 1_000;
    const young = await sentAgo(on, bound - 60, 'in doubt');
    const old = await sentAgo(on, bound + 180, 'in doubt');
    const look = await watching(on, () => ({ status: 401, body: { message: 'Invalid key' } }));
    await look();
    expect(await seen(on, young)).toMatchObject({ session: 'open', attempt: 'sending' });
    expect(await seen(on, old)).toMatchObject({ session: 'ended', outcome: 'Unknown', attempt: 'cooling' });
  });
});

test('a call that a list does not show yet is waited for', async () => {
  const on = await aDataPath();
  const placed = await sentAgo(on, 40, 'in doubt');
  // The look-up after 30 s was not made yet, so one is due.
  await on.database.query('update attempt set look_ups = 4');
  const look = await watching(on, () => ({ status: 200, body: [] }));
  await look();
  expect(await seen(on, placed)).toMatchObject({ session: 'open', attempt: 'sending', released: false });
});

test('an end that no webhook told is found in the list, for calls that have no name of ours too', async () => {
  const on = await aDataPath();
  const [named, nameless] = [await sentAgo(on, 10, 'forgotten'), await sentAgo(on, 10, 'forgotten')];
  for (const { attemptId } of [named, nameless]) {
    const call = { callId: `call-${attemptId}`, controlUrl: undefined, boundForMs: 60_000, limits: undefined };
    await bindAttempt(on.database, on.poolId, { by: 'answer', attemptId, ...call });
  }
  const over = ({ attemptId }: Placed, name: string | undefined) => ({
    id: `call-${attemptId}`,
    orgId: 'org-1',
    name,
    type: 'outboundPhoneCall',
    status: 'ended',
    endedReason: 'customer-ended-call',
    createdAt: new Date().toISOString(),
    updatedAt: new Date().toISOString(),
  });
  const look = await watching(on, () => ({ status: 200, body: [over(named, callNameOf(named.attemptId)), over(nameless, undefined)] }));
  await look();
  for (const placed of [named, nameless])
    expect(await seen(on, placed)).toMatchObject({ session: 'ended', outcome: 'Completed', attempt: 'cooling' });
});

test("lists go on in their rhythm when the ledger's clock is set back", async () => {
  const on = await aDataPath();
  let lists = 0;
  let monotonicMs = 1_000_000;
  const look = await watching(
    on,
    () => {
      lists += 1;
      return { status: 200, body: [] };
    },
    Date.now,
    () => monotonicMs,
  );
  const ledgerMs = Date.now();
  await look({ nowMs: ledgerMs + 27_000 });
  monotonicMs += 1_000;
  await look({ nowMs: ledgerMs + 28_000 });
  expect(lists).toBe(1);
  monotonicMs += 15_000;
  await look({ nowMs: ledgerMs + 16_000 });
  expect(lists).toBe(2);
});
