import { describe, expect, test } from 'vitest';
import { limitedBy } from '../../../capacity/scaling/decision.ts';
import type { ScalingSchedule } from '../../../capacity/scaling/schedule.ts';
import { aPolicy, startMs } from './given.ts';
import { changes, type Moment, noise, run } from './world.ts';

const minute = 60_000;
const none = (): number => 0;
const at = (moments: readonly Moment[], atMs: number): Moment | undefined => moments.find((moment) => moment.atMs === atMs);
const lowest = (moments: readonly Moment[]): number => Math.min(...moments.map(({ wanted }) => wanted));

describe('a backlog of 500 comes to a pool with two workers', () => {
  const moments = run({ arrivals: (atMs) => (atMs === 20_000 ? 500 : 0) }, 20 * minute);

  test('and is answered by the first decision after it', () => {
    expect(changes(moments)[0]).toMatchObject({ atSeconds: 20 });
    expect(
      changes(moments)
        .filter(({ atSeconds }) => atSeconds <= 24)
        .at(-1),
    ).toMatchObject({ wanted: 7 });
    expect(limitedBy(at(moments, 26_000)?.recommendation.decision ?? moments[0]?.recommendation.decision ?? never())?.by).toBe(
      'ProviderCeiling',
    );
  });

  test('so that all lines are in use as soon as workers have started', () => {
    expect(moments.find(({ slotsInUse }) => slotsInUse === 98)?.atMs).toBeLessThanOrEqual(20_000 + 4_000 + 6_000);
  });

  test('and workers go five minutes after it has gone, by halves, to the least declared', () => {
    const empty = moments.findLast(({ waiting }) => waiting > 0)?.atMs ?? 0;
    const down = changes(moments).filter(({ atSeconds }) => atSeconds * 1_000 > empty);
    expect((down[0]?.atSeconds ?? 0) * 1_000).toBeGreaterThanOrEqual(empty + 5 * minute);
    expect(down.map(({ wanted }) => wanted)).toEqual([...down.map(({ wanted }) => wanted)].sort((one, other) => other - one));
    expect(moments.at(-1)?.wanted).toBe(2);
  });
});

describe('callers', () => {
  test('that come ever more have their workers before there is a wait', () => {
    // From none to one caller a second within ten minutes; each stays for a minute.
    const rate = (atMs: number) => Math.floor(((atMs + 2_000) ** 2 - atMs ** 2) / (2 * 10 * minute * 1_000));
    const moments = run({ arrivals: rate, policy: aPolicy({ buffer: { sessions: 5, percent: 10 } }) }, 10 * minute);
    expect(Math.max(...moments.map(({ waiting }) => waiting))).toBe(0);
    expect(moments.at(-1)?.wanted).toBeLessThanOrEqual(5);
  });

  test('that come five times as often all of a sudden wait no longer than workers take to start', () => {
    const moments = run({ arrivals: (atMs) => (atMs < 2 * minute ? (atMs % 10_000 === 0 ? 4 : 0) : 4), ceiling: 300 }, 10 * minute);
    const waits = moments.filter(({ waiting }) => waiting > 0);
    expect((waits.at(-1)?.atMs ?? 0) - (waits[0]?.atMs ?? 0)).toBeLessThanOrEqual(30_000);
    expect(Math.max(...moments.map(({ wanted }) => wanted))).toBeLessThanOrEqual(8);
  });

  test('that come as noise leave the workers alone', () => {
    const random = noise(7);
    // 50 sessions on average, a third more or less within minutes: 2.9 workers' worth.
    const moments = run({ arrivals: () => Math.floor(random() * 3.4), ceiling: 300 }, 4 * 60 * minute);
    const settled = changes(moments).filter(({ atSeconds }) => atSeconds > 600);
    expect(settled.length).toBeLessThanOrEqual(4);
  });

  test('are counted wrongly at random, and the workers stay', () => {
    const random = noise(11);
    const moments = run({ arrivals: none, distorted: () => ({ slotsInUse: 35 + 20 * (random() - 0.5) }) }, 4 * 60 * minute);
    expect(changes(moments)).toEqual([]);
  });
});

describe('the recommender is started anew', () => {
  const burst = (atMs: number): number => (atMs < 4 * minute ? 4 : 0);

  test('in the middle of a burst: it goes on with what runs', () => {
    const moments = run({ arrivals: burst, restartsAtMs: [2 * minute] }, 12 * minute);
    const before = at(moments, 2 * minute - 2_000)?.wanted ?? 0;
    expect(before).toBe(7);
    expect(lowest(moments.filter(({ atMs }) => atMs >= 2 * minute && atMs < 8 * minute))).toBe(before);
  });

  test('again and again in quiet times: it takes nothing away', () => {
    const restartsAtMs = Array.from({ length: 15 }, (_, index) => (index + 1) * 4 * minute);
    expect(lowest(run({ arrivals: none, workers: 6, restartsAtMs }, 60 * minute))).toBe(6);
  });

  test('once in quiet times: it takes workers away a window later', () => {
    const moments = run({ arrivals: none, workers: 6, restartsAtMs: [2 * minute] }, 20 * minute);
    expect(changes(moments)[0]?.atSeconds).toBe(7 * 60);
  });
});

test('while nothing is seen for ten minutes, nothing is taken away; five minutes later it is', () => {
  const blind = (atMs: number) => atMs >= minute && atMs < 11 * minute;
  const distorted = (atMs: number) =>
    blind(atMs) ? { slotsInUse: 'missing' as const, backlog: 'missing' as const, ceiling: 'missing' as const } : {};
  const moments = run({ arrivals: none, workers: 6, distorted }, 30 * minute);
  expect(changes(moments)[0]?.atSeconds).toBe(16 * 60 - 2);
  expect(moments.at(-1)?.wanted).toBe(2);
});

test('zeros that a broken source shows for a minute take nothing away', () => {
  const distorted = (atMs: number) => (atMs >= 10 * minute && atMs < 11 * minute ? { slotsInUse: 0, backlog: 0 } : {});
  const moments = run({ arrivals: () => 3, distorted }, 20 * minute);
  expect(lowest(moments.filter(({ atMs }) => atMs >= 5 * minute))).toBe(at(moments, 9 * minute)?.wanted);
});

test('workers that stay slow whatever is done get one more a minute, and no more than lines can use', () => {
  const moments = run({ arrivals: none, distorted: () => ({ workerLatencyMs: 900 }) }, 20 * minute);
  const gaps = changes(moments).map(({ atSeconds }, index, all) => atSeconds - (all[index - 1]?.atSeconds ?? Number.NEGATIVE_INFINITY));
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(60);
  expect(moments.at(-1)?.wanted).toBe(7);
});

test('a campaign that fills all lines for hours keeps its workers without a change', () => {
  const moments = run({ arrivals: (atMs) => (atMs === 0 ? 20_000 : 0) }, 2 * 60 * minute);
  expect(changes(moments).length).toBeLessThanOrEqual(2);
  expect(moments.at(-1)?.wanted).toBe(7);
});

test('workers that never start are not asked for again and again', () => {
  const leads = { arrivals: (atMs: number) => (atMs === 0 ? 60 : 0), distorted: () => ({ arrivalsPerSecond: 0 }) };
  const moments = run({ ...leads, startUpMs: 60 * minute, sessionMs: 60 * minute }, 10 * minute);
  expect(Math.max(...moments.map(({ wanted }) => wanted))).toBe(4);
});

test('a schedule has its workers there before callers are, and lets go of them after', () => {
  // The world begins on a Monday at 07:00 in UTC.
  expect(new Date(startMs).toISOString()).toBe('2026-11-23T07:00:00.000Z');
  const rush: ScalingSchedule = {
    name: 'rush',
    timezone: 'Europe/Berlin',
    days: ['Mon'],
    startMinute: 8 * 60 + 10,
    endMinute: 8 * 60 + 30,
    minReplicas: 5,
    maxReplicas: undefined,
  };
  const moments = run({ arrivals: none, policy: aPolicy({ schedules: [rush] }) }, 60 * minute);
  expect(changes(moments)[0]).toEqual({ atSeconds: 600, wanted: 5 });
  expect(changes(moments)[1]).toEqual({ atSeconds: 1_800, wanted: 2 });
});

function never(): never {
  throw new Error('the world made no decision');
}
