import { parse } from 'yaml';
import type { Decision } from '../../../../capacity/scaling/decision.ts';
import type { FleetReading, FleetView } from '../../../../capacity/scaling/fleet.ts';
import { poolName } from '../../../../crds/values.ts';
import type { PoolStanding, StandingWorker } from '../../../../ledger/pools/readings.ts';
import { readPool } from '../../../../operator/pool/declared.ts';
import type { ObservedPod, ObservedPool } from '../../../../operator/pool/observed.ts';
import { poolWith } from '../../../crds/pools.ts';
import { aClass, aProject, aSubscription } from '../../../support/pool.ts';

/** A pool in a cluster in which everything is well, at one instant. Tests change one thing in it. */

export const wallMs = Date.UTC(2026, 2, 9, 16, 20);

export function declaredWith(changes: Readonly<Record<string, unknown>>) {
  const manifest: unknown = parse(poolWith({ 'spec.ledger': { secretRef: { name: 'ledger', key: 'url' } }, ...changes }));
  if (typeof manifest !== 'object' || manifest === null) throw new Error('the sound pool is an object');
  return {
    ...readPool({ ...manifest, metadata: { name: 'sales', namespace: 'voice', uid: 'uid-1', generation: 3, resourceVersion: '30' } }),
    status: undefined,
  };
}

export const aView: FleetView = {
  pool: poolName.parse('sales'),
  atMs: wallMs,
  epoch: 1,
  policyVersion: 7,
  mode: 'Active',
  holds: { pool: false, classes: [] },
  slots: { inUse: 4, ceiling: 28, limit: 30 },
  subscriptions: [
    {
      name: aSubscription('main'),
      limit: 30,
      learnedLimit: null,
      ceiling: 28,
      inUse: 4,
      cooling: 0,
      withheld: 0,
      foreign: 0,
      probing: false,
      releaseLagMs: 1_000,
    },
  ],
  projects: [{ name: aProject('front'), subscription: aSubscription('main'), inUse: 4, paused: null }],
  classes: [
    {
      name: aClass('vip'),
      priority: 1_000,
      direction: 'Inbound',
      queued: 0,
      inUse: 4,
      reserved: 5,
      withheld: 0,
      limit: null,
      oldestWaitMs: null,
      waitMs: null,
      leftPerMinute: 0,
      blocked: null,
    },
  ],
  callsPerSecond: 0,
};

export const aPod = (name: string, more: Partial<ObservedPod> = {}): ObservedPod => ({
  name,
  ready: true,
  terminating: false,
  createdMs: wallMs - 600_000,
  restarted: false,
  runsSinceMs: wallMs - 590_000,
  waiting: undefined,
  ...more,
});

export const aWorker = (name: string, more: Partial<StandingWorker> = {}): StandingWorker => ({
  name,
  state: 'serving',
  beatAgeMs: 300,
  appliedGeneration: 3,
  troubles: [],
  drainAsked: false,
  ...more,
});

export const aStanding = (more: Partial<PoolStanding> = {}): PoolStanding => ({
  poolId: 1,
  ledgerId: 'ledger-1',
  closed: false,
  newest: { version: 7, generation: 3 },
  workers: [aWorker('a'), aWorker('b')],
  holds: [],
  ...more,
});

export const aReading = (view: Partial<FleetView> = {}, ageMs = 200): FleetReading => ({
  seen: { view: { ...aView, ...view }, ageMs },
  due: new Map(),
  workers: [],
});

const seen = {
  slotsInUse: 4,
  ceiling: 28,
  backlog: 0,
  oldestWaitMs: 0,
  workerLatencyMs: 5,
  arrivalsPerSecond: 0,
  busyWorkers: undefined,
  unknown: [],
};

export const aDecision = (more: Partial<Decision> = {}): Decision => ({
  replicas: 2,
  previous: 2,
  asked: 1,
  reason: { kind: 'SlotUtilization', slotsInUse: 4, buffer: { sessions: 5, from: 'sessions' } },
  clamps: [{ by: 'MinReplicas', from: 1, to: 2 }],
  mode: 'stable',
  workers: { serving: 2, starting: 0, draining: 0 },
  seen,
  sessionsEach: 17.5,
  ...more,
});

type Read = Extract<ObservedPool['ledger'], { kind: 'read' }>;

export const read = (more: Partial<Read> = {}): Read => ({
  kind: 'read',
  standing: aStanding(),
  load: aReading(),
  ageMs: 500,
  room: { maxConnections: 100, inUse: 20, pools: 1 },
  ...more,
});

export const wellPool: ObservedPool = {
  wallMs,
  object: declaredWith({}),
  children: [],
  behind: undefined,
  mounting: false,
  deployment: { wanted: 2, replicas: 2, ready: 2, updated: 2, failure: undefined },
  pods: [aPod('a'), aPod('b')],
  ledger: read(),
  refusal: undefined,
  lastDecision: { decision: aDecision(), atMs: wallMs - 60_000 },
};
