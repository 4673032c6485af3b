import { describe, expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { openDatabase } from '../../../ledger/database.ts';
import { openActing } from '../../../operator/pool/acting.ts';
import type { Applier } from '../../../operator/pool/apply.ts';
import { type PoolObject, readPool } from '../../../operator/pool/declared.ts';
import { openLedgerLink } from '../../../operator/pool/ledger-link.ts';
import { freshMemory, type Memory } from '../../../operator/pool/memory.ts';
import { openObjects } from '../../../operator/pool/objects.ts';
import type { ObservedDeployment } from '../../../operator/pool/observed.ts';
import { mountedKeys } from '../../../operator/pool/plan/secret-volumes.ts';
import { plannerOf } from '../../../operator/pool/planner.ts';
import { poolWith } from '../../crds/pools.ts';
import { freshLedger } from '../../support/ledger.ts';
import { virtualClock } from '../runtime/virtual-time.ts';

/** How a pool comes to follow an edit, look after look, over a real ledger. Of the cluster there is what it says of the Deployment, in virtual time. */

const never = new AbortController().signal;
const rolledOut: ObservedDeployment = { wanted: 2, replicas: 2, ready: 2, updated: 2, failure: undefined };
const rolling: ObservedDeployment = { ...rolledOut, replicas: 3, updated: 1 };

function aPool(generation: number, changes: Readonly<Record<string, unknown>> = {}): PoolObject {
  const manifest: unknown = parse(
    poolWith({ 'metadata.name': 'sales', 'spec.ledger': { secretRef: { name: 'ledger', key: 'url' } }, ...changes }),
  );
  if (typeof manifest !== 'object' || manifest === null) throw new Error('the sound pool is an object');
  return readPool({ ...manifest, metadata: { name: 'sales', namespace: 'voice', uid: 'uid-1', generation, resourceVersion: '1' } });
}

const anotherKey = { 'spec.subscriptions[0].projects[0].apiKeySecretRef': { name: 'another', key: 'apiKey' } };

async function aWorld() {
  const { database: beside, url } = await freshLedger();
  const database = openDatabase(url, { applicationName: 'operator', maxConnections: 4, onError: () => undefined });
  onTestFinished(() => database.end());
  const clock = virtualClock();
  let deployment: ObservedDeployment | undefined;
  let live: unknown;
  let reachable = true;
  const applier: Applier = {
    apply: async (plan) => {
      live = plan.find(({ kind }) => kind === 'Deployment');
      return { troubles: [], failing: [], failure: undefined, paths: [] };
    },
    haveSeen: () => true,
    newest: () => live,
    isOwnWrite: () => true,
  };
  /** An operator: it knows nothing of what one before it knew. */
  const anOperator = (fence: number) => {
    const open = () =>
      reachable ? Promise.resolve(database) : Promise.reject(Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }));
    const own = { cluster: 'cluster-1', scope: () => 'all' as const, fence, nowMs: clock.nowMs };
    const ledger = openLedgerLink({ open, distrust: () => undefined }, own);
    const cluster = { deployment: () => deployment, poolCount: () => 1 };
    const { planChildren } = plannerOf('trunkline:1')('cluster-1');
    const objects = openObjects({ planChildren, applier, cluster, clock, random: () => 0.5 });
    const onError = (what: string, error: unknown) => expect.unreachable(`${what}: ${String(error)}`);
    const acting = openActing({ ledger, objects, pods: () => [], clock, onError });
    let memory: Memory | undefined;
    const look = async (pool: PoolObject) => {
      memory ??= freshMemory(pool, clock.nowMs());
      const { step, current } = await acting.settle(pool, memory);
      if (current !== undefined) await objects.make(pool, current, memory, never);
      if (step === 'act') await acting.ask(pool, memory);
      if (reachable) await ledger.read();
      return { step, acting: memory.acting?.generation };
    };
    return { look, ledger, keysToTake: (pool: PoolObject) => acting.keysToTake([pool], () => memory) };
  };
  return {
    anOperator,
    clock,
    beside,
    become: (now: ObservedDeployment) => {
      deployment = now;
    },
    reach: (now: boolean) => {
      reachable = now;
    },
    mounts: () => mountedKeys(live).has('another'),
    generations: async () => {
      const { rows } = await beside.query<{ generation: string }>('select generation from policy order by version');
      return rows.map(({ generation }) => Number(generation));
    },
  };
}

/** A pool that runs by its first declaration. */
async function running() {
  const world = await aWorld();
  const operator = world.anOperator(1);
  await operator.look(aPool(1));
  world.become(rolledOut);
  expect(await operator.look(aPool(1))).toEqual({ step: 'ask', acting: 1 });
  return { ...world, operator };
}

describe('an edit that names a new Secret', () => {
  test('is heard of by workers when pods have it', async () => {
    const { operator, become, mounts, generations } = await running();
    expect(await operator.look(aPool(2, anotherKey))).toEqual({ step: 'mount', acting: 1 });
    expect(mounts()).toBe(true);
    become(rolling);
    expect(await operator.look(aPool(2, anotherKey))).toEqual({ step: 'mount', acting: 1 });
    expect(await generations()).toEqual([1]);
    become(rolledOut);
    expect(await operator.look(aPool(2, anotherKey))).toEqual({ step: 'ask', acting: 2 });
    expect(await generations()).toEqual([1, 2]);
  });

  test('is tried again when the ledger was away at first', async () => {
    const { operator, reach, mounts } = await running();
    reach(false);
    expect(await operator.look(aPool(2, anotherKey))).toEqual({ step: 'mount', acting: 1 });
    expect(mounts()).toBe(false);
    reach(true);
    await operator.look(aPool(2, anotherKey));
    expect(mounts()).toBe(true);
  });

  test('is not heard of in the middle of the rollout because of another edit, or of another operator', async () => {
    const { operator, anOperator, become, generations } = await running();
    await operator.look(aPool(2, anotherKey));
    become(rolling);
    const more = aPool(3, { ...anotherKey, 'spec.scaling': { minReplicas: 2, maxReplicas: 9 } });
    expect(await operator.look(more)).toEqual({ step: 'mount', acting: 1 });
    const next = anOperator(2);
    expect(await next.look(more)).toEqual({ step: 'mount', acting: 1 });
    expect(next.ledger.outlook(more).kind, 'what workers act on is read meanwhile').toBe('read');
    expect(await generations()).toEqual([1]);
    become(rolledOut);
    expect(await next.look(more)).toEqual({ step: 'ask', acting: 3 });
    expect(await generations()).toEqual([1, 3]);
  });

  test('is not heard of by an operator that begins in the middle of the rollout while the ledger is away', async () => {
    const { operator, anOperator, become, reach, generations } = await running();
    await operator.look(aPool(2, anotherKey));
    become(rolling);
    reach(false);
    const next = anOperator(2);
    expect(await next.look(aPool(2, anotherKey))).toEqual({ step: 'mount', acting: undefined });
    reach(true);
    expect(await next.look(aPool(2, anotherKey))).toEqual({ step: 'mount', acting: 1 });
    expect(await generations()).toEqual([1]);
  });

  test('is heard of after five minutes of a rollout that hangs, however often the pool is edited meanwhile', async () => {
    const { operator, become, clock } = await running();
    await operator.look(aPool(2, anotherKey));
    become(rolling);
    for (let generation = 3; generation < 8; generation += 1) {
      expect((await operator.look(aPool(generation, anotherKey))).step).toBe('mount');
      await clock.advance(61_000);
    }
    expect((await operator.look(aPool(7, anotherKey))).step).toBe('ask');
  });

  test('gets no pods when the ledger would refuse it', async () => {
    const { operator, beside, mounts } = await running();
    await beside.query(`
      with other as (insert into pool (name) values ('other') returning id)
      insert into subscription_claim (account_id, pool_id, subscription, names) select 'taken', id, 'x', array['x'] from other`);
    const claiming = aPool(2, { ...anotherKey, 'spec.subscriptions[0].accountId': 'taken' });
    await operator.look(claiming);
    expect(operator.ledger.refusal(claiming)).toMatchObject({ refused: 'SubscriptionClaimed' });
    expect(mounts()).toBe(false);
  });
});

test('an operator that begins after an edit that our rules refuse goes by what is in the ledger, and reads it', async () => {
  const { anOperator } = await running();
  const refused = aPool(2, { 'spec.ledger': undefined });
  const next = anOperator(2);
  expect(await next.look(refused)).toEqual({ step: 'refused', acting: 1 });
  expect(next.ledger.outlook(refused).kind).toBe('read');
});

test('the key of a project that was renamed away stays two minutes longer than its last call', async () => {
  const { operator, become, beside, clock, mounts } = await running();
  await operator.look(aPool(2, anotherKey));
  become(rolledOut);
  await operator.look(aPool(2, anotherKey));
  const back = aPool(3);
  expect(await operator.look(back)).toEqual({ step: 'ask', acting: 3 });
  await beside.query(`
    insert into attempt (id, pool_id, class, direction, project, subscription, state, call_id)
    select gen_random_uuid(), id, 'campaign', 'Outbound', 'gone', 'main', 'bound', 'call-1' from pool`);
  const after = async (ms: number) => {
    await clock.advance(ms);
    return (await operator.keysToTake(back)).length;
  };
  expect(await after(300_000), 'a call lives').toBe(0);
  await beside.query(`update attempt set state = 'ended', ended_at = clock_timestamp(), released_at = clock_timestamp()`);
  expect(await after(10_000)).toBe(0);
  expect(await after(110_000)).toBe(0);
  expect(mounts()).toBe(true);
  expect(await after(20_000)).toBe(1);
  await operator.look(back);
  expect(mounts()).toBe(false);
});
