import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test, vi } from 'vitest';
import { type Database, openDatabase } from '../../../ledger/database.ts';
import { type AssistantRequest, openAnswerer } from '../../../workers/inbound/answerer.ts';
import { openArrivals } from '../../../workers/inbound/arrivals.ts';
import { aDataPath, type DataPath, silent } from '../data-path.ts';

const asked: AssistantRequest = {
  kind: 'assistant-request',
  callId: 'call-1',
  callName: undefined,
  orgId: 'org',
  controlUrl: undefined,
  phoneNumberId: 'number-north',
  callerNumber: '+14155559999',
  dialledNumber: '+14155550100',
  direction: 'Inbound',
  timestampMs: 0,
  dedupeKey: 'call-1|assistant-request',
};

/** What one worker answers to a caller of project north. */
function aWorker(
  on: DataPath,
  owner: number,
  options: { readonly database?: Database; readonly mode?: 'Hold' | 'Observe'; readonly guarded?: true } = {},
) {
  const arrivals = openArrivals();
  const policy = { ...on.policy, mode: options.mode ?? ('Active' as const) };
  const project = policy.projects[0];
  if (project === undefined) throw new Error('no project');
  const waits: number[] = [];
  const answerer = openAnswerer({
    database: options.database ?? on.database,
    poolId: on.poolId,
    pool: policy.pool,
    owner: () => owner,
    policy: () => policy,
    policyVersion: () => 1,
    arrivals,
    callLink: async () => ({ publicUrl: undefined, webhookSecret: undefined, handlerEvents: false }),
    wakeDispatcher: () => undefined,
    dispatcherAwayMs: () => 0,
    guarded: () => options.guarded ?? false,
    observeWait: (_, ms) => waits.push(ms),
    now: () => performance.now(),
    log: silent,
  });
  return { answer: () => answerer.answer(asked, project), arrivals, waits };
}

/** Plays the dispatcher: admits the caller once it waits, and tells these workers. */
async function admit(on: DataPath, workers: readonly ReturnType<typeof aWorker>[]) {
  const { rows } = await vi.waitFor(async () => {
    const admitted = await on.database.query(`update attempt set state = 'admitted' where state = 'pending' returning id`);
    expect(admitted.rowCount).toBe(1);
    return admitted;
  });
  for (const { arrivals } of workers) arrivals.admit([rows[0].id]);
}

describe('a caller about whom the provider asks', () => {
  test('gets the assistant when admitted, and the wait is observed', async () => {
    const on = await aDataPath();
    const worker = aWorker(on, 1);
    const [answer] = await Promise.all([worker.answer(), admit(on, [worker])]);
    expect(answer).toMatchObject({ kind: 'assistant', body: { assistantId: 'reception-north' } });
    expect(worker.waits).toHaveLength(1);
  });

  test('gets the same answer when it asks twice', async () => {
    const on = await aDataPath();
    const [one, other] = [aWorker(on, 1), aWorker(on, 2)];
    const first = one.answer();
    await sleep(30);
    const second = other.answer();
    await admit(on, [one]);
    expect((await first).kind).toBe('assistant');
    expect(await second).toEqual(await first);
    expect(await other.answer()).toEqual(await first);
  });

  test('is answered by another worker when the first one died', async () => {
    const on = await aDataPath();
    const [dead, other] = [aWorker(on, 1), aWorker(on, 2)];
    dead.answer().catch(() => undefined);
    await sleep(30);
    const [answer] = await Promise.all([other.answer(), admit(on, [])]);
    expect(answer.kind).toBe('assistant');
  });

  test.each(['Hold', 'Observe'] as const)('is refused kindly and at once in mode %s', async (mode) => {
    const on = await aDataPath();
    const startedMs = performance.now();
    expect((await aWorker(on, 1, { mode }).answer()).kind).toBe('overflow');
    expect(performance.now() - startedMs).toBeLessThan(1_500);
    const { rows } = await on.database.query('select state, refusal, policy_version::int from attempt');
    expect(rows).toEqual([{ state: 'bound', refusal: 'Overflowed', policy_version: 1 }]);
  });

  test('is answered as unavailable and at once while the pool is guarded', async () => {
    const on = await aDataPath();
    const startedMs = performance.now();
    expect((await aWorker(on, 1, { guarded: true }).answer()).kind).toBe('unavailable');
    expect(performance.now() - startedMs).toBeLessThan(1_500);
    expect((await on.database.query('select state, refusal from attempt')).rows).toEqual([{ state: 'bound', refusal: 'Unavailable' }]);
  });

  test('is answered from memory when the ledger goes away in the middle', async () => {
    const on = await aDataPath();
    const database = openDatabase(on.url, { applicationName: 'doomed', maxConnections: 1, onError: () => undefined });
    const answering = aWorker(on, 1, { database }).answer();
    await vi.waitFor(async () => expect((await on.database.query('select from attempt')).rowCount).toBe(1));
    await sleep(30);
    await database.end();
    expect((await answering).kind).toBe('unavailable');
  });
});
