import { expect, test } from 'vitest';
import { poolName, projectName } from '../../crds/values.ts';
import { claimOrgs, noteOrg } from '../../ledger/orgs.ts';
import { type PoolId, writePolicy } from '../../ledger/policy.ts';
import { freshLedger } from '../support/ledger.ts';
import { salesPool } from '../workers/intake/serving.ts';

const [north, south] = [projectName.parse('north'), projectName.parse('south')];

/** Two pools on one ledger, and what each says of its projects. */
async function twoPools() {
  const { database } = await freshLedger();
  const { subscriptions, ...others } = salesPool.spec;
  const spec = { ...others, subscriptions: subscriptions.map(({ accountId: _, ...one }) => one) };
  const pool = async (name: string) => {
    const declare = async (projects: readonly string[]) => {
      const rest = spec.subscriptions.map((one) => ({
        ...one,
        projects: one.projects.filter((project) => projects.includes(project.name)),
      }));
      return writePolicy(database, poolName.parse(name), { ...spec, subscriptions: rest });
    };
    const { poolId } = await writePolicy(database, poolName.parse(name), spec);
    await database.query(`insert into worker (pool_id, name, state) values ($1, 'w', 'serving')`, [poolId]);
    return {
      declare,
      calls: (project: typeof north, state: 'bound' | 'ended') =>
        database.query(
          `insert into attempt (id, pool_id, direction, project, subscription, state, released_at)
           values (gen_random_uuid(), $1, 'Outbound', $2, 'main', $3, case when $3 = 'ended' then clock_timestamp() end)`,
          [poolId, project, state],
        ),
      heardOfBefore: (minutes: number) =>
        database.query(`update worker set state = 'gone', beat_at = clock_timestamp() - $2 * interval '1 min' where pool_id = $1`, [
          poolId,
          minutes,
        ]),
      heard: (project: typeof north, orgId: string) => noteOrg(database, poolId, project, orgId),
      elsewhere: async (projects = [north, south]) => [...(await claimOrgs(database, poolId, projects))],
    };
  };
  const owners = async () => {
    const { rows } = await database.query<{ org_id: string; pool_id: PoolId }>('select org_id, pool_id from org_claim order by org_id');
    return rows.map(({ org_id, pool_id }) => [org_id, pool_id]);
  };
  return { first: await pool('first'), second: await pool('second'), owners };
}

test('an org belongs to the pool that claimed it first; another one’s project with it is told', async () => {
  const { first, second } = await twoPools();
  await first.heard(north, 'org-1');
  expect(await first.elsewhere()).toEqual([]);
  await second.heard(south, 'org-1');
  await second.heard(north, 'org-2');
  expect(await second.elsewhere()).toEqual(['south']);
  expect(await first.elsewhere()).toEqual([]);
});

test('several projects of one pool may have one org', async () => {
  const { first, owners } = await twoPools();
  await first.heard(north, 'org-1');
  await first.heard(south, 'org-1');
  expect(await first.elsewhere()).toEqual([]);
  expect(await owners()).toEqual([['org-1', 1]]);
});

test('a pool that drops the project, or changes its key, gives the org up to who waits for it', async () => {
  const { first, second, owners } = await twoPools();
  await first.heard(north, 'org-1');
  await first.heard(south, 'org-2');
  await first.elsewhere();
  await second.heard(north, 'org-1');
  await second.heard(south, 'org-2');
  expect(await second.elsewhere()).toEqual(['north', 'south']);

  await first.declare(['south']);
  expect(await first.elsewhere([south])).toEqual([]);
  await second.elsewhere();
  expect(await second.elsewhere()).toEqual(['south']);

  await first.heard(south, 'org-3');
  await first.elsewhere([south]);
  await second.elsewhere();
  expect(await second.elsewhere()).toEqual([]);
  expect(await owners()).toEqual([
    ['org-1', 2],
    ['org-2', 2],
    ['org-3', 1],
  ]);
  expect(await first.elsewhere()).toEqual(['north']);
});

test('what the provider does not name is claimed by nobody', async () => {
  const { first, second, owners } = await twoPools();
  await first.heard(north, '');
  await second.heard(north, '');
  expect([await first.elsewhere(), await second.elsewhere(), await owners()]).toEqual([[], [], []]);
});

test('two that claim at the same time: one gets it, and the other knows with its next look', async () => {
  const { first, second } = await twoPools();
  await Promise.all([first.heard(north, 'org-1'), second.heard(north, 'org-1')]);
  await Promise.all([first.elsewhere(), second.elsewhere()]);
  const told = [await first.elsewhere(), await second.elsewhere()];
  expect(told.map(({ length }) => length).sort()).toEqual([0, 1]);
});

test('the orgs of a pool that is gone are free for another one; not of one that restarts, or still has a call', async () => {
  const { first, second, owners } = await twoPools();
  await first.heard(north, 'org-1');
  await first.elsewhere();
  await first.calls(south, 'ended');
  await second.heard(south, 'org-1');
  await first.heardOfBefore(5);
  expect(await second.elsewhere()).toEqual(['south']);

  await first.heardOfBefore(11);
  expect(await second.elsewhere()).toEqual([]);
  expect(await owners()).toEqual([['org-1', 2]]);

  await second.calls(south, 'bound');
  await second.heardOfBefore(11);
  expect(await first.elsewhere()).toEqual(['north']);
});

test('a worker that acts on an older policy does not give up what the newest declares, nor what has calls', async () => {
  const { first, owners } = await twoPools();
  await first.heard(north, 'org-1');
  await first.heard(south, 'org-2');
  await first.elsewhere();
  await first.elsewhere([north]);
  expect(await owners()).toEqual([
    ['org-1', 1],
    ['org-2', 1],
  ]);

  await first.declare(['north']);
  await first.calls(south, 'bound');
  await first.elsewhere([north]);
  expect(await owners()).toHaveLength(2);
});
