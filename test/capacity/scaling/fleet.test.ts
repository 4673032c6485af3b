import { describe, expect, test } from 'vitest';
import { type FleetReading, type FleetView, signalsOf, type WorkerReading } from '../../../capacity/scaling/fleet.ts';
import { poolName } from '../../../crds/values.ts';
import { aPolicy } from './given.ts';

const view: FleetView = {
  pool: poolName.parse('sales'),
  atMs: 0,
  epoch: 1,
  policyVersion: 1,
  mode: 'Active',
  holds: { pool: false, classes: [] },
  slots: { inUse: 42, ceiling: 98, limit: 100 },
  subscriptions: [],
  projects: [],
  classes: [],
  callsPerSecond: 2,
  load: { arrivalsPerSecond: 0.5, sessionMs: 90_000 },
};

/** What a dispatcher of an earlier release shows. */
const { load: _, ...withoutLoad } = view;

const worker = (name: string, over: Partial<WorkerReading> = {}): WorkerReading => ({
  name,
  state: 'serving',
  beatAgeMs: 400,
  startedInMs: 2_000,
  sessions: 0,
  dispatching: false,
  latencyMs: { '25': 100 },
  ...over,
});

const workers = { serving: 2, starting: 1, draining: 0 };
const signals = (reading: Partial<FleetReading> | undefined, beforeStartMs?: ReadonlyMap<string, number>) =>
  signalsOf(reading === undefined ? undefined : { seen: { view, ageMs: 300 }, due: new Map(), workers: [worker('a')], ...reading }, {
    policy: { subscriptions: [] },
    scaling: aPolicy(),
    workers,
    ageMs: 100,
    ...(beforeStartMs === undefined ? {} : { beforeStartMs }),
  });

describe('the signals of a pool', () => {
  test('are those of its dispatcher and its workers, each as old as it is', () => {
    expect(
      signals({ workers: [worker('a', { sessions: 3 }), worker('b', { latencyMs: { '25': 10, '750': 90 }, beatAgeMs: 900 })] }),
    ).toEqual({
      workers,
      slotsInUse: { value: 42, ageMs: 400 },
      ceiling: { value: 98, ageMs: 400 },
      backlog: { value: 0, ageMs: 400 },
      oldestWaitMs: { value: 0, ageMs: 400 },
      workerLatencyMs: { value: 750, ageMs: 1_000 },
      arrivalsPerSecond: { value: 0.5, ageMs: 400 },
      busyWorkers: { value: 1, ageMs: 1_000 },
      startUpMs: 2_000,
      sessionMs: 90_000,
    });
  });

  test.each([
    {
      name: 'everything, without a reading',
      reading: undefined,
      missing: ['slotsInUse', 'ceiling', 'backlog', 'workerLatencyMs', 'arrivalsPerSecond'],
    },
    {
      name: 'load, without a dispatcher',
      reading: { seen: undefined },
      missing: ['slotsInUse', 'ceiling', 'backlog', 'oldestWaitMs', 'arrivalsPerSecond'],
    },
    {
      name: 'arrivals, under a dispatcher that does not count them',
      reading: { seen: { view: withoutLoad, ageMs: 0 } },
      missing: ['arrivalsPerSecond'],
    },
    { name: 'latency and who is busy, without workers', reading: { workers: [] }, missing: ['workerLatencyMs', 'busyWorkers'] },
    { name: 'latency, when no worker tells it', reading: { workers: [worker('a', { latencyMs: null })] }, missing: ['workerLatencyMs'] },
    {
      name: 'latency, when those who told it are silent',
      reading: { workers: [worker('a', { beatAgeMs: 6_000 })] },
      missing: ['workerLatencyMs', 'busyWorkers'],
    },
    {
      name: 'latency, when only draining workers tell it',
      reading: { workers: [worker('a', { state: 'draining' })] },
      missing: ['workerLatencyMs'],
    },
  ])('do not know $name', ({ reading, missing }) => {
    const seen = Object.entries(signals(reading));
    expect(seen.filter(([, value]) => value === 'missing').map(([name]) => name)).toEqual(expect.arrayContaining(missing));
  });

  test('take a worker that does not tell its latency for no reason to forget what the others tell', () => {
    expect(signals({ workers: [worker('old', { latencyMs: null }), worker('new')] }).workerLatencyMs).toEqual({ value: 25, ageMs: 500 });
  });

  test('prefer what whoever starts workers knows of their start', () => {
    expect(signals({ workers: [worker('a')] }, new Map([['a', 9_000]])).startUpMs).toBe(11_000);
    const slow = worker('slow', { startedInMs: 7_000 });
    expect(signals({ workers: [...Array.from({ length: 8 }, (_, n) => worker(`w${n}`)), slow, slow] }).startUpMs).toBe(7_000);
    expect(signals({ workers: [worker('new', { startedInMs: null })] }).startUpMs).toBeUndefined();
  });
});
