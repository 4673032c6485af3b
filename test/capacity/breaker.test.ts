import { describe, expect, test } from 'vitest';
import {
  type BreakerEvent,
  type BreakerState,
  closedBreaker,
  observe,
  pauseEndsAtMs,
  pauseOf,
  pauseWithinReach,
} from '../../capacity/breaker/breaker.ts';

const startMs = 600_000;
const tell = (state: BreakerState, event: BreakerEvent, nowMs: number): BreakerState => observe(state, event, nowMs);
const call = (result: 'fine' | 'failed' | 'unknown', startedAtMs: number): BreakerEvent => ({ kind: 'call', result, startedAtMs });
const fault = (startedAtMs: number, direction: 'Inbound' | 'Outbound' = 'Outbound'): BreakerEvent => ({
  kind: 'project-fault',
  reason: 'the key is refused',
  direction,
  startedAtMs,
});

/** So many calls of each kind, a second apart, begun just before they end. */
function calls(results: readonly ('fine' | 'failed' | 'unknown')[], state: BreakerState = closedBreaker, fromMs = startMs): BreakerState {
  return results.reduce((now, result, index) => tell(now, call(result, fromMs + index * 1_000), fromMs + index * 1_000), state);
}
const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value);

describe('failing calls', () => {
  test.each([
    { name: 'nine failures are too few to tell', results: times(9, 'failed' as const), paused: false },
    { name: 'five of ten open it', results: [...times(5, 'fine' as const), ...times(5, 'failed' as const)], paused: true },
    { name: 'four of ten do not', results: [...times(6, 'fine' as const), ...times(4, 'failed' as const)], paused: false },
    { name: 'unknown ends are no evidence', results: times(20, 'unknown' as const), paused: false },
  ])('$name', ({ results, paused }) => {
    expect(pauseOf(calls(results), startMs + 20_000) !== undefined).toBe(paused);
  });

  test('count within a minute only', () => {
    const old = calls(times(9, 'failed'));
    expect(pauseOf(calls(['failed'], old, startMs + 120_000), startMs + 120_000)).toBeUndefined();
  });

  const open = calls(times(10, 'failed'));
  const openedMs = startMs + 9_000;
  const halfOpenMs = openedMs + 30_000;

  test('pause the project for 30 s, then two calls may try', () => {
    expect(pauseOf(open, halfOpenMs - 1)?.until).toBe('closed');
    expect(pauseEndsAtMs(open, openedMs)).toBe(halfOpenMs);
    const one = tell(open, { kind: 'probe-sent' }, halfOpenMs);
    expect(pauseOf(one, halfOpenMs)?.until).toBe('probe-allowed');
    expect(pauseOf(tell(one, { kind: 'probe-sent' }, halfOpenMs), halfOpenMs)?.until).toBe('closed');
  });

  test('is no further away from its end than it can be after the clock was set back', () => {
    expect(pauseEndsAtMs(pauseWithinReach(open, 0), 0)).toBe(30_000);
    expect(pauseWithinReach(open, openedMs)).toEqual(open);
  });

  test('a try that was taken back unsent leaves its place to another', () => {
    const both = [1, 2].reduce((state) => tell(state, { kind: 'probe-sent' }, halfOpenMs), open);
    expect(pauseOf(tell(both, { kind: 'probe-unsent' }, halfOpenMs), halfOpenMs)?.until).toBe('probe-allowed');
  });

  const tried = [1, 2].reduce((state) => tell(state, { kind: 'probe-sent' }, halfOpenMs), open);

  test('two good calls close it', () => {
    expect(pauseOf(calls(['fine', 'fine'], tried, halfOpenMs), halfOpenMs + 2_000)).toBeUndefined();
  });

  test('one bad call opens it again', () => {
    expect(pauseOf(calls(['fine', 'failed'], tried, halfOpenMs), halfOpenMs + 2_000)?.until).toBe('closed');
  });

  test('calls that began before it opened tell nothing', () => {
    const late = [1, 2].reduce((state) => tell(state, call('fine', startMs), halfOpenMs + 1_000), tried);
    expect(pauseOf(late, halfOpenMs + 1_000)).toBeDefined();
  });

  test('unknown never closes it (I9), but after two minutes of silence others may try', () => {
    const silent = calls(['unknown', 'unknown'], tried, halfOpenMs);
    expect(pauseOf(silent, halfOpenMs + 119_000)?.until).toBe('closed');
    expect(pauseOf(silent, halfOpenMs + 120_000)?.until).toBe('probe-allowed');
  });
});

describe('a project at fault', () => {
  const faulted = tell(closedBreaker, fault(startMs), startMs);

  test('pauses at once and says why', () => {
    expect(pauseOf(faulted, startMs)).toMatchObject({ until: 'closed', reason: 'the key is refused' });
  });

  test('is tried ever more rarely, from 30 s to 10 min', () => {
    let state = faulted;
    let nowMs = startMs;
    const waits: number[] = [];
    for (let round = 0; round < 7; round++) {
      const retryAtMs = pauseEndsAtMs(state, nowMs) ?? 0;
      waits.push((retryAtMs - nowMs) / 1_000);
      nowMs = retryAtMs;
      expect(pauseOf(state, nowMs)?.until).toBe('probe-allowed');
      state = tell(state, { kind: 'probe-sent' }, nowMs);
      expect(pauseOf(state, nowMs)?.until).toBe('closed');
      state = tell(state, fault(nowMs), nowMs);
    }
    expect(waits).toEqual([30, 60, 120, 240, 480, 600, 600]);
  });

  test('is not tried more rarely for calls that were under way', () => {
    const again = tell(faulted, fault(startMs - 50), startMs + 100);
    expect(pauseEndsAtMs(again, startMs)).toBe(startMs + 30_000);
  });

  test('comes back with the first call that it creates', () => {
    expect(pauseOf(tell(faulted, { kind: 'created', startedAtMs: startMs - 1 }, startMs + 100), startMs + 100)).toBeDefined();
    expect(pauseOf(tell(faulted, { kind: 'created', startedAtMs: startMs + 30_000 }, startMs + 30_500), startMs + 30_500)).toBeUndefined();
  });
});

describe('refusals that nobody can explain', () => {
  const refused = (startedAtMs: number): BreakerEvent => ({ kind: 'refused', startedAtMs });
  const refusals = (count: number, state: BreakerState = closedBreaker) =>
    times(count, refused(startMs - 50)).reduce((now, event) => tell(now, event, startMs), state);

  test.each([
    { name: 'four sessions in a row may be wrong themselves', state: refusals(4), paused: false },
    { name: 'at five in a row the project is', state: refusals(5), paused: true },
    {
      name: 'a call in between begins the row anew',
      state: refusals(4, tell(refusals(4), { kind: 'created', startedAtMs: startMs }, startMs)),
      paused: false,
    },
  ])('$name', ({ state, paused }) => {
    expect(pauseOf(state, startMs) !== undefined).toBe(paused);
  });

  test('pause it: the next one is enough then, and a call that it creates brings it back', () => {
    const retryAtMs = startMs + 30_000;
    const paused = refusals(9);
    expect(pauseOf(paused, startMs)).toMatchObject({ until: 'closed', reason: expect.stringContaining('assistant') });
    expect(pauseEndsAtMs(paused, startMs)).toBe(retryAtMs);
    const again = tell(tell(paused, { kind: 'probe-sent' }, retryAtMs), refused(retryAtMs), retryAtMs);
    expect(pauseOf(again, retryAtMs)?.until).toBe('closed');
    expect(
      pauseOf(tell(again, { kind: 'created', startedAtMs: retryAtMs + 60_000 }, retryAtMs + 61_000), retryAtMs + 61_000),
    ).toBeUndefined();
  });

  test('pause it for 30 s each time, however bad a list is', () => {
    let state = refusals(5);
    for (let retryAtMs = startMs + 30_000; retryAtMs < startMs + 300_000; retryAtMs += 30_000) {
      expect(pauseEndsAtMs(state, retryAtMs - 1)).toBe(retryAtMs);
      state = tell(tell(state, { kind: 'probe-sent' }, retryAtMs), refused(retryAtMs), retryAtMs);
    }
  });

  test('that were under way when it paused do not pause it for longer', () => {
    expect(pauseEndsAtMs(tell(refusals(5), refused(startMs - 50), startMs + 10_000), startMs + 10_000)).toBe(startMs + 30_000);
  });
});

describe('callers, who need no creation,', () => {
  const throttled = tell(closedBreaker, { kind: 'throttled' }, startMs);
  const failing = calls(times(10, 'failed'));
  const faulted = tell(closedBreaker, fault(startMs), startMs);
  const callersFault = tell(closedBreaker, fault(startMs, 'Inbound'), startMs);
  const refusals = times<BreakerEvent>(5, { kind: 'refused', startedAtMs: startMs - 50 });

  test.each([
    { name: 'are let in where creations meet a fault', state: faulted, stops: 'creations' },
    {
      name: 'are let in where creations are refused',
      state: refusals.reduce((now, one) => tell(now, one, startMs), closedBreaker),
      stops: 'creations',
    },
    { name: 'are let in where requests are throttled', state: throttled, stops: 'creations' },
    { name: 'are sent elsewhere where calls fail', state: failing, stops: 'everything' },
    {
      name: 'are sent elsewhere where calls fail and requests are throttled',
      state: tell(failing, { kind: 'throttled' }, startMs),
      stops: 'everything',
    },
    {
      name: 'are sent elsewhere where calls fail and then creations',
      state: tell(failing, fault(startMs + 9_000), startMs + 9_000),
      stops: 'everything',
    },
    { name: 'are sent elsewhere where a caller met the fault', state: callersFault, stops: 'everything' },
    {
      name: 'are sent elsewhere once one of them meets it',
      state: tell(faulted, fault(startMs - 50, 'Inbound'), startMs),
      stops: 'everything',
    },
    {
      name: 'stay sent elsewhere when a creation meets it too',
      state: tell(callersFault, fault(startMs), startMs + 1),
      stops: 'everything',
    },
  ])('$name', ({ state, stops }) => {
    expect(pauseOf(state, startMs)?.stops).toBe(stops);
  });

  test('bring it back with one good call that began after their fault', () => {
    const retryAtMs = startMs + 30_000;
    expect(pauseOf(tell(callersFault, call('fine', startMs - 50), retryAtMs), retryAtMs)).toBeDefined();
    expect(pauseOf(tell(callersFault, call('failed', retryAtMs), retryAtMs), retryAtMs)).toBeDefined();
    expect(pauseOf(tell(callersFault, call('fine', retryAtMs), retryAtMs + 9_000), retryAtMs + 9_000)).toBeUndefined();
  });

  test('do not bring it back where only creations are at fault', () => {
    expect(pauseOf(tell(faulted, call('fine', startMs + 1), startMs + 9_000), startMs + 9_000)).toBeDefined();
  });
});

test('a throttled project pauses until the next minute', () => {
  const throttled = tell(closedBreaker, { kind: 'throttled' }, 610_000);
  expect(pauseOf(throttled, 659_999)?.until).toBe('closed');
  expect(pauseOf(throttled, 660_000)).toBeUndefined();
});
