import { describe, expect, test } from 'vitest';
import { type Change, highestAllowed, type ScalingRule, withChange } from '../../../capacity/scaling/behavior.ts';
import { limitedBy } from '../../../capacity/scaling/decision.ts';
import { defaultBehavior, type ScalingPolicy } from '../../../capacity/scaling/policy.ts';
import { recommend } from '../../../capacity/scaling/recommend.ts';
import { startScaling } from '../../../capacity/scaling/state.ts';
import { aPolicy, decide, running, signals, startMs, ticks } from './given.ts';

const from = (replicas: number) => ({ state: running(replicas), nowMs: startMs });
const counts = (all: readonly { readonly replicas: number }[], ...at: readonly number[]) => at.map((index) => all[index]?.replicas);

/** No stabilisation and no policies, to look at one limit alone. */
const free: ScalingPolicy['behavior'] = {
  scaleUp: { stabilizationWindowMs: 0, limit: { kind: 'none' } },
  scaleDown: { stabilizationWindowMs: 0, limit: { kind: 'none' } },
};

describe('the number of workers', () => {
  test.each([
    { name: 'is bounded by what the lines can use', seen: { backlog: 500 }, over: {}, replicas: 7, by: 'ProviderCeiling' },
    { name: 'is bounded by maxReplicas', seen: { backlog: 500 }, over: { maxReplicas: 4 }, replicas: 4, by: 'MaxReplicas' },
    {
      name: 'is bounded by fewer lines than maxReplicas',
      seen: { backlog: 500, ceiling: 40 },
      over: { maxReplicas: 6 },
      replicas: 4,
      by: 'ProviderCeiling',
    },
    {
      name: 'is bounded by workers that still drain',
      seen: { backlog: 500, workers: { draining: 3 } },
      over: {},
      replicas: 4,
      by: 'Draining',
    },
  ])('$name, and says so', ({ seen, over, replicas, by }) => {
    const { decision } = decide(2, seen, aPolicy(over));
    expect(decision).toMatchObject({ replicas, asked: 29 });
    expect(limitedBy(decision)?.by).toBe(by);
  });

  test('is limited by nothing when all that is asked for is had', () => {
    expect(limitedBy(decide(2, { slotsInUse: 70 }).decision)).toBeUndefined();
  });

  test('is as declared, at once, when the declaration changes', () => {
    expect(decide(9, { slotsInUse: 98 }, aPolicy({ maxReplicas: 5 })).replicas).toBe(5);
    expect(decide(2, {}, aPolicy({ minReplicas: 4 })).replicas).toBe(4);
  });

  test('is the least declared where none runs yet', () => {
    expect(recommend(startScaling({ serving: 0, starting: 0 }, startMs), signals(), aPolicy(), startMs).replicas).toBe(2);
  });

  test('is the least declared even where no line is usable: callers are answered', () => {
    expect(decide(3, { ceiling: 0 }, aPolicy({ minReplicas: 3, behavior: free })).replicas).toBe(3);
  });

  test('waits for no worker that drains when there is room anyway', () => {
    expect(decide(2, { slotsInUse: 50, workers: { draining: 3 } }).replicas).toBe(3);
  });

  test('does not fall because others drain', () => {
    expect(decide(6, { slotsInUse: 98, backlog: 500, workers: { draining: 6 } }).replicas).toBe(6);
  });

  test('does not grow with every tick while workers start', () => {
    const all = ticks(from(2), 10, () => ({ backlog: 60, workers: { serving: 2, starting: 2 } }));
    expect(counts(all, 0, 9)).toEqual([4, 4]);
  });

  test('stays while the load is within a tenth of what the workers should carry', () => {
    const steady = aPolicy({ behavior: free });
    expect([33, 35, 38].map((slotsInUse) => decide(2, { slotsInUse }, steady).replicas)).toEqual([2, 2, 2]);
    expect(decide(2, { slotsInUse: 39 }, steady).replicas).toBe(3);
    expect(decide(4, { slotsInUse: 64 }, steady).decision.clamps).toEqual([]);
    expect(decide(10, { slotsInUse: 158, ceiling: 500 }, steady).decision.clamps).toEqual([]);
    expect(decide(11, { slotsInUse: 175, ceiling: 500 }, steady).decision.clamps).toEqual([{ by: 'Tolerance', from: 10, to: 11 }]);
  });
});

describe('scaling down', () => {
  test('waits until no tick of five minutes needed more, then halves once a minute', () => {
    const all = ticks(from(8), 300, (index) => ({ slotsInUse: index < 10 ? 130 : 0, ceiling: 200 }));
    const changes = all.flatMap(({ replicas, decision }, index) => (replicas === decision.previous ? [] : [{ index, replicas }]));
    // The mean of a minute needs more than 4 workers for 15 ticks longer than the load, and fewer by and by.
    expect(changes.map(({ replicas }) => replicas)).toEqual([7, 6, 5, 4, 3, 2]);
    expect(changes[0]?.index).toBeGreaterThanOrEqual(150);
    expect(changes.at(-1)?.index).toBeLessThanOrEqual(190 + 30);
  });

  test('is stopped by a need for more that lasts for seconds', () => {
    const needed = (index: number) => index >= 100 && index < 103;
    const all = ticks(from(6), 260, (index) => (needed(index) ? { slotsInUse: 98, backlog: 100 } : {}));
    expect(all.findIndex(({ replicas }) => replicas < 6)).toBeGreaterThanOrEqual(103 + 149);
  });

  test('is left for a window after a start, with what runs then', () => {
    let state = startScaling({ serving: 5, starting: 1 }, startMs);
    const wanted: number[] = [];
    for (let index = 0; index <= 150; index += 1) {
      const next = recommend(state, signals({ workers: { serving: 6 } }), aPolicy(), startMs + index * 2_000);
      wanted.push(next.replicas);
      state = next.state;
      if (index === 149) expect(next.decision.clamps.at(-1)).toEqual({ by: 'Restart', from: 3, to: 6, remainingMs: 2_000 });
    }
    expect(wanted.slice(0, 150).every((replicas) => replicas === 6)).toBe(true);
    expect(wanted[150]).toBe(3);
  });

  test('is left for a minute after a start even without a stabilisation window', () => {
    const state = startScaling({ serving: 6, starting: 0 }, startMs);
    const policy = aPolicy({ behavior: free });
    expect(recommend(state, signals({ workers: { serving: 6 } }), policy, startMs + 58_000).replicas).toBe(6);
    expect(
      recommend({ ...state, tickedMs: startMs + 58_000 }, signals({ workers: { serving: 6 } }), policy, startMs + 60_000).replicas,
    ).toBe(2);
  });

  test('never gives up a busy worker of a stateful handler', () => {
    const stateful = aPolicy({ handler: 'stateful', behavior: free });
    expect(decide(6, { busyWorkers: 4 }, stateful).replicas).toBe(4);
    expect(decide(6, { busyWorkers: 9 }, stateful).replicas).toBe(6);
    expect(decide(6, { busyWorkers: 4 }, { ...stateful, maxReplicas: 3 }).replicas).toBe(4);
    expect(decide(6, { busyWorkers: 'missing' }, { ...stateful, maxReplicas: 3 }).replicas).toBe(6);
    expect(decide(6, { busyWorkers: 4 }, aPolicy({ behavior: free })).replicas).toBe(2);
  });

  test('after lines are lost it waits as long as after any other loss of load', () => {
    const all = ticks(from(7), 200, (index) => ({ slotsInUse: 0, backlog: 500, ceiling: index < 10 ? 98 : 10 }));
    expect(counts(all, 10, 158, 199)).toEqual([7, 7, 2]);
  });

  test('does not follow lines that were lost for a moment', () => {
    const all = ticks(from(7), 300, (index) => ({ slotsInUse: 90, backlog: 500, ceiling: index % 100 < 90 ? 98 : 0 }));
    expect(all.every(({ replicas }) => replicas === 7)).toBe(true);
  });
});

describe('panic', () => {
  test('begins when the last seconds ask for twice the workers, and passes by the minute that is averaged', () => {
    const before = ticks(from(2), 30, () => ({ slotsInUse: 10 }));
    const state = before.at(-1)?.state ?? running(2);
    const all = ticks({ state, nowMs: startMs + 60_000 }, 4, () => ({ slotsInUse: 98 }));
    expect(counts(all, 0, 1, 2)).toEqual([2, 4, 6]);
    expect(all[2]?.decision.mode).toBe('panic');
  });

  test('takes nothing away, and ends a minute after it was last needed', () => {
    const policy = aPolicy({ behavior: free });
    const all = ticks(from(2), 40, (index) => (index === 0 ? { backlog: 500 } : {}), policy);
    const over = all.findIndex(({ decision }) => decision.mode === 'stable');
    expect(counts(all, 0, over - 1, over)).toEqual([7, 7, 2]);
    expect(over).toBe(31);
  });

  test('does not begin for workers that cannot be had', () => {
    expect(decide(7, { slotsInUse: 98, backlog: 5_000 }).decision.mode).toBe('stable');
  });
});

describe('behavior', () => {
  const limited = (up: ScalingPolicy['behavior']['scaleUp']['limit'], down = free.scaleDown.limit): ScalingPolicy =>
    aPolicy({
      maxReplicas: 100,
      behavior: { scaleUp: { stabilizationWindowMs: 0, limit: up }, scaleDown: { stabilizationWindowMs: 0, limit: down } },
    });
  const rush = { backlog: 5_000, ceiling: 5_000 };

  test.each([
    { name: 'the most generous policy', kind: 'most' as const, replicas: [5, 5, 10, 20, 40] },
    { name: 'the least generous policy', kind: 'least' as const, replicas: [2, 2, 4, 8, 12] },
  ])('$name decides how fast workers are added', ({ kind, replicas }) => {
    const policies = [
      { kind: 'percent', value: 100, periodMs: 16_000 },
      { kind: 'workers', value: 4, periodMs: 16_000 },
    ] as const;
    const all = ticks(from(1), 40, () => rush, { ...limited({ kind, policies }), minReplicas: 1 });
    expect(counts(all, 0, 7, 8, 16, 24)).toEqual(replicas);
    expect(limitedBy(all[0]?.decision ?? decide(1, {}).decision)?.by).toBe('ScaleUpLimit');
  });

  test.each([
    { name: 'the most generous policy', kind: 'most' as const, replicas: [10, 5] },
    { name: 'the least generous policy', kind: 'least' as const, replicas: [18, 16] },
  ])('$name decides how fast they are taken away', ({ kind, replicas }) => {
    const policies = [
      { kind: 'percent', value: 50, periodMs: 60_000 },
      { kind: 'workers', value: 2, periodMs: 60_000 },
    ] as const;
    expect(
      counts(
        ticks(from(20), 40, () => ({ ceiling: 500 }), limited({ kind: 'none' }, { kind, policies })),
        0,
        30,
      ),
    ).toEqual(replicas);
  });

  test('a small share of a small fleet is still one worker', () => {
    const policy = limited({ kind: 'none' }, { kind: 'most', policies: [{ kind: 'percent', value: 5, periodMs: 60_000 }] });
    expect(decide(3, {}, policy).replicas).toBe(2);
  });

  test('a direction can be closed', () => {
    expect(decide(3, rush, limited({ kind: 'disabled' })).replicas).toBe(3);
    expect(decide(9, {}, limited({ kind: 'none' }, { kind: 'disabled' })).replicas).toBe(9);
  });

  test('scaling up can be stabilised too: the least that was asked for within the window', () => {
    const policy = aPolicy({ behavior: { ...defaultBehavior, scaleUp: { stabilizationWindowMs: 20_000, limit: { kind: 'none' } } } });
    const all = ticks(from(2), 20, (index) => ({ slotsInUse: index < 1 ? 30 : 98, backlog: index < 1 ? 0 : 200 }), policy);
    expect(counts(all, 9, 10)).toEqual([2, 7]);
    expect(limitedBy(all[5]?.decision ?? decide(1, {}).decision)?.by).toBe('ScaleUpStabilization');
  });
});

describe('time', () => {
  test('goes on where it was when the clock is set back: nothing is forgotten, nothing kept for longer', () => {
    const { state } = ticks(from(6), 100, () => ({})).at(-1) ?? decide(6, {});
    const all = ticks({ state, nowMs: startMs - 3_600_000 }, 60, () => ({}));
    expect(all.findIndex(({ replicas }) => replicas < 6)).toBe(50);
  });

  test('after a pause longer than a minute it begins anew with what runs', () => {
    const { state } = decide(2, { backlog: 500 });
    const next = recommend(state, signals({ workers: { serving: 4, starting: 1 } }), aPolicy(), startMs + 62_000);
    expect(next.replicas).toBe(5);
    expect(next.decision.clamps.at(-1)?.by).toBe('Restart');
  });

  test('after such a pause lines that were known still bound', () => {
    const { state } = decide(2, {});
    const blind = signals({ workers: { serving: 2 }, backlog: 500, ceiling: 'missing' });
    expect(recommend(state, blind, aPolicy(), startMs + 62_000).replicas).toBe(7);
  });

  test('changes beyond those that are remembered one by one still count', () => {
    const changes = Array.from({ length: 200 }, (_, index) => index).reduce<readonly Change[]>(
      (all, index) => withChange(all, 1, startMs + index * 1_000),
      [],
    );
    const halfHourly: ScalingRule = {
      stabilizationWindowMs: 0,
      limit: { kind: 'most', policies: [{ kind: 'workers', value: 210, periodMs: 1_800_000 }] },
    };
    expect(changes).toHaveLength(64);
    expect(highestAllowed(200, changes, halfHourly, startMs + 200_000)).toBe(210);
  });

  test('what is remembered has a bound, however often and long it ticks', () => {
    let state = running(2);
    for (let index = 0; index < 5_000; index += 1) {
      const load = { slotsInUse: (index * 37) % 400, ceiling: 500, backlog: (index * 11) % 90 };
      state = recommend(state, signals(load), aPolicy({ behavior: free }), startMs + index * 100).state;
    }
    expect(state.samples.length).toBeLessThanOrEqual(64);
    expect(state.changes.length).toBeLessThanOrEqual(64);
    expect(JSON.parse(JSON.stringify(state))).toEqual(state);
    expect(JSON.stringify(state).length).toBeLessThan(20_000);
  });
});
