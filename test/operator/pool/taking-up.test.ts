import { describe, expect, test } from 'vitest';
import { poolKey, poolName } from '../../../crds/values.ts';
import { planChildren } from '../../../operator/pool/plan/children.ts';
import { keysOf, mountedKeys, type SecretKeys } from '../../../operator/pool/plan/secret-volumes.ts';
import { mountsWithinMs, type Newest, nextStep, type Running, wantedKeys } from '../../../operator/pool/taking-up.ts';
import { declaredWith } from './status/observed.ts';

const keys = (...names: readonly string[]): SecretKeys => new Map(names.map((name) => [name, ['apiKey']]));
const rolledOut = { wanted: 2, replicas: 2, ready: 2, updated: 2, failure: undefined };
const running = (more: Partial<Running> = {}): Running => ({
  acting: { generation: 1, keys: keys('north') },
  deployment: rolledOut,
  mounted: () => keys('north'),
  isSeen: true,
  leaversServe: () => false,
  mountingMs: undefined,
  ...more,
});
const newest = (more: Partial<Newest> = {}): Newest => ({ generation: 2, keys: keys('north'), ...more });
const north = newest();
const withSouth = newest({ keys: keys('north', 'south') });
const bothMounted = () => keys('north', 'south');

describe('a newer declaration', () => {
  test.each<{ what: string; of: Newest; on: Running; step: string }>([
    {
      what: 'of a pool of which nothing runs is acted on at once',
      of: north,
      on: running({ acting: undefined, deployment: undefined }),
      step: 'act',
    },
    { what: 'that our rules refuse changes nothing', of: newest({ keys: undefined }), on: running(), step: 'refused' },
    { what: 'is put to the ledger before anything is made of it', of: north, on: running(), step: 'ask' },
    { what: 'is put to it by an operator that has just begun, too', of: north, on: running({ acting: undefined }), step: 'ask' },
    { what: 'is put to it though hands have deleted the Deployment', of: north, on: running({ deployment: undefined }), step: 'ask' },
    { what: 'that names a new Secret waits until pods have it', of: withSouth, on: running(), step: 'mount' },
    {
      what: 'waits while some pods have it',
      of: withSouth,
      on: running({ mounted: bothMounted, mountingMs: 4_000, deployment: { ...rolledOut, updated: 1 } }),
      step: 'mount',
    },
    {
      what: 'waits while the cluster tells of the time before',
      of: withSouth,
      on: running({ mounted: bothMounted, mountingMs: 4_000, isSeen: false }),
      step: 'mount',
    },
    {
      what: 'waits while a pod that lacks it still takes work on its way out',
      of: withSouth,
      on: running({ mounted: bothMounted, mountingMs: 9_000, leaversServe: () => true }),
      step: 'mount',
    },
    {
      what: 'is put to the ledger when all pods have it',
      of: withSouth,
      on: running({ mounted: bothMounted, mountingMs: 9_000 }),
      step: 'ask',
    },
    {
      what: 'waits for a rollout that gives the keys and began before this operator, or with the edit before',
      of: withSouth,
      on: running({ mounted: bothMounted, deployment: { ...rolledOut, updated: 1 } }),
      step: 'mount',
    },
    {
      what: 'that names no new Secret does not wait for a rollout',
      of: north,
      on: running({ deployment: { ...rolledOut, updated: 1 } }),
      step: 'ask',
    },
    {
      what: 'is put to it after five minutes of a rollout that hangs',
      of: withSouth,
      on: running({ mountingMs: mountsWithinMs }),
      step: 'ask',
    },
    { what: 'does not wait where nobody serves', of: withSouth, on: running({ deployment: { ...rolledOut, ready: 0 } }), step: 'ask' },
  ])('$what', ({ of, on, step }) => {
    expect(nextStep(of, on)).toBe(step);
  });

  test.each([
    { ready: 0, step: 'act' },
    { ready: 2, step: 'ask' },
  ])('that is acted on already, with $ready workers that serve, is a matter of $step', ({ ready, step }) => {
    expect(nextStep(newest({ generation: 1 }), running({ deployment: { ...rolledOut, ready } }))).toBe(step);
  });
});

describe('pods have the keys', () => {
  const wanted = (of: Partial<Parameters<typeof wantedKeys>[0]>) => {
    const acting = keys('north');
    const found = wantedKeys({ acting, newest: acting, mounted: acting, formerCalls: 'may live', ...of });
    return { names: [...found.keys.keys()], surplus: found.surplus };
  };
  test.each([
    { what: 'of the declaration that is acted on', of: {}, names: ['north'], surplus: false },
    { what: 'of a newer one before it is acted on', of: { newest: keys('north', 'south') }, names: ['north', 'south'], surplus: false },
    {
      what: 'of a project that was removed while its calls may live',
      of: { mounted: keys('gone', 'north') },
      names: ['gone', 'north'],
      surplus: true,
    },
    {
      what: 'of none that was removed when they are over',
      of: { mounted: keys('gone', 'north'), formerCalls: 'over' as const },
      names: ['north'],
      surplus: true,
    },
    { what: 'that they had, when the newest is refused', of: { newest: undefined }, names: ['north'], surplus: false },
  ])('$what', ({ of, names, surplus }) => {
    expect(wanted(of)).toEqual({ names, surplus });
  });

  test('which are read back from what was planned', () => {
    const { declared } = declaredWith({});
    if (!declared.accepted) throw new Error(declared.problems.join());
    const pool = { name: poolName.parse('sales'), namespace: 'voice', uid: 'u1' };
    const children = planChildren({
      pool,
      spec: declared.spec,
      poolKey: poolKey.parse('c/voice/sales'),
      image: 'trunkline:1',
      replicas: 2,
    });
    const deployment = children.find(({ kind }) => kind === 'Deployment');
    expect(mountedKeys(deployment)).toEqual(keysOf(declared.spec));
    expect(mountedKeys(undefined).size).toBe(0);
  });
});
