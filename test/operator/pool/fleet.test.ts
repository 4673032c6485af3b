import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { FleetReading } from '../../../capacity/scaling/fleet.ts';
import type { PoolStanding, StandingWorker } from '../../../ledger/pools/readings.ts';
import { type Compiled, readPool } from '../../../operator/pool/declared.ts';
import { beforeStartMs, type Fleet, type FleetLook, mayBegin, stepFleet } from '../../../operator/pool/fleet.ts';
import type { LedgerOutlook, LedgerRefusal, ObservedDeployment, ObservedPod } from '../../../operator/pool/observed.ts';

async function full(): Promise<Compiled> {
  const manifest: unknown = parse(await readFile(new URL('../../../crds/samples/full.yaml', import.meta.url), 'utf8'));
  if (typeof manifest !== 'object' || manifest === null) throw new Error('the sample is a manifest');
  const metadata = { name: 'full', namespace: 'voice', uid: 'uid-1', generation: 1, resourceVersion: '10' };
  const { declared } = readPool({ ...manifest, metadata });
  if (!declared.accepted) throw new Error(declared.problems.join('; '));
  return declared;
}

const pod = (name: string, more: Partial<ObservedPod> = {}): ObservedPod => ({
  name,
  ready: true,
  terminating: false,
  createdMs: 0,
  restarted: false,
  runsSinceMs: 0,
  waiting: undefined,
  ...more,
});
const deployment = (wanted: number): ObservedDeployment => ({
  wanted,
  replicas: wanted,
  ready: wanted,
  updated: wanted,
  failure: undefined,
});
const worker = (name: string, more: Partial<StandingWorker> = {}): StandingWorker => ({
  name,
  state: 'serving',
  beatAgeMs: 100,
  appliedGeneration: 1,
  troubles: [],
  drainAsked: false,
  ...more,
});
const standingOf = (...workers: readonly StandingWorker[]): PoolStanding => ({
  poolId: 1,
  ledgerId: 'l',
  closed: false,
  newest: undefined,
  workers,
  holds: [],
});
const idle: FleetReading = { seen: undefined, due: new Map(), workers: [] };

async function look(more: Partial<FleetLook> = {}): Promise<FleetLook> {
  return {
    compiled: await full(),
    pods: [],
    deployment: undefined,
    begunWith: undefined,
    standing: undefined,
    load: undefined,
    ageMs: 0,
    wallMs: 1_000_000,
    nowMs: 5_000,
    ...more,
  };
}

describe('a fleet is decided on for the first time', () => {
  const read: LedgerOutlook = { kind: 'read', standing: standingOf(), load: undefined, ageMs: 0, room: undefined };
  const away = (sinceMs: number): LedgerOutlook => ({ kind: 'away', how: 'Unreachable', sinceMs, message: 'refused' });
  const claimed: LedgerRefusal = { kind: 'refused', refused: 'SubscriptionClaimed', message: 'taken' };
  test.each<{ what: string; ledger: LedgerOutlook; refusal?: LedgerRefusal; may: boolean }>([
    { what: 'not before the ledger was read: it says who was asked to leave', ledger: { kind: 'not-asked' }, may: false },
    { what: 'once it was', ledger: read, may: true },
    { what: 'when the ledger refuses the pool, and is never read for it', ledger: { kind: 'not-asked' }, refusal: claimed, may: true },
    { what: 'not while the ledger may come back', ledger: away(995_000), may: false },
    { what: 'when it has been away for a minute', ledger: away(940_000), may: true },
  ])('$what', ({ ledger, refusal, may }) => {
    expect(mayBegin({ ledger, refusal }, 1_000_000)).toBe(may);
  });
});

describe('a fleet at the first look', () => {
  test('of a new pool has as many workers as the pool has at least', async () => {
    const at = await look();
    const { fleet } = stepFleet(undefined, at);
    expect(fleet.givingUp.replicas).toBe(at.compiled.scaling.minReplicas);
  });

  test('after a restart of the operator stays as large as it runs', async () => {
    const pods = ['a', 'b', 'c', 'd'].map((name) => pod(name));
    const { fleet, step } = stepFleet(undefined, await look({ pods, deployment: deployment(4), load: idle }));
    expect(fleet.givingUp.replicas).toBe(4);
    expect(step.decision.replicas).toBe(4);
  });

  test('in the middle of a rollout does not take the pods beyond the replicas for wanted', async () => {
    const pods = ['a', 'b', 'c', 'd', 'new'].map((name) => pod(name));
    const { fleet, step } = stepFleet(
      undefined,
      await look({ pods, deployment: { ...deployment(4), replicas: 5, updated: 1 }, load: idle }),
    );
    expect(fleet.givingUp.replicas).toBe(4);
    expect(step.decision.workers).toEqual({ serving: 4, starting: 0, draining: 0 });
  });

  test('starts from what this operator made, whatever hands have made of it since', async () => {
    const { fleet } = stepFleet(undefined, await look({ deployment: deployment(9), begunWith: 2, load: idle }));
    expect(fleet.givingUp.replicas).toBe(2);
  });

  test('takes over the drains that an operator before it has asked for', async () => {
    const standing = standingOf(worker('a'), worker('b', { state: 'drained', drainAsked: true }));
    const pods = [pod('a'), pod('b', { ready: false }), pod('c')];
    const { fleet } = stepFleet(undefined, await look({ pods, deployment: deployment(3), standing, load: idle }));
    expect([...fleet.givingUp.leaving.keys()]).toEqual(['b']);
    expect(fleet.givingUp.replicas).toBe(2);
  });
});

describe('a fleet whose ledger is away', () => {
  test('stays as it is, for as long as that lasts', async () => {
    const pods = ['a', 'b', 'c', 'd'].map((name) => pod(name));
    let fleet: Fleet | undefined;
    for (let tick = 0; tick < 400; tick += 1) {
      fleet = stepFleet(fleet, await look({ pods, deployment: deployment(4), wallMs: 1_000_000 + tick * 2_000 })).fleet;
      expect(fleet.givingUp).toEqual({ replicas: 4, leaving: new Map() });
    }
    expect(fleet?.lastDecision.decision.reason.kind).toBe('SignalsUnknown');
  });

  test('lets nobody go whom it has asked to drain before: what they hold is not known', async () => {
    const standing = standingOf(worker('a'), worker('b', { drainAsked: true }), worker('c'));
    const pods = [pod('a'), pod('b', { ready: false }), pod('c')];
    const before = stepFleet(undefined, await look({ pods, deployment: deployment(3), standing, load: idle })).fleet;
    expect([...before.givingUp.leaving.keys()]).toEqual(['b']);
    expect(before.givingUp.replicas, 'it has not said yet that it drains').toBe(3);
    const blind = stepFleet(before, await look({ pods, deployment: deployment(3), nowMs: 600_000 })).fleet;
    expect(blind.givingUp.replicas).toBe(3);
  });
});

test('a worker is on its way from the making of its pod, which tells nothing any more once it was started again', () => {
  const pods = [
    pod('a', { runsSinceMs: 30_000 }),
    pod('b', { runsSinceMs: 900_000, restarted: true }),
    pod('c', { runsSinceMs: undefined }),
  ];
  expect(beforeStartMs(pods)).toEqual(new Map([['a', 30_000]]));
});

describe('a fleet that has become larger than it may be', () => {
  const names = ['a', 'b', 'c', 'd'];
  const found = { pods: names.map((name) => pod(name)), standing: standingOf(...names.map((name) => worker(name))), load: idle };

  test.each([
    { what: 'lets a worker go', updated: 4, leaving: 1 },
    { what: 'lets nobody go while it is rolled out: those that go are going already', updated: 3, leaving: 0 },
  ])('$what', async ({ updated, leaving }) => {
    const compiled = await full();
    const before = stepFleet(undefined, await look({ ...found, deployment: deployment(4) })).fleet;
    const { fleet, step } = stepFleet(
      before,
      await look({
        ...found,
        compiled: { ...compiled, scaling: { ...compiled.scaling, maxReplicas: 3 } },
        deployment: { ...deployment(4), updated },
      }),
    );
    expect(step.decision.replicas).toBe(3);
    expect(fleet.givingUp.leaving.size).toBe(leaving);
  });
});

describe('workers are counted', () => {
  test.each([
    { what: 'serving when they are ready', pods: [pod('a'), pod('b')], wanted: 2, expected: { serving: 2, starting: 0, draining: 0 } },
    {
      what: 'starting when they are not',
      pods: [pod('a'), pod('b', { ready: false })],
      wanted: 2,
      expected: { serving: 1, starting: 1, draining: 0 },
    },
    { what: 'starting before the cluster has made them', pods: [pod('a')], wanted: 3, expected: { serving: 1, starting: 2, draining: 0 } },
    {
      what: 'draining while they end',
      pods: [pod('a'), pod('b'), pod('c', { terminating: true })],
      wanted: 2,
      expected: { serving: 2, starting: 0, draining: 1 },
    },
  ])('as $what', async ({ pods, wanted, expected }) => {
    const { step } = stepFleet(undefined, await look({ pods, deployment: deployment(wanted), load: idle }));
    expect(step.decision.workers).toEqual(expected);
  });
});
