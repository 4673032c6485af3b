import { readFile } from 'node:fs/promises';
import { pino } from 'pino';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { readManifest } from '../../crds/manifest.ts';
import type { PoolManifest } from '../../crds/pool.ts';
import { poolName } from '../../crds/values.ts';
import { readPolicy, writePolicy } from '../../ledger/policy.ts';
import { readDeclaredLines } from '../../ledger/policy-lines.ts';
import { SubscriptionClaimed } from '../../ledger/pools/accounts.ts';
import { PolicyUnreadable } from '../../ledger/stored-policy.ts';
import { watchPolicy } from '../../workers/policy-watch.ts';
import { freshLedger } from '../support/ledger.ts';

async function trial(): Promise<PoolManifest> {
  const read = readManifest(await readFile(new URL('../../crds/samples/trial.yaml', import.meta.url), 'utf8'), 'trial.yaml');
  if (!read.ok) throw new Error(JSON.stringify(read.problems));
  return read.manifest;
}

describe('the policy in the ledger', () => {
  test('is written once as long as it stays the same', async () => {
    const { database } = await freshLedger();
    const { metadata, spec } = await trial();
    const first = await writePolicy(database, metadata.name, spec);
    expect(await writePolicy(database, metadata.name, spec)).toEqual(first);
    const changed = await writePolicy(database, metadata.name, { ...spec, mode: 'Hold' });
    expect(changed.version).toBeGreaterThan(first.version);
  });

  test('claims its accounts: no second pool gets them', async () => {
    const { database } = await freshLedger();
    const { metadata, spec } = await trial();
    await writePolicy(database, metadata.name, spec);
    await expect(writePolicy(database, poolName.parse('other'), spec)).rejects.toThrow(SubscriptionClaimed);
    const { rows } = await database.query(`select name from pool`);
    expect(rows).toEqual([{ name: metadata.name }]);
  });

  test('keeps removed projects at hand, so that their calls are watched to the end', async () => {
    const { database } = await freshLedger();
    const { metadata, spec } = await trial();
    const [main, second] = spec.subscriptions;
    if (main === undefined || second === undefined) throw new Error('the sample has two subscriptions');
    await writePolicy(database, metadata.name, spec);
    await writePolicy(database, metadata.name, { ...spec, subscriptions: [main] });
    const inForce = await watchPolicy(database, metadata.name, pino({ level: 'silent' }));
    onTestFinished(() => inForce.stop());
    expect(inForce.policy().projects.map(({ name }) => name)).toEqual(['main-front', 'main-sales']);
    expect(inForce.formerProjects().map(({ name }) => name)).toEqual(['second-sales']);
  });

  test('keeps a removed project at hand as long as a call of it lives, however often the policy changes', async () => {
    const { database } = await freshLedger();
    const { metadata, spec } = await trial();
    const [main] = spec.subscriptions;
    if (main === undefined) throw new Error('the sample has subscriptions');
    const { poolId } = await writePolicy(database, metadata.name, spec);
    await database.query(
      `insert into attempt (id, pool_id, direction, project, subscription, state) values (gen_random_uuid(), $1, 'Outbound', 'second-sales', 'second', 'bound')`,
      [poolId],
    );
    const edit = async (times: number) => {
      for (let index = 0; index < times; index += 1) {
        const mode = index % 2 === 0 ? 'Hold' : 'Active';
        await writePolicy(database, metadata.name, { ...spec, subscriptions: [main], mode });
      }
      const inForce = await watchPolicy(database, metadata.name, pino({ level: 'silent' }));
      inForce.stop();
      return inForce.formerProjects().map(({ name }) => name);
    };
    expect(await edit(30)).toEqual(['second-sales']);
    expect((await database.query('select from policy')).rowCount).toBe(21);
    await database.query(`update attempt set state = 'ended', released_at = clock_timestamp()`);
    expect(await edit(2)).toEqual([]);
    expect((await database.query('select from policy')).rowCount).toBe(20);
  });

  test('of a new pool is written once by several who declare it at the same time', async () => {
    const { database } = await freshLedger();
    const { metadata, spec } = await trial();
    const written = await Promise.all(Array.from({ length: 8 }, () => writePolicy(database, metadata.name, spec)));
    expect(new Set(written.map(({ poolId, version }) => `${poolId} ${version}`)).size).toBe(1);
    expect((await database.query('select from policy')).rowCount).toBe(1);
  });

  test.each(['policy_version', 'entered_version'])('is kept as long as a call lives that has it as its %s', async (column) => {
    const { database } = await freshLedger();
    const { metadata, spec } = await trial();
    const { poolId, version } = await writePolicy(database, metadata.name, spec);
    await database.query(
      `insert into attempt (id, pool_id, direction, project, subscription, state, policy_version, entered_version)
       values (gen_random_uuid(), $1, 'Outbound', 'main-front', 'main', 'bound', $2 + 1, $2 + 1)`,
      [poolId, version],
    );
    await database.query(`update attempt set ${column} = $1`, [version]);
    for (let index = 0; index < 25; index += 1)
      await writePolicy(database, metadata.name, { ...spec, mode: index % 2 === 0 ? 'Hold' : 'Active' });
    const { declared } = await readDeclaredLines(database, poolId);
    expect(declared.at(-1)).toEqual({
      version,
      subscriptions: spec.subscriptions.map((one) => expect.objectContaining({ name: one.name, accountId: one.accountId })),
      projects: spec.subscriptions.flatMap((one) =>
        one.projects.map(({ name, upstreams }) => ({ name, upstreams, subscription: one.name })),
      ),
      upstreams: spec.upstreams.map(({ name }) => name),
    });
  });
});

describe('a policy that an earlier release stored', () => {
  const emptyFrom = `update policy set spec = jsonb_set(spec, '{classes}',
    (select jsonb_agg('{"from": {"matchLabels": {}}}' || class) from jsonb_array_elements(spec->'classes') class))`;
  const unreadable = `update policy set spec = spec || '{"mode": "Invented"}'`;

  test('with the empty `from` that every class had then is read as if it had none', async () => {
    const { database } = await freshLedger();
    const { metadata, spec } = await trial();
    await writePolicy(database, metadata.name, spec);
    await database.query(emptyFrom);
    expect((await readPolicy(database, metadata.name))?.spec).toEqual(spec);
  });

  test('with a `from` that says something on an Inbound class stays unreadable, and the field is named', async () => {
    const { database } = await freshLedger();
    const { metadata, spec } = await trial();
    await writePolicy(database, metadata.name, spec);
    await database.query(`update policy set spec = jsonb_set(spec, '{classes,0,from}', '{"matchLabels": {"use": "vip"}}')`);
    const reading = readPolicy(database, metadata.name);
    await expect(reading).rejects.toThrow(PolicyUnreadable);
    await expect(reading).rejects.toThrow(/classes\[0\]\.from is for outbound/);
  });

  test('keeps the projects that were removed since at hand; what cannot be read of it is logged', async () => {
    const { database } = await freshLedger();
    const { metadata, spec } = await trial();
    const [main, second] = spec.subscriptions;
    if (main === undefined || second === undefined) throw new Error('the sample has two subscriptions');
    await writePolicy(database, metadata.name, { ...spec, mode: 'Hold' });
    await database.query(unreadable);
    const { version } = await writePolicy(database, metadata.name, spec);
    await database.query(`${emptyFrom} where version = $1`, [version]);
    await writePolicy(database, metadata.name, { ...spec, subscriptions: [main] });
    const lines: string[] = [];
    const inForce = await watchPolicy(database, metadata.name, pino({}, { write: (line) => lines.push(line) }));
    onTestFinished(() => inForce.stop());
    expect(inForce.formerProjects().map(({ name }) => name)).toEqual(['second-sales']);
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ policies: [expect.stringMatching(/^former policy \d+: mode/)] }]);
  });
});

describe('a policy that a newer release stored', () => {
  test('is read without the fields that this one does not know, and they are named', async () => {
    const { database } = await freshLedger();
    const { metadata, spec } = await trial();
    const handler = { module: 'logic.ts', timeout: '5s', stateful: false };
    await writePolicy(database, metadata.name, { ...spec, handler });
    await database.query(`update policy set spec =
      jsonb_set(jsonb_set(spec || '{"invented": {"deep": 1}}', '{classes,1,invented}', '[1]'), '{handler,invented}', 'true')`);
    expect(await readPolicy(database, metadata.name)).toMatchObject({
      spec: { ...spec, handler },
      ignored: expect.arrayContaining(['invented', 'classes[1].invented', 'handler.invented']),
      rejected: undefined,
    });
  });

  test('and that cannot be read leaves the last readable one in force, for whoever starts and for whoever runs', async () => {
    const { database } = await freshLedger();
    const { metadata, spec } = await trial();
    const { version } = await writePolicy(database, metadata.name, spec);
    const running = await watchPolicy(database, metadata.name, pino({ level: 'silent' }));
    onTestFinished(() => running.stop());
    const newer = await writePolicy(database, metadata.name, { ...spec, mode: 'Hold' });
    await database.query(`update policy set spec = spec || '{"mode": "Invented"}' where version = $1`, [newer.version]);
    const starting = await watchPolicy(database, metadata.name, pino({ level: 'silent' }));
    onTestFinished(() => starting.stop());
    await vi.waitFor(() => expect(running.rejected()).toBeDefined(), { timeout: 5_000 });
    for (const worker of [running, starting]) {
      expect([worker.version(), worker.spec().mode]).toEqual([version, 'Active']);
      expect(worker.rejected()).toEqual({ version: newer.version, detail: expect.stringContaining('mode') });
    }
  });

  test('is forgotten after twenty newer ones of its own pool, however many others write', async () => {
    const { database } = await freshLedger();
    const { metadata, spec } = await trial();
    const other = { ...spec, subscriptions: spec.subscriptions.map(({ accountId: _claimed, ...rest }) => rest) };
    const retention = (hours: number) => ({ ...spec.retention, sessions: `${hours}h` });
    for (let hours = 200; hours < 225; hours += 1) {
      await writePolicy(database, metadata.name, { ...spec, retention: retention(hours) });
      await writePolicy(database, poolName.parse('other'), { ...other, retention: retention(hours) });
    }
    const { rows } = await database.query(
      'select name, count(*)::int as kept from policy o join pool p on p.id = o.pool_id group by name order by name',
    );
    expect(rows).toEqual(
      [
        { name: 'other', kept: 20 },
        { name: metadata.name, kept: 20 },
      ].sort((a, b) => (a.name < b.name ? -1 : 1)),
    );
  });

  test.each([
    ['subscriptions are no list', `'{subscriptions}', '{"main": {}}'`],
    ['upstreams have traits', `'{subscriptions,0,projects,0,upstreams}', '[{"name": "trunk"}]'`],
    ['names are others', `'{subscriptions,0,name}', '"Main_Of_Newer"'`],
  ])('of a newer release says nothing of lines when its %s, and keeps no other from saying it', async (_what, edit) => {
    const { database } = await freshLedger();
    const { metadata, spec } = await trial();
    const { poolId, version } = await writePolicy(database, metadata.name, spec);
    await database.query(`insert into policy (pool_id, spec) select pool_id, jsonb_set(spec, ${edit}) from policy`);
    const { declared, unreadable } = await readDeclaredLines(database, poolId);
    expect(declared.map((policy) => policy.version)).toEqual([version]);
    expect(unreadable).toHaveLength(1);
  });
});
