import { describe, expect, test } from 'vitest';
import { openSchedule, type ScalingSchedule, type Weekday } from '../../../capacity/scaling/schedule.ts';
import { isTimeZone } from '../../../crds/values.ts';
import { aPolicy, decide } from './given.ts';

const weekdays: readonly Weekday[] = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri'];
const everyDay: readonly Weekday[] = [...weekdays, 'Sat', 'Sun'];

function window(over: Partial<ScalingSchedule> = {}): ScalingSchedule {
  return {
    name: 'daytime',
    timezone: 'America/New_York',
    days: weekdays,
    startMinute: 9 * 60,
    endMinute: 17 * 60,
    minReplicas: undefined,
    maxReplicas: undefined,
    ...over,
  };
}

const open = (schedule: ScalingSchedule, time: string): boolean => openSchedule([schedule], Date.parse(time)) !== undefined;

describe('a window of the week', () => {
  test.each([
    { name: 'begins with its first minute, in its own time zone', time: '2026-11-23T09:00:00-05:00', expected: true },
    { name: 'is closed the second before', time: '2026-11-23T08:59:59-05:00', expected: false },
    { name: 'ends with the last second before its end', time: '2026-11-23T16:59:59-05:00', expected: true },
    { name: 'is closed at its end', time: '2026-11-23T17:00:00-05:00', expected: false },
    { name: 'is closed on other days', time: '2026-11-22T12:00:00-05:00', expected: false },
    { name: 'goes by the day of its time zone', time: '2026-11-24T03:00:00Z', expected: false },
    { name: 'follows daylight saving time', time: '2026-07-06T09:00:00-04:00', expected: true },
  ])('$name', ({ time, expected }) => {
    expect(open(window(), time)).toBe(expected);
  });

  test.each([
    { name: 'is open in the evening of its day', time: '2026-11-27T23:00:00Z', expected: true },
    { name: 'and in the morning after', time: '2026-11-28T05:59:00Z', expected: true },
    { name: 'but not the morning after that', time: '2026-11-29T05:00:00Z', expected: false },
    { name: 'nor before its evening', time: '2026-11-23T05:00:00Z', expected: false },
  ])('that runs over midnight $name', ({ time, expected }) => {
    const nightly = window({ timezone: 'UTC', startMinute: 22 * 60, endMinute: 6 * 60 });
    expect(open(nightly, time)).toBe(expected);
  });

  test('can be a whole day', () => {
    const saturday = window({ timezone: 'UTC', days: ['Sat'], startMinute: 0, endMinute: 1440 });
    expect(
      ['2026-11-27T23:59:59Z', '2026-11-28T00:00:00Z', '2026-11-28T23:59:59Z', '2026-11-29T00:00:00Z'].map((at) => open(saturday, at)),
    ).toEqual([false, true, true, false]);
  });

  test('is reckoned by clocks that are not whole hours away too', () => {
    expect(open(window({ timezone: 'Asia/Kathmandu', startMinute: 9 * 60, endMinute: 9 * 60 + 1 }), '2026-11-23T03:15:00Z')).toBe(true);
  });
});

describe('when clocks change', () => {
  /** Minutes of a day in which the window is open, seen minute by minute through the day in UTC. */
  function openMinutes(schedule: ScalingSchedule, fromTime: string, hours: number): number {
    const fromMs = Date.parse(fromTime);
    return Array.from({ length: hours * 60 }, (_, minute) => fromMs + minute * 60_000).filter((atMs) => openSchedule([schedule], atMs))
      .length;
  }

  test.each([
    { name: 'a window over the hour left out is an hour shorter', day: '2026-03-29T00:00:00+01:00', start: 1, end: 5, minutes: 180 },
    { name: 'a window within the hour left out does not open', day: '2026-03-29T00:00:00+01:00', start: 2, end: 3, minutes: 0 },
    { name: 'a window over the hour that comes twice is an hour longer', day: '2026-10-25T00:00:00+02:00', start: 1, end: 5, minutes: 300 },
    { name: 'others are as long as ever', day: '2026-10-25T00:00:00+02:00', start: 9, end: 17, minutes: 480 },
  ])('$name', ({ day, start, end, minutes }) => {
    const schedule = window({ timezone: 'Europe/Berlin', days: everyDay, startMinute: start * 60, endMinute: end * 60 });
    expect(openMinutes(schedule, day, 22)).toBe(minutes);
  });

  test('two zones that change on different days are each right in between', () => {
    // 16 March 2026: New York is on daylight saving time, Berlin not yet.
    expect(open(window(), '2026-03-16T13:00:00Z')).toBe(true);
    expect(open(window({ timezone: 'Europe/Berlin' }), '2026-03-16T07:59:00Z')).toBe(false);
    expect(open(window({ timezone: 'Europe/Berlin' }), '2026-03-16T08:00:00Z')).toBe(true);
  });
});

test.each([
  { name: 'Europe/Berlin', known: true },
  { name: 'UTC', known: true },
  { name: 'Callee', known: false },
  { name: 'Mars/Olympus', known: false },
  { name: '', known: false },
])('"$name" is a time zone: $known', ({ name, known }) => {
  expect(isTimeZone(name)).toBe(known);
});

describe('schedules of a pool', () => {
  const at = Date.parse('2026-11-23T12:00:00-05:00');
  const after = Date.parse('2026-11-23T17:00:00-05:00');
  const withSchedules = (...schedules: readonly ScalingSchedule[]) => aPolicy({ schedules });

  test('a floor has its workers there at once', () => {
    const { replicas, decision } = decide(2, {}, withSchedules(window({ minReplicas: 5 })), at);
    expect(replicas).toBe(5);
    expect(decision.clamps.at(-1)).toEqual({ by: 'ScheduleFloor', schedule: 'daytime', from: 2, to: 5 });
  });

  test('a cap holds at once too, whatever is asked for', () => {
    const policy = withSchedules(window({ maxReplicas: 3 }));
    expect(decide(6, { slotsInUse: 98 }, policy, at).replicas).toBe(3);
    expect(decide(6, { slotsInUse: 98 }, policy, after).replicas).toBe(6);
  });

  test('a floor goes no further than the lines can use', () => {
    expect(decide(2, {}, withSchedules(window({ minReplicas: 15 })), at).replicas).toBe(7);
  });

  test('the least that the pool declares goes before a cap', () => {
    expect(decide(2, {}, withSchedules(window({ maxReplicas: 1 })), at).replicas).toBe(2);
  });

  test('of windows that overlap the first in the list counts', () => {
    const lunch = window({ name: 'lunch', startMinute: 12 * 60, endMinute: 13 * 60, minReplicas: 3, maxReplicas: 4 });
    expect(decide(2, {}, withSchedules(lunch, window({ minReplicas: 6 })), at).replicas).toBe(3);
    expect(decide(2, {}, withSchedules(window({ minReplicas: 6 }), lunch), at).replicas).toBe(6);
  });
});
