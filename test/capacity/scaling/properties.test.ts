import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import type { ScalingRule } from '../../../capacity/scaling/behavior.ts';
import { limitedBy } from '../../../capacity/scaling/decision.ts';
import { describeDecision, explainWorkers } from '../../../capacity/scaling/explain.ts';
import type { ScalingPolicy } from '../../../capacity/scaling/policy.ts';
import { type Recommendation, recommend } from '../../../capacity/scaling/recommend.ts';
import type { Reading, Signals } from '../../../capacity/scaling/signals.ts';
import type { ScalingState } from '../../../capacity/scaling/state.ts';
import { aPolicy, running, startMs, ticks } from './given.ts';

const settings = { seed: 20_261_123, numRuns: 100 };

const rule: fc.Arbitrary<ScalingRule> = fc.record({
  stabilizationWindowMs: fc.constantFrom(0, 10_000, 60_000, 300_000),
  limit: fc.oneof(
    fc.constant({ kind: 'none' } as const),
    fc.constant({ kind: 'disabled' } as const),
    fc.record({
      kind: fc.constantFrom('most' as const, 'least' as const),
      policies: fc.array(
        fc.record({
          kind: fc.constantFrom('workers' as const, 'percent' as const),
          value: fc.integer({ min: 1, max: 100 }),
          periodMs: fc.constantFrom(15_000, 60_000),
        }),
        { minLength: 1, maxLength: 3 },
      ),
    }),
  ),
});

const policies: fc.Arbitrary<ScalingPolicy> = fc
  .record({
    min: fc.integer({ min: 1, max: 5 }),
    more: fc.integer({ min: 0, max: 40 }),
    sessionsPerWorker: fc.integer({ min: 1, max: 100 }),
    tenths: fc.integer({ min: 1, max: 10 }),
    spareWorkers: fc.integer({ min: 0, max: 3 }),
    buffer: fc.record({ sessions: fc.integer({ min: 0, max: 20 }), percent: fc.integer({ min: 0, max: 50 }) }),
    behavior: fc.record({ scaleUp: rule, scaleDown: rule }),
    handler: fc.constantFrom('stateless' as const, 'stateful' as const),
  })
  .map(({ min, more, tenths, ...rest }) => aPolicy({ ...rest, minReplicas: min, maxReplicas: min + more, slotUtilization: tenths / 10 }));

const reading = (max: number): fc.Arbitrary<Reading> =>
  fc.oneof(
    { weight: 12, arbitrary: fc.integer({ min: 0, max }).map((value) => ({ value, ageMs: 100 })) },
    { weight: 1, arbitrary: fc.constant('missing' as const) },
    { weight: 1, arbitrary: fc.constant({ value: 0, ageMs: 60_000 }) },
    { weight: 1, arbitrary: fc.constant({ value: Number.NaN, ageMs: 0 }) },
  );

const few = fc.integer({ min: 0, max: 4 });
const seen: fc.Arbitrary<Signals> = fc.record({
  workers: fc.record({ serving: fc.integer({ min: 0, max: 40 }), starting: few, draining: few }),
  slotsInUse: reading(400),
  ceiling: reading(400),
  backlog: reading(2_000),
  oldestWaitMs: reading(90_000),
  workerLatencyMs: reading(500),
  arrivalsPerSecond: reading(10),
  busyWorkers: reading(40),
  startUpMs: fc.option(fc.integer({ min: 500, max: 120_000 }), { nil: undefined }),
  sessionMs: fc.option(fc.integer({ min: 100, max: 600_000 }), { nil: undefined }),
});

/** A pool over some minutes: each signal stays for some ticks. */
const histories = fc.array(fc.record({ signals: seen, ticks: fc.integer({ min: 1, max: 40 }) }), { minLength: 1, maxLength: 8 });

type Step = { readonly before: ScalingState; readonly signals: Signals; readonly nowMs: number; readonly next: Recommendation };

function play(policy: ScalingPolicy, history: readonly { readonly signals: Signals; readonly ticks: number }[]): readonly Step[] {
  const steps: Step[] = [];
  let before = running(policy.minReplicas);
  let nowMs = startMs;
  for (const { signals: at, ticks: count } of history) {
    for (let tick = 0; tick < count; tick += 1) {
      const next = recommend(before, at, policy, nowMs);
      steps.push({ before, signals: at, nowMs, next });
      before = next.state;
      nowMs += 2_000;
    }
  }
  return steps;
}

/** The value if it can be believed, judged here once more and in other words. */
const believed = (one: Reading): number | undefined =>
  one !== 'missing' && one.ageMs <= 10_000 && one.value >= 0 && Number.isFinite(one.value) ? one.value : undefined;

/** The fewest workers that carry so many sessions, found by counting. `tenths` of a session, so that all is whole. */
function counted(sessions: number, { sessionsPerWorker, slotUtilization }: ScalingPolicy): number {
  const eachInTenths = sessionsPerWorker * Math.round(slotUtilization * 10);
  let workers = 0;
  while (workers * eachInTenths < sessions * 10) workers += 1;
  return workers;
}

describe('whatever is seen', () => {
  test.prop([policies, histories], settings)(
    'workers are never added beyond what the lines can use, nor beyond maxReplicas',
    (policy, history) => {
      let ceiling: number | undefined;
      for (const { before, signals: at, next } of play(policy, history)) {
        ceiling = believed(at.ceiling) ?? ceiling;
        if (next.replicas <= before.replicas || next.replicas === policy.minReplicas) continue;
        expect(next.replicas).toBeLessThanOrEqual(policy.maxReplicas);
        if (ceiling === undefined) expect(next.replicas).toBeLessThanOrEqual(before.replicas);
        else
          expect(next.replicas).toBeLessThanOrEqual(counted(Math.max(ceiling, believed(at.slotsInUse) ?? 0), policy) + policy.spareWorkers);
        expect(next.replicas + at.workers.draining).toBeLessThanOrEqual(
          Math.max(policy.maxReplicas, policy.minReplicas + at.workers.draining),
        );
      }
    },
  );

  test.prop([policies, histories], settings)(
    'there are never fewer than declared, and never fewer of those there than are busy',
    (policy, history) => {
      for (const { before, signals: at, next } of play(policy, history)) {
        expect(next.replicas).toBeGreaterThanOrEqual(policy.minReplicas);
        if (policy.handler === 'stateless') continue;
        expect(next.replicas).toBeGreaterThanOrEqual(Math.min(before.replicas, believed(at.busyWorkers) ?? before.replicas));
      }
    },
  );

  test.prop([policies, histories], settings)('nothing is taken away while a signal is unknown (I9)', (policy, history) => {
    for (const { before, signals: at, next } of play(policy, history)) {
      const needed = [at.slotsInUse, at.ceiling, at.backlog, at.oldestWaitMs, at.workerLatencyMs, at.arrivalsPerSecond];
      if (policy.handler === 'stateful') needed.push(at.busyWorkers);
      if (needed.some((one) => believed(one) === undefined)) expect(next.replicas).toBeGreaterThanOrEqual(before.replicas);
    }
  });

  test.prop([policies, histories], settings)('a worker that was added stays for the scale-down window', (policy, history) => {
    let addedMs = Number.NEGATIVE_INFINITY;
    for (const { before, nowMs, next } of play(policy, history)) {
      if (next.replicas < before.replicas) {
        expect(nowMs - addedMs).toBeGreaterThanOrEqual(policy.behavior.scaleDown.stabilizationWindowMs);
      }
      if (next.replicas > before.replicas) addedMs = nowMs;
    }
  });

  test.prop([policies, histories], settings)('the decision tells every step from what was asked to what is wanted', (policy, history) => {
    for (const { before, next } of play(policy, history)) {
      const { decision } = next;
      const numbers = [decision.asked, ...decision.clamps.map(({ to }) => to)];
      expect(decision.clamps.map(({ from }) => from)).toEqual(numbers.slice(0, -1));
      expect(numbers.at(-1)).toBe(next.replicas);
      expect({ replicas: next.replicas, previous: before.replicas }).toEqual({ replicas: decision.replicas, previous: decision.previous });
      const limited = limitedBy(decision) !== undefined || decision.clamps.some(({ by }) => by === 'Tolerance');
      expect(next.replicas >= decision.asked || limited).toBe(true);
      expect(explainWorkers(decision).length).toBeLessThan(20);
      expect(describeDecision(decision).length).toBeLessThanOrEqual(1_024);
    }
  });

  test.prop([policies, histories], settings)('what is remembered is data of bounded size', (policy, history) => {
    for (const { next } of play(policy, history)) {
      expect(JSON.parse(JSON.stringify(next.state))).toEqual(next.state);
      expect(next.state.highs.length).toBeLessThanOrEqual(policy.maxReplicas + 1);
      expect(next.state.lows.length).toBeLessThanOrEqual(policy.maxReplicas + 1);
    }
  });

  test.prop([policies, histories, seen, fc.integer({ min: 0, max: 3_000 }), fc.integer({ min: 0, max: 3_000 })], settings)(
    'more sessions that wait never mean fewer workers',
    (policy, history, at, one, other) => {
      const last = play(policy, history).at(-1);
      const state = last?.next.state ?? running(policy.minReplicas);
      const nowMs = (last?.nowMs ?? startMs) + 2_000;
      const wanted = (backlog: number) => recommend(state, { ...at, backlog: { value: backlog, ageMs: 0 } }, policy, nowMs).replicas;
      expect(wanted(Math.min(one, other))).toBeLessThanOrEqual(wanted(Math.max(one, other)));
    },
  );
});

describe('with all known', () => {
  const lines = 2_000;
  const loads = fc.integer({ min: 0, max: 800 });

  /** The right size: what the load asks for, or what is there if that is within a tenth of it. */
  function isRight(replicas: number, load: number, policy: ScalingPolicy): boolean {
    const asked = Math.min(policy.maxReplicas, Math.max(policy.minReplicas, counted(load, policy)));
    return replicas === asked || Math.abs(load / (replicas * 17.5) - 1) <= 0.1 + 1e-9;
  }

  test.prop([loads, loads], settings)('a load that steps up has the right workers within a minute', (low, high) => {
    const [first, second] = [Math.min(low, high), Math.max(low, high)];
    const policy = aPolicy({ maxReplicas: 50 });
    const before = ticks({ state: running(2), nowMs: startMs }, 60, () => ({ slotsInUse: first, ceiling: lines }), policy);
    const state = before.at(-1)?.state ?? running(2);
    const after = ticks({ state, nowMs: startMs + 120_000 }, 31, () => ({ slotsInUse: second, ceiling: lines }), policy);
    expect(isRight(after.at(-1)?.replicas ?? 0, second, policy)).toBe(true);
    expect(Math.max(...after.map(({ replicas }) => replicas))).toBeLessThanOrEqual(Math.max(state.replicas, counted(second, policy)));
  });

  test.prop([loads, loads], settings)(
    'a load that steps down has the right workers after the scale-down window and its halvings',
    (low, high) => {
      const [first, second] = [Math.max(low, high), Math.min(low, high)];
      const policy = aPolicy({ maxReplicas: 50 });
      const before = ticks({ state: running(2), nowMs: startMs }, 60, () => ({ slotsInUse: first, ceiling: lines }), policy);
      const state = before.at(-1)?.state ?? running(2);
      const after = ticks({ state, nowMs: startMs + 120_000 }, 360, () => ({ slotsInUse: second, ceiling: lines }), policy);
      expect(after[148]?.replicas).toBe(state.replicas);
      expect(isRight(after.at(-1)?.replicas ?? 0, second, policy)).toBe(true);
    },
  );

  test.prop([fc.integer({ min: 2, max: 50 }), fc.array(fc.integer({ min: -90, max: 90 }), { minLength: 5, maxLength: 200 })], settings)(
    'a load that stays within a tenth of what the workers carry changes nothing',
    (replicas, noise) => {
      const policy = aPolicy({ maxReplicas: 50, minReplicas: 1 });
      const load = (index: number) => replicas * 17.5 * (1 + (noise[index % noise.length] ?? 0) / 1_000);
      const all = ticks(
        { state: running(replicas), nowMs: startMs },
        400,
        (index) => ({ slotsInUse: load(index), ceiling: lines }),
        policy,
      );
      expect(all.every((one) => one.replicas === replicas)).toBe(true);
    },
  );
});
