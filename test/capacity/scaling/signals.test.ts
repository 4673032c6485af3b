import { describe, expect, test } from 'vitest';
import { usefulWorkers, workersFor } from '../../../capacity/scaling/demand.ts';
import { spareWorkers } from '../../../capacity/scaling/policy.ts';
import type { Reading } from '../../../capacity/scaling/signals.ts';
import { aPolicy, decide, running, type Seen, startMs, ticks } from './given.ts';

describe('slot utilisation', () => {
  test.each([
    { name: '35 sessions are what two workers are meant to carry', slotsInUse: 35, asked: 2 },
    { name: '36 ask for a third', slotsInUse: 36, asked: 3 },
    { name: '98 ask for six', slotsInUse: 98, asked: 6 },
    { name: 'none ask for none', slotsInUse: 0, asked: 0 },
  ])('$name', ({ slotsInUse, asked }) => {
    const { decision } = decide(2, { slotsInUse });
    expect(decision.asked).toBe(asked);
    expect(decision.reason).toMatchObject({ kind: 'SlotUtilization', slotsInUse });
  });

  test('is averaged over a minute, so that a short rise asks for nothing', () => {
    const quiet = ticks({ state: running(4), nowMs: startMs }, 29, () => ({ slotsInUse: 60 }));
    const state = quiet.at(-1)?.state ?? running(4);
    const [rise] = ticks({ state, nowMs: startMs + 58_000 }, 1, () => ({ slotsInUse: 98 }));
    expect(rise?.replicas).toBe(4);
  });

  test('a whole number of workers is not rounded up by the way floating point numbers are kept', () => {
    const policy = aPolicy({ sessionsPerWorker: 100, slotUtilization: 0.07 });
    expect(Array.from({ length: 40 }, (_, index) => workersFor((index + 1) * 7, policy))).toEqual(
      Array.from({ length: 40 }, (_, index) => index + 1),
    );
  });
});

describe('the buffer', () => {
  test.each<{ readonly name: string; readonly buffer: { sessions: number; percent: number }; readonly seen: Seen; readonly kept: object }>([
    {
      name: 'is a number of sessions',
      buffer: { sessions: 5, percent: 10 },
      seen: { slotsInUse: 40 },
      kept: { sessions: 5, from: 'sessions' },
    },
    {
      name: 'is a share when that is more',
      buffer: { sessions: 5, percent: 10 },
      seen: { slotsInUse: 80 },
      kept: { sessions: 8, from: 'percent' },
    },
    {
      name: 'is what arrives while a worker starts when that is most',
      buffer: { sessions: 5, percent: 10 },
      seen: { slotsInUse: 40, arrivalsPerSecond: 1.5, startUpMs: 8_000 },
      kept: { sessions: 12, from: 'arrivals' },
    },
    {
      name: 'takes ten seconds for a start until one was seen',
      buffer: { sessions: 5, percent: 10 },
      seen: { slotsInUse: 40, arrivalsPerSecond: 1.5 },
      kept: { sessions: 15, from: 'arrivals' },
    },
    {
      name: 'takes ten seconds for a start whose length is nonsense',
      buffer: { sessions: 5, percent: 10 },
      seen: { slotsInUse: 40, arrivalsPerSecond: 1.5, startUpMs: Number.NaN },
      kept: { sessions: 15, from: 'arrivals' },
    },
  ])('$name', ({ buffer, seen, kept }) => {
    expect(decide(4, seen, aPolicy({ buffer })).decision.reason).toMatchObject({ kind: 'SlotUtilization', buffer: kept });
  });

  test('has workers of its own', () => {
    expect(decide(2, { slotsInUse: 35 }, aPolicy({ buffer: { sessions: 10, percent: 0 } })).replicas).toBe(3);
  });
});

describe('a backlog', () => {
  test('of 500 with two workers is answered at the first tick, as far as the lines go', () => {
    const { replicas, decision } = decide(2, { slotsInUse: 50, backlog: 500 });
    expect(decision).toMatchObject({ asked: 32, mode: 'panic', reason: { kind: 'Backlog', slotsInUse: 50, backlogSlots: 500 } });
    expect(replicas).toBe(7);
  });

  test('asks for a slot for each session that waits, and no more however long calls are', () => {
    expect(decide(2, { backlog: 70, sessionMs: 180_000 }).decision.asked).toBe(4);
  });

  test('asks for fewer where one slot serves several sessions within the time', () => {
    expect(decide(2, { backlog: 210, sessionMs: 10_000 }).decision.asked).toBe(4);
  });

  test('is judged by the last seconds: one that is gone after a tick counts a third', () => {
    const all = ticks({ state: running(2), nowMs: startMs }, 4, (index) => ({ slotsInUse: 20, backlog: index === 2 ? 30 : 0 }));
    expect(all.map(({ replicas }) => replicas)).toEqual([2, 2, 2, 2]);
  });

  test('of sessions that nothing is known to serve is no reason to shrink', () => {
    expect(decide(9, { slotsInUse: 'missing', backlog: 20 }).replicas).toBe(9);
  });

  test('raises even while the slots in use are not known', () => {
    expect(decide(2, { slotsInUse: 'missing', backlog: 500 }).replicas).toBe(7);
  });
});

describe('the guards', () => {
  const slow: Seen = { slotsInUse: 35, workerLatencyMs: 400 };
  const late: Seen = { slotsInUse: 30, backlog: 3, oldestWaitMs: 45_000 };

  test.each([
    { name: 'slow workers', seen: slow, reason: { kind: 'WorkerLatency', p95Ms: 400, targetMs: 250 } },
    { name: 'a long wait while lines are free', seen: late, reason: { kind: 'OldestWait', waitMs: 45_000, withinMs: 30_000 } },
  ])('$name ask for one worker more, once in a minute', ({ seen, reason }) => {
    const all = ticks({ state: running(2), nowMs: startMs }, 62, () => seen);
    expect(all[0]?.decision.reason).toEqual(reason);
    expect([0, 29, 30, 59, 60].map((index) => all[index]?.replicas)).toEqual([3, 3, 4, 4, 5]);
  });

  test('ask for none while workers start', () => {
    expect(decide(3, { ...slow, workers: { serving: 2, starting: 1 } }).replicas).toBe(3);
  });

  test('keep what is there as long as it is slow', () => {
    const all = ticks({ state: running(5), nowMs: startMs }, 400, () => ({
      slotsInUse: 35,
      workerLatencyMs: 400,
      workers: { starting: 1 },
    }));
    expect(all.at(-1)?.replicas).toBe(5);
  });

  test('go no further than the lines do', () => {
    expect(decide(7, { ...slow, slotsInUse: 98 })).toMatchObject({ replicas: 7 });
  });

  test.each<{ readonly name: string; readonly seen: Seen }>([
    { name: 'latency on target', seen: { slotsInUse: 35, workerLatencyMs: 250 } },
    { name: 'a wait within the time', seen: { ...late, oldestWaitMs: 30_000 } },
    { name: 'a wait for lines, which no worker shortens', seen: { ...late, slotsInUse: 35, ceiling: 35 } },
    { name: 'a wait of sessions that could not start anyway', seen: { ...late, backlog: 0 } },
  ])('let pass: $name', ({ seen }) => {
    expect(decide(2, seen).replicas).toBe(2);
  });
});

describe('what is not known', () => {
  const quiet = (over: Seen): Seen => ({ slotsInUse: 10, ...over });
  const flaws: readonly { readonly flaw: string; readonly reading: Reading }[] = [
    { flaw: 'Missing', reading: 'missing' },
    { flaw: 'Stale', reading: { value: 0, ageMs: 10_001 } },
    { flaw: 'Invalid', reading: { value: Number.NaN, ageMs: 0 } },
    { flaw: 'Invalid', reading: { value: -1, ageMs: 0 } },
    { flaw: 'Invalid', reading: { value: Number.POSITIVE_INFINITY, ageMs: 0 } },
    { flaw: 'Stale', reading: { value: 0, ageMs: Number.NaN } },
  ];
  const names = ['slotsInUse', 'ceiling', 'backlog', 'oldestWaitMs', 'workerLatencyMs', 'arrivalsPerSecond'] as const;

  test.each(names.flatMap((signal) => flaws.map(({ flaw, reading }) => ({ signal, flaw, reading }))))(
    'takes nothing away: $signal, $flaw',
    ({ signal, flaw, reading }) => {
      const { state } = decide(6, quiet({ [signal]: reading }));
      const all = ticks({ state, nowMs: startMs + 2_000 }, 400, () => quiet({ [signal]: reading }));
      expect(all.every(({ replicas }) => replicas === 6)).toBe(true);
      expect(all[0]?.decision.clamps.at(-1) ?? all[0]?.decision.reason).toMatchObject({ unknown: [{ signal, why: flaw }] });
    },
  );

  test('a blind minute is no quiet one: the five minutes begin when all is known again', () => {
    const all = ticks({ state: running(6), nowMs: startMs }, 320, (index) => quiet(index < 150 ? { workerLatencyMs: 'missing' } : {}));
    expect(all.findIndex(({ replicas }) => replicas < 6)).toBe(299);
  });

  test('workers that are busy matter to stateful handlers only', () => {
    expect(decide(6, quiet({ busyWorkers: 'missing' })).decision.seen.unknown).toEqual([]);
    expect(decide(6, quiet({ busyWorkers: 'missing' }), aPolicy({ handler: 'stateful' })).decision.seen.unknown).toHaveLength(1);
  });

  test('with nothing known at all the number stays, and says so', () => {
    const { replicas, decision } = decide(6, { slotsInUse: 'missing', backlog: 'missing' });
    expect({ replicas, reason: decision.reason.kind }).toEqual({ replicas: 6, reason: 'SignalsUnknown' });
  });

  test('a ceiling that was never known lets none be added', () => {
    const { replicas, decision } = decide(2, { backlog: 500, ceiling: 'missing' });
    expect(replicas).toBe(2);
    expect(decision.clamps).toContainEqual({ by: 'CeilingUnknown', from: 29, to: 2 });
  });

  test('a ceiling that was known still bounds', () => {
    const { state } = decide(2, { ceiling: 98 });
    const [blind] = ticks({ state, nowMs: startMs + 2_000 }, 1, () => ({ backlog: 5_000, ceiling: 'missing' }));
    expect(blind?.replicas).toBe(7);
  });
});

describe('workers that lines can use', () => {
  test.each([
    { ceiling: 98, useful: 7 },
    { ceiling: 105, useful: 7 },
    { ceiling: 106, useful: 8 },
    { ceiling: 0, useful: 1 },
  ])('$ceiling lines: $useful', ({ ceiling, useful }) => {
    expect(usefulWorkers(ceiling, 0, aPolicy())).toBe(useful);
  });

  test('calls above the ceiling have workers too', () => {
    expect(usefulWorkers(10, 98, aPolicy())).toBe(7);
  });

  test('one is spare wherever callers may come in', () => {
    expect(spareWorkers(0, [{ direction: 'Outbound' }, { direction: 'Inbound' }])).toBe(1);
    expect(spareWorkers(0, [{ direction: 'Any' }])).toBe(1);
    expect(spareWorkers(0, [{ direction: 'Outbound' }])).toBe(0);
    expect(spareWorkers(3, [{ direction: 'Inbound' }])).toBe(3);
  });
});
