import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { type FleetPod, type GivingUp, stepGivingUp, type Wanted } from '../../../operator/pool/giving-up.ts';

const drainTimeoutMs = 30_000;
const at = (nowMs: number, wanted: number, more: Partial<Wanted> = {}): Wanted => ({
  wanted,
  nowMs,
  drainTimeoutMs,
  rollingOut: false,
  handler: 'stateless',
  ledger: 'read',
  ...more,
});
const serving = (name: string, more: Partial<FleetPod> = {}): FleetPod => ({
  name,
  state: 'serving',
  sessions: 1,
  dispatching: false,
  startedMs: 0,
  drained: false,
  asked: false,
  ready: true,
  ...more,
});
const resting = (replicas: number): GivingUp => ({ replicas, leaving: new Map() });
const three = [serving('a', { sessions: 5 }), serving('b', { sessions: 0 }), serving('c', { sessions: 2 })];
const withB = (more: Partial<FleetPod>) => three.map((pod) => (pod.name === 'b' ? { ...pod, ...more } : pod));

describe('a fleet that is to be smaller', () => {
  test('asks the worker that holds least to drain, and takes no replica away yet', () => {
    const next = stepGivingUp(resting(3), three, at(0, 2));
    expect([...next.leaving.keys()]).toEqual(['b']);
    expect(next.replicas).toBe(3);
  });

  test('takes the replica away once that worker is drained and the cluster has seen that it is not ready', () => {
    const asked = stepGivingUp(resting(3), three, at(0, 2));
    const waiting = stepGivingUp(asked, three, at(2_000, 2));
    expect(waiting.replicas).toBe(3);
    const seenReady = stepGivingUp(waiting, withB({ drained: true }), at(4_000, 2));
    expect(seenReady.replicas, 'the cluster would take any of three').toBe(3);
    const drained = withB({ drained: true, ready: false });
    const next = stepGivingUp(seenReady, drained, at(6_000, 2));
    expect(next.replicas).toBe(2);
    expect(stepGivingUp(next, drained, at(8_000, 2)).replicas).toBe(2);
  });

  test('takes it away when the worker takes longer than it may, from when it could have heard of it', () => {
    const chosen = stepGivingUp(resting(3), three, at(0, 2));
    expect(stepGivingUp(chosen, three, at(600_000, 2)).replicas, 'the ledger has not taken the ask').toBe(3);
    const asked = stepGivingUp(chosen, withB({ asked: true }), at(2_000, 2));
    expect(stepGivingUp(asked, withB({ asked: true }), at(2_000 + drainTimeoutMs, 2)).replicas).toBe(3);
    expect(stepGivingUp(asked, withB({ asked: true }), at(2_000 + drainTimeoutMs + 5_000, 2)).replicas).toBe(2);
  });

  test('asks nobody and lets nobody go while the ledger is silent', () => {
    expect(stepGivingUp(resting(3), three, at(0, 2, { ledger: 'silent' }))).toEqual(resting(3));
    const asked = stepGivingUp(stepGivingUp(resting(3), three, at(0, 2)), withB({ asked: true }), at(2_000, 2));
    expect(stepGivingUp(asked, withB({ drained: true, ready: false }), at(90_000, 2, { ledger: 'silent' }))).toEqual(asked);
  });

  test('gives up what has not begun to serve at once: there is nothing to drain', () => {
    const next = stepGivingUp(resting(3), [...three.slice(0, 2), serving('c', { state: 'starting' })], at(0, 2));
    expect(next.replicas).toBe(2);
    expect([...next.leaving.keys()]).toEqual(['c']);
  });

  test('gives up first what the cluster has not even made', () => {
    const next = stepGivingUp(resting(4), three, at(0, 3));
    expect(next).toEqual({ replicas: 3, leaving: new Map() });
  });

  test('keeps a worker that was asked to drain when it is wanted again, before it makes a new one', () => {
    const asked = stepGivingUp(resting(3), three, at(0, 2));
    const next = stepGivingUp(asked, three, at(2_000, 4));
    expect(next).toEqual({ replicas: 4, leaving: new Map() });
  });

  test('lets a worker serve again that was let go and is still there: another pod was taken in its place', () => {
    const drained = withB({ drained: true, ready: false });
    const released = stepGivingUp(stepGivingUp(resting(3), drained, at(0, 2)), drained, at(2_000, 2));
    expect(released.replicas).toBe(2);
    const remaining = drained.slice(0, 2);
    expect(stepGivingUp(released, remaining, at(40_000, 2))).toEqual({ replicas: 2, leaving: new Map() });
  });

  test('chooses nobody while a rollout goes on', () => {
    expect(stepGivingUp(resting(3), [...three, serving('new')], at(0, 2, { rollingOut: true }))).toEqual(resting(3));
  });
});

describe('behind a stateful handler', () => {
  const stateful = { handler: 'stateful' } as const;

  test('only workers without a call are asked to drain', () => {
    const next = stepGivingUp(resting(3), three, at(0, 1, stateful));
    expect([...next.leaving.keys()]).toEqual(['b']);
    expect(next.replicas).toBe(3);
  });

  test('a worker with calls that misses a probe keeps its replica', () => {
    const missed = three.map((pod) => ({ ...pod, state: 'starting' as const, ready: false, sessions: 2 }));
    expect(stepGivingUp(resting(3), missed, at(0, 1, stateful))).toEqual(resting(3));
  });
});

describe('whatever is wanted, tick after tick', () => {
  const aPod = fc.record({ sessions: fc.nat(5), drained: fc.boolean(), ready: fc.boolean(), starting: fc.boolean() });
  property.prop([
    fc.array(fc.record({ wanted: fc.integer({ min: 1, max: 8 }), pods: fc.array(aPod, { maxLength: 8 }) }), { maxLength: 20 }),
  ])('there are never fewer replicas than wanted, and never fewer than one stays', (ticks) => {
    let state = resting(2);
    for (const [index, { wanted, pods }] of ticks.entries()) {
      const fleet = pods.map(({ sessions, drained, ready, starting }, number) =>
        serving(`pod-${number}`, { sessions, drained, ready, state: starting ? 'starting' : 'serving' }),
      );
      state = stepGivingUp(state, fleet, at(index * 2_000, wanted));
      expect(state.replicas).toBeGreaterThanOrEqual(wanted);
      const draining = [...state.leaving.values()].filter(({ releasedMs }) => releasedMs === undefined).length;
      expect(state.replicas - draining).toBe(wanted);
    }
  });
});
