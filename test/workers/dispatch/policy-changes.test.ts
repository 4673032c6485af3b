import { describe, expect, test, vi } from 'vitest';
import { endAttempts } from '../../../ledger/attempts/end.ts';
import { admitted, arrives, declare, enqueue, leads, over, send, sendAdmitted, stage, untilAdmitted, viewOf } from './stage.ts';

describe('while calls live that were begun under an earlier policy', () => {
  const throughTrunk = (manifest: string) =>
    manifest
      .replace('        - name: front\n', '        - name: front\n          upstreams: [trunk]\n')
      .replace('  classes:', '  upstreams: [{name: trunk, concurrencyLimit: 4}]\n  classes:');
  const ofAccount = (manifest: string) => manifest.replace('    - name: main\n', '    - name: main\n      accountId: x\n');
  const inTwoAccounts = (first: string, second: string) => (manifest: string) =>
    manifest.replace('    - name: main\n', `    - name: ${first}\n      accountId: x\n`).replace(
      '\n  classes:',
      `
    - name: ${second}
      accountId: y
      concurrencyLimit: 4
      projects:
        - name: back
          apiKeySecretRef: {name: vapi, key: apiKey}
          assistants: [{name: seller, id: a1}, {name: reception, id: a2}]
  classes:`,
    );
  const elsewhere = (manifest: string) => manifest.replace('name: front', 'name: back').replace('id: n1', 'id: n2');

  test.each([
    {
      change: 'its project is replaced by another on the same trunk',
      limit: 10,
      first: throughTrunk,
      next: (text: string) => elsewhere(throughTrunk(text)),
    },
    {
      change: 'its trunk is renamed',
      limit: 10,
      first: throughTrunk,
      next: (text: string) => throughTrunk(text).replaceAll(/\btrunk\b/g, 'carrier'),
    },
    {
      change: 'the subscription is renamed',
      limit: 4,
      first: ofAccount,
      next: (text: string) => ofAccount(text).replace('- name: main', '- name: east'),
    },
    {
      change: 'the subscription is renamed and the project replaced',
      limit: 4,
      first: ofAccount,
      next: (text: string) => elsewhere(ofAccount(text)).replace('- name: main', '- name: east'),
    },
  ])('no more are begun than before when $change', async ({ limit, first, next }) => {
    const on = await stage(limit, { edit: first });
    await enqueue(on, leads(12));
    const before = await untilAdmitted(on, 4);
    await send(
      on,
      before.map(({ id }) => id),
    );
    await declare(on.database, limit, { edit: next });
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(await admitted(on)).toEqual([]);
    await endAttempts(on.database, on.poolId, [over(before[0]?.id ?? '')]);
    expect(await untilAdmitted(on, 1)).toHaveLength(1);
  });

  test('a caller who waited while the names changed keeps the line of the account that it came in by', async () => {
    const on = await stage(4, { edit: ofAccount, mode: 'Hold' });
    await arrives(on);
    await declare(on.database, 4, { edit: inTwoAccounts('east', 'main') });
    await untilAdmitted(on, 1);
    const { rows } = await on.database.query(
      `select subscription, policy_version = (select max(version) from policy) as by_newest from attempt`,
    );
    expect(rows).toEqual([{ subscription: 'east', by_newest: true }]);
    const inUse = async () => (await viewOf(on)).subscriptions.map(({ name, inUse }: { name: string; inUse: number }) => [name, inUse]);
    const expected = [
      ['east', 1],
      ['main', 0],
    ];
    await vi.waitFor(async () => expect(await inUse()).toEqual(expected), { timeout: 10_000, interval: 50 });
  });

  test('a caller who was entered by a policy that the dispatcher has not seen yet is booked by the names of that policy', async () => {
    const on = await stage(8, { edit: inTwoAccounts('main', 'east') });
    for (let turn = 0; turn < 4; turn += 1) {
      const [first, second] = turn % 2 === 0 ? (['east', 'main'] as const) : (['main', 'east'] as const);
      await declare(on.database, 8, { edit: inTwoAccounts(first, second) });
      await arrives(on, { subscription: first, callId: `call-${turn}` });
      await untilAdmitted(on, turn + 1);
      const { rows } = await on.database.query(
        `select subscription, policy_version = (select max(version) from policy) as by_newest from attempt where call_id = $1`,
        [`call-${turn}`],
      );
      expect(rows).toEqual([{ subscription: first, by_newest: true }]);
    }
  });

  test.each(['Hold', 'Active'])(
    'a caller holds the channel by which the call came when its project is led elsewhere in mode %s',
    async (mode) => {
      const through = (trunk: string) => (manifest: string) =>
        manifest
          .replace('        - name: front\n', `        - name: front\n          upstreams: [${trunk}]\n`)
          .replace('  classes:', '  upstreams: [{name: trunk, concurrencyLimit: 4}, {name: carrier, concurrencyLimit: 4}]\n  classes:');
      const on = await stage(4, { edit: through('trunk'), mode });
      await arrives(on);
      if (mode === 'Active') await untilAdmitted(on, 1);
      await declare(on.database, 4, { edit: through('carrier') });
      await untilAdmitted(on, 1);
      const units = async () =>
        (await viewOf(on)).upstreams.map(({ name, unitsInUse }: { name: string; unitsInUse: number }) => [name, unitsInUse]);
      const policySeen = async () => (await viewOf(on)).policyVersion;
      const { rows } = await on.database.query('select max(version)::int as version from policy');
      await vi.waitFor(async () => expect(await policySeen()).toBe(rows[0]?.['version']), { timeout: 10_000, interval: 50 });
      const expected = [
        ['trunk', 1],
        ['carrier', 0],
      ];
      expect(await units()).toEqual(expected);
      // Also to whoever reads it from the ledger: on the next signal of the call, or as the next dispatcher.
      await on.database.query(`insert into signal (pool_id, kind, attempt_id) select $1, 'bound', id from attempt`, [on.poolId]);
      const unread = async () => (await on.database.query('select from signal')).rowCount;
      await vi.waitFor(async () => expect(await unread()).toBe(0), { timeout: 10_000, interval: 50 });
      await new Promise((resolve) => setTimeout(resolve, 1_200));
      expect(await units()).toEqual(expected);
    },
  );

  test('lines cool for as long as their account needs, whatever it and others are called by then', async () => {
    const current = { longestMs: 0, secondMs: 0, readings: 0 };
    const learned = { 'learned/release-lag/main': { blocks: [6_000], current, trimMs: 0, readings: 'told', dials: 0 } };
    const on = await stage(4, { edit: ofAccount, learned });
    await enqueue(on, leads(8));
    const before = await untilAdmitted(on, 4);
    await send(
      on,
      before.map(({ id }) => id),
    );
    await endAttempts(
      on.database,
      on.poolId,
      before.map(({ id }) => over(id)),
    );
    await new Promise((resolve) => setTimeout(resolve, 500));
    const another = `    - name: main
      accountId: y
      concurrencyLimit: 1
      projects: [{name: other, apiKeySecretRef: {name: vapi, key: apiKey}, assistants: [{name: scribe, id: a9}]}]
    - name: east
`;
    await declare(on.database, 4, { edit: (text) => ofAccount(text).replace('    - name: main\n', another) });
    const lags = async () =>
      (
        await on.database.query(
          `select extract(epoch from released_at - ended_at)::float8 as lag from attempt where released_at is not null`,
        )
      ).rows;
    await vi.waitFor(async () => expect(await lags()).toHaveLength(4), { timeout: 15_000, interval: 100 });
    expect(Math.min(...(await lags()).map(({ lag }) => lag))).toBeGreaterThan(5.9);
    const cooling = async () => (await viewOf(on)).subscriptions.map((one: { name: string; cooling: number }) => [one.name, one.cooling]);
    const expected = [
      ['main', 0],
      ['east', 0],
    ];
    await vi.waitFor(async () => expect(await cooling()).toEqual(expected), { timeout: 10_000, interval: 50 });
  });

  test('a policy of a newer release among those before keeps no dispatcher from its work', async () => {
    const on = await stage(4, { edit: ofAccount });
    await on.database.query(
      `insert into policy (pool_id, spec) select pool_id, jsonb_set(spec, '{subscriptions}', '{"main": {}}') from policy`,
    );
    await declare(on.database, 4, { edit: (text) => ofAccount(text).replace('- name: main', '- name: east') });
    await enqueue(on, leads(1));
    await untilAdmitted(on, 1);
    const named = async () => (await viewOf(on)).subscriptions.map((one: { name: string; inUse: number }) => [one.name, one.inUse]);
    await vi.waitFor(async () => expect(await named()).toEqual([['east', 1]]), { timeout: 10_000, interval: 50 });
  });

  test('what was learned of a renamed subscription goes on', async () => {
    const learned = {
      'learned/ceiling/main': { learned: 2, foreign: 0, suspected: null, probe: { atMs: Date.now() + 60_000, delayMs: 60_000, step: 1 } },
    };
    const on = await stage(10, { edit: ofAccount, learned });
    await enqueue(on, leads(5));
    await sendAdmitted(on, 2);
    await declare(on.database, 10, { edit: (text) => ofAccount(text).replace('- name: main', '- name: east') });
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(await admitted(on)).toEqual([]);
    expect((await viewOf(on)).subscriptions).toMatchObject([{ name: 'east', learnedLimit: 2, inUse: 2 }]);
  });
});
