import type { Known, Unknown } from './signals.ts';

/** How many workers there should be, and why. Plain data: status, events, metrics and `explain` tell it, and nobody forms a second opinion. */
export type Decision = {
  readonly replicas: number;
  /** Wanted until now. */
  readonly previous: number;
  /** What the signals asked for, before anything bounded it. */
  readonly asked: number;
  readonly reason: Reason;
  /** Everything that changed the number on its way, in order. */
  readonly clamps: readonly Clamp[];
  /** `panic`: demand is at least twice what is there, or was within the last minute; judged by seconds, and nothing is taken away. */
  readonly mode: 'stable' | 'panic';
  readonly workers: { readonly serving: number; readonly starting: number; readonly draining: number };
  readonly seen: Known;
  /** Sessions that one worker is meant to carry. */
  readonly sessionsEach: number;
};

/** The signal that asked for most. Its word is documented: it stands in the pool's status. */
export type Reason =
  /** Slots in use, over the last minute or seconds, and the room kept beyond them. */
  | { readonly kind: 'SlotUtilization'; readonly slotsInUse: number; readonly buffer: Buffer }
  /** Slots in use, and those that the backlog takes if all of it is to start in time. */
  | { readonly kind: 'Backlog'; readonly slotsInUse: number; readonly backlogSlots: number; readonly withinMs: number }
  | { readonly kind: 'OldestWait'; readonly waitMs: number; readonly withinMs: number }
  | { readonly kind: 'WorkerLatency'; readonly p95Ms: number; readonly targetMs: number }
  /** Neither slots in use nor backlog are known: the number stays. */
  | { readonly kind: 'SignalsUnknown'; readonly unknown: readonly Unknown[] };

export type Buffer = { readonly sessions: number; readonly from: 'sessions' | 'percent' | 'arrivals' };

/** A limit, and the number before and after it. */
export type Clamp = Limit & { readonly from: number; readonly to: number };

export type Limit =
  /** Load and target are too near each other to change anything. */
  | { readonly by: 'Tolerance' }
  /** More workers than the provider's lines can use are waste. */
  | { readonly by: 'ProviderCeiling'; readonly ceiling: number; readonly spare: number }
  /** The ceiling has never been known: no more workers until it is. */
  | { readonly by: 'CeilingUnknown' }
  /** Fewer (up) or more (down) workers were asked for within the window. */
  | { readonly by: 'ScaleUpStabilization' | 'ScaleDownStabilization'; readonly windowMs: number }
  | { readonly by: 'Panic' }
  | { readonly by: 'ScaleUpLimit' | 'ScaleDownLimit' }
  /** Nothing is taken away on what is not known (I9). */
  | { readonly by: 'SignalsUnknown'; readonly unknown: readonly Unknown[] }
  /** What came before the start is not known either. */
  | { readonly by: 'Restart'; readonly remainingMs: number }
  | { readonly by: 'ScheduleFloor' | 'ScheduleCap'; readonly schedule: string }
  | { readonly by: 'MinReplicas' | 'MaxReplicas' }
  /** Draining workers still run and count until they are gone. */
  | { readonly by: 'Draining'; readonly draining: number }
  /** Sessions of a stateful handler stay with their worker. Undefined: not known, so none is given up. */
  | { readonly by: 'BusyWorkers'; readonly busy: number | undefined };

const upward: readonly Limit['by'][] = [
  'ProviderCeiling',
  'CeilingUnknown',
  'ScaleUpStabilization',
  'ScaleUpLimit',
  'ScheduleCap',
  'MaxReplicas',
  'Draining',
];

/** The limit that keeps the pool from the workers that its signals ask for: the last one met. What `ScalingLimited` reports. */
export function limitedBy({ replicas, asked, clamps }: Decision): Clamp | undefined {
  if (replicas >= asked) return undefined;
  return clamps.findLast(({ by, from, to }) => to < from && upward.includes(by));
}

/** A number of workers on its way through the limits. */
export type Course = { readonly workers: number; readonly clamps: readonly Clamp[] };

export function atMost(course: Course, most: number, limit: Limit): Course {
  return course.workers > most ? moved(course, most, limit) : course;
}

export function atLeast(course: Course, least: number, limit: Limit): Course {
  return course.workers < least ? moved(course, least, limit) : course;
}

export function moved({ workers, clamps }: Course, to: number, limit: Limit): Course {
  return { workers: to, clamps: [...clamps, { ...limit, from: workers, to }] };
}
