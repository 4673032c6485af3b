import { describe, expect, test } from 'vitest';
import { poolStatus } from '../../../../crds/status.ts';
import type { ObservedPool } from '../../../../operator/pool/observed.ts';
import { planStatus } from '../../../../operator/pool/status/status.ts';
import { aDecision, aPod, aReading, aStanding, aView, aWorker, declaredWith, read, wallMs, wellPool } from './observed.ts';

const told = (changes: Partial<ObservedPool>) => planStatus({ ...wellPool, ...changes });
const found = (changes: Partial<ObservedPool>, type: string) => told(changes).conditions?.find((one) => one.type === type);
const words = (changes: Partial<ObservedPool>, type: string) => {
  const condition = found(changes, type);
  return condition === undefined ? undefined : `${condition.status} ${condition.reason}`;
};

describe('of a pool that is well', () => {
  test('every condition says so', () => {
    const said = Object.fromEntries(told({}).conditions?.map(({ type, status, reason }) => [type, `${status} ${reason}`]) ?? []);
    expect(said).toEqual({
      Accepted: 'True Accepted',
      BreakerOpen: 'False AllInUse',
      CapacityKnown: 'True Counted',
      CredentialsReady: 'True KeysFound',
      Draining: 'False NoneLeaves',
      InboundUnguarded: 'False Admitted',
      LedgerCapacity: 'True Enough',
      ObjectsApplied: 'True Applied',
      Ready: 'True Ready',
      ReservationAtRisk: 'False Kept',
      Saturated: 'False SlotsFree',
      ScalingLimited: 'False NotLimited',
      WebhooksReachable: 'Unknown NotVerified',
      WorkersAvailable: 'True Serving',
    });
  });

  test('the figures are those of the dispatcher', () => {
    expect(told({})).toMatchObject({
      observedGeneration: 3,
      policy: { appliedGeneration: 3 },
      ledgerId: 'ledger-1',
      ceiling: 28,
      active: 4,
      queued: 0,
      replicas: 2,
      readyReplicas: 2,
      classes: [{ name: 'vip', active: 4, queued: 0 }],
      subscriptions: [{ name: 'main', ceiling: 28, active: 4, foreign: 0, projects: [{ name: 'front', active: 4 }] }],
      lastDecision: { replicas: 2, reason: 'SlotUtilization' },
    });
  });

  test('the schema takes it', () => {
    expect(poolStatus.parse(told({}))).toEqual(told({}));
  });

  test('a second look a minute later says the same', () => {
    const first = told({});
    expect(told({ wallMs: wallMs + 60_000, object: { ...wellPool.object, status: first } })).toEqual(first);
  });
});

test.each<readonly [string, Partial<ObservedPool>]>([
  ['that our rules refuse', { object: declaredWith({ 'spec.ledger': undefined }) }],
  ['that the ledger refuses', { refusal: { kind: 'refused', refused: 'SubscriptionClaimed', message: 'account taken' } }],
  ['that the ledger fails to take', { refusal: { kind: 'failing', message: 'disk full' } }],
])('with an edit %s the figures are still those of the dispatcher, which goes on', (_, changes) => {
  const { ceiling, active, classes, subscriptions } = told({});
  expect(told(changes)).toMatchObject({ ceiling, active, classes, subscriptions });
});

test('that waits for its turn in a rollout of the operator says so, and is ready by the pods that it has', () => {
  expect(words({ behind: 3 }, 'ObjectsApplied')).toBe('True AwaitsTurn');
  expect(found({ behind: 3 }, 'ObjectsApplied')?.message).toContain('3 roll out now');
  expect(words({ behind: 3 }, 'Ready')).toBe('True Ready');
});

describe('is not ready', () => {
  const waiting = { reason: 'ImagePullBackOff', message: 'Back-off pulling image "trunkline:none"' };
  const notHeard = read({ standing: aStanding({ workers: [] }) });
  test.each<readonly [string, Partial<ObservedPool>, string]>([
    ['whose declaration is refused', { object: declaredWith({ 'spec.ledger': undefined }) }, 'False Invalid'],
    [
      'whose account belongs to another pool',
      { refusal: { kind: 'refused', refused: 'SubscriptionClaimed', message: 'account taken' } },
      'False SubscriptionClaimed',
    ],
    ['whose ledger has a later policy', { refusal: { kind: 'refused', refused: 'Fenced', message: 'a later one' } }, 'Unknown Fenced'],
    [
      'whose ledger is away',
      { ledger: { kind: 'away', how: 'Unreachable', sinceMs: 0, message: 'connection refused' } },
      'False LedgerAway',
    ],
    ['whose ledger fails to say', { ledger: { kind: 'away', how: 'Fails', sinceMs: 0, message: 'no such table' } }, 'False LedgerFails'],
    ['whose ledger fails', { refusal: { kind: 'failing', message: 'permission denied for table policy' } }, 'False LedgerFails'],
    ['of which nothing was read yet', { ledger: { kind: 'not-asked' } }, 'Unknown NotReadYet'],
    [
      'with an object of somebody else in its way',
      { children: [{ kind: 'Service', name: 'sales-vcp', reason: 'NameConflict', message: 'taken' }] },
      'False NameConflict',
    ],
    ['whose image is not there', { pods: [aPod('a', { ready: false, waiting })] }, 'False ImagePullBackOff'],
    [
      'whose quota is used up',
      { pods: [], deployment: { wanted: 2, replicas: 0, ready: 0, updated: 0, failure: 'exceeded quota' } },
      'False ReplicaFailure',
    ],
    ['whose workers look at another ledger', { pods: [aPod('a', { ready: false })], ledger: notHeard }, 'False LedgerMismatch'],
    [
      'whose workers have only begun',
      { pods: [aPod('a', { ready: false, runsSinceMs: wallMs - 5_000 })], ledger: notHeard },
      'False Starting',
    ],
    [
      'whose pod was made long ago and waits for its image',
      { pods: [aPod('a', { ready: false, runsSinceMs: undefined })], ledger: notHeard },
      'False Starting',
    ],
    ['without a Deployment yet', { pods: [], deployment: undefined }, 'False NoDeployment'],
    ['in which nobody dispatches', { ledger: read({ load: aReading({}, 60_000) }) }, 'False NoDispatcher'],
    ['by whose declaration nobody admits yet', { ledger: read({ load: aReading({ policyVersion: 6 }) }) }, 'False PolicyNotApplied'],
    [
      'whose declaration workers cannot read',
      {
        ledger: read({
          load: aReading({ policyVersion: 6 }),
          standing: aStanding({ workers: [aWorker('a', { troubles: [{ kind: 'PolicyRejected', version: 7, detail: 'unknown mode' }] })] }),
        }),
      },
      'False PolicyRejected',
    ],
  ])('a pool %s', (_what, changes, expected) => {
    expect(words(changes, 'Ready')).toBe(expected);
    expect(found(changes, 'Ready')?.message).toMatch(/[a-z].*[.!?]$/i);
  });
});

describe('stays ready', () => {
  test.each<readonly [string, Partial<ObservedPool>, string, string]>([
    [
      'with all lines in use',
      {
        ledger: read({
          load: aReading({ slots: { inUse: 28, ceiling: 28, limit: 30 }, classes: aView.classes.map((one) => ({ ...one, queued: 9 })) }),
        }),
      },
      'Saturated',
      'True AllSlotsInUse',
    ],
    [
      'with a project paused',
      { ledger: read({ load: aReading({ projects: aView.projects.map((one) => ({ ...one, paused: 'its key is refused' })) }) }) },
      'BreakerOpen',
      'True ProjectPaused',
    ],
    [
      'with fewer lines than are reserved',
      { ledger: read({ load: aReading({ slots: { inUse: 1, ceiling: 3, limit: 30 } }) }) },
      'ReservationAtRisk',
      'True CeilingBelowReserved',
    ],
    [
      'when it cannot grow',
      {
        lastDecision: {
          decision: aDecision({ asked: 9, clamps: [{ by: 'ProviderCeiling', from: 9, to: 2, ceiling: 28, spare: 1 }] }),
          atMs: wallMs,
        },
      },
      'ScalingLimited',
      'True ProviderCeiling',
    ],
    [
      'without a key for one project',
      {
        ledger: read({
          standing: aStanding({
            workers: [
              aWorker('a', {
                troubles: [
                  { kind: 'KeyMissing', field: 'spec.subscriptions[main].projects[back].apiKeySecretRef', secret: 'back', key: 'apiKey' },
                ],
              }),
            ],
          }),
        }),
      },
      'CredentialsReady',
      'False KeyMissing',
    ],
    [
      'with too few connections for a rollout',
      { ledger: read({ room: { maxConnections: 20, inUse: 18, pools: 1 } }) },
      'LedgerCapacity',
      'False TooFewConnections',
    ],
    [
      'while workers leave',
      { ledger: read({ standing: aStanding({ workers: [aWorker('a'), aWorker('b', { state: 'draining' })] }) }) },
      'Draining',
      'True WorkersLeave',
    ],
    [
      'while the ledger is guarded',
      { ledger: read({ load: aReading({ guard: { reason: 'WentBack', unlisted: [], sinceMs: wallMs } }) }) },
      'CapacityKnown',
      'False Guarded',
    ],
    [
      'beside a pool whose lines nobody can tell from its own',
      {
        object: declaredWith({ 'spec.subscriptions[0].accountId': undefined }),
        ledger: read({ room: { maxConnections: 100, inUse: 20, pools: 2 } }),
      },
      'CapacityKnown',
      'Unknown AccountUnverified',
    ],
    ['without a public address', { object: withoutUrl() }, 'WebhooksReachable', 'False NoPublicUrl'],
    ['without a public address, callers unguarded', { object: withoutUrl() }, 'InboundUnguarded', 'True NoPublicUrl'],
    [
      'with one pod of two that does not start',
      { pods: [aPod('a'), aPod('b', { ready: false, waiting: { reason: 'CrashLoopBackOff', message: 'back-off' } })] },
      'WorkersAvailable',
      'True SomeFail',
    ],
  ])('a pool %s', (_what, changes, type, expected) => {
    expect(words(changes, type)).toBe(expected);
    expect(words(changes, 'Ready')).toBe('True Ready');
  });
});

function withoutUrl() {
  return declaredWith({ 'spec.publicUrl': undefined });
}

describe('what is not known is left out', () => {
  test('of a pool whose ledger is away: no figure stands in for it, and its ledger is remembered', () => {
    const before = told({});
    const status = told({
      ledger: { kind: 'away', how: 'Unreachable', sinceMs: 0, message: 'gone' },
      object: { ...wellPool.object, status: before },
    });
    expect(status).not.toHaveProperty('ceiling');
    expect(status).not.toHaveProperty('active');
    expect(status).not.toHaveProperty('policy');
    expect(status.ledgerId).toBe('ledger-1');
  });

  test('of a pool that is read in another ledger: the one that it was told to have is remembered', () => {
    const status = told({
      ledger: read({ standing: aStanding({ ledgerId: 'another' }) }),
      object: { ...wellPool.object, status: told({}) },
    });
    expect(status.ledgerId).toBe('ledger-1');
  });

  test('an unready pool says since when', () => {
    const before = told({});
    const later = told({ wallMs: wallMs + 9_000, ledger: { kind: 'not-asked' }, object: { ...wellPool.object, status: before } });
    expect(later.conditions?.find(({ type }) => type === 'Ready')?.lastTransitionTime).toBe('2026-03-09T16:20:09Z');
    expect(later.conditions?.find(({ type }) => type === 'Accepted')?.lastTransitionTime).toBe('2026-03-09T16:20:00Z');
  });
});

test('holds are told as overrides, 16 at most', () => {
  const holds = [{ class: undefined, untilMs: undefined }, ...Array.from({ length: 20 }, () => ({ class: 'vip', untilMs: wallMs }))];
  const { overrides } = told({ ledger: read({ standing: aStanding({ holds }) }) });
  expect(overrides).toHaveLength(16);
  expect(overrides?.slice(0, 2)).toEqual([{ kind: 'Hold' }, { kind: 'Hold', class: 'vip', until: '2026-03-09T16:20:00.000Z' }]);
});
