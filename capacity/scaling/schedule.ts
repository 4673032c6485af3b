/**
 * A window of the week with a floor and a cap of its own, by the wall clock of a time zone. Where clocks are put forward, a window that would begin
 * in the hour left out begins with the next one; where they are put back, the hour that comes twice counts twice.
 */
export type ScalingSchedule = {
  readonly name: string;
  /** An IANA name. */
  readonly timezone: string;
  /** The days on which the window begins. */
  readonly days: readonly Weekday[];
  /** Minutes after midnight, 0 to 1439. */
  readonly startMinute: number;
  /** The first minute that is no longer in it, 1 to 1440. Not after the start: the window runs into the next day. Equal to it is refused before. */
  readonly endMinute: number;
  readonly minReplicas: number | undefined;
  readonly maxReplicas: number | undefined;
};

export type Weekday = 'Mon' | 'Tue' | 'Wed' | 'Thu' | 'Fri' | 'Sat' | 'Sun';

const week: readonly Weekday[] = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];

/** The first schedule whose window is open. */
export function openSchedule(schedules: readonly ScalingSchedule[], nowMs: number): ScalingSchedule | undefined {
  return schedules.find((schedule) => isOpen(schedule, wallClock(schedule.timezone, nowMs)));
}

function isOpen({ days, startMinute, endMinute }: ScalingSchedule, { day, minute }: WallClock): boolean {
  if (startMinute < endMinute) return days.includes(day) && minute >= startMinute && minute < endMinute;
  if (minute >= startMinute) return days.includes(day);
  return minute < endMinute && days.includes(dayBefore(day));
}

type WallClock = { readonly day: Weekday; readonly minute: number };

/** Making one takes longer than a decision. There are a few hundred time zones, so it stays small. */
const formats = new Map<string, Intl.DateTimeFormat>();

/** What a clock on the wall of that zone shows. @throws RangeError for a name that is no time zone */
export function wallClock(timezone: string, nowMs: number): WallClock {
  const format = formats.get(timezone) ?? formatOf(timezone);
  formats.set(timezone, format);
  const parts = new Map(format.formatToParts(nowMs).map(({ type, value }) => [type, value]));
  const day = week.find((name) => name === parts.get('weekday')) ?? 'Mon';
  return { day, minute: Number(parts.get('hour')) * 60 + Number(parts.get('minute')) };
}

function formatOf(timezone: string): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat('en-US', { timeZone: timezone, weekday: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
}

function dayBefore(day: Weekday): Weekday {
  return week[(week.indexOf(day) + 6) % 7] ?? day;
}
