import type { ClassName } from '../../crds/values.ts';
import type { ClassPolicy } from '../policy/policy.ts';
import type { Blocked, Waiting } from './snapshot.ts';

/**
 * Waiting sessions in the order in which they are considered. Sessions of one class that can be placed in exactly the same places (same direction,
 * same pinned project, both with or without a line) share a lane: when the first of a lane cannot be placed, none behind it can, and lanes are how
 * one that cannot be placed never blocks one that can.
 */
export type Lane = {
  readonly class: ClassName;
  readonly policy: ClassPolicy | undefined;
  /** By score, then in order of arrival. */
  readonly sessions: readonly Waiting[];
  next: number;
  blocked: Blocked | undefined;
};

/** Slot-seconds that an admission is charged with before it has used any, so that one step does not give everything to one class. */
const expectedSlotSeconds = 60;

/** A session that has waited this long counts its class's weight double, and never more. */
const weightDoublesAfterMs = 60_000;

export class Queue {
  readonly #lanes: readonly Lane[];
  readonly #slotSeconds: Map<ClassName, number>;
  readonly #nowMs: number;

  constructor(waiting: readonly Waiting[], classes: readonly ClassPolicy[], slotSeconds: ReadonlyMap<ClassName, number>, nowMs: number) {
    this.#lanes = lanesOf(waiting, classes);
    this.#slotSeconds = new Map(slotSeconds);
    this.#nowMs = nowMs;
  }

  /** The lane whose first session comes next: highest priority; among equals, the class furthest behind its weight; in it, score and arrival. */
  first(): Lane | undefined {
    let chosen: Lane | undefined;
    for (const lane of this.#firstOfEachClass()) {
      if (chosen === undefined || this.#share(lane) < this.#share(chosen)) chosen = lane;
    }
    return chosen;
  }

  /** Takes the lane's first session out of the queue. */
  admit(lane: Lane): void {
    lane.next += 1;
    this.#slotSeconds.set(lane.class, (this.#slotSeconds.get(lane.class) ?? 0) + expectedSlotSeconds);
  }

  /** Looks again at lanes that reservations blocked, because a slot is no longer withheld. */
  reconsider(): void {
    for (const lane of this.#lanes) if (lane.blocked?.by === 'reservation') lane.blocked = undefined;
  }

  /** Lanes that still have sessions, highest priority first. */
  left(): readonly Lane[] {
    return this.#lanes.filter(({ sessions, next }) => next < sessions.length);
  }

  /** For each class of the highest priority that has an open lane, the lane whose head is its next session. */
  #firstOfEachClass(): Iterable<Lane> {
    const first = new Map<ClassName, Lane>();
    let priority: number | undefined;
    for (const lane of this.#lanes) {
      if (lane.blocked !== undefined || lane.next >= lane.sessions.length) continue;
      if (priority !== undefined && priorityOf(lane) < priority) break;
      priority = priorityOf(lane);
      const other = first.get(lane.class);
      if (other === undefined || headComesBefore(lane, other)) first.set(lane.class, lane);
    }
    return first.values();
  }

  /** Slot-seconds per weight; the smallest comes first. */
  #share(lane: Lane): number {
    const readySinceMs = lane.sessions[lane.next]?.readySinceMs ?? this.#nowMs;
    const age = Math.min(1, Math.max(0, this.#nowMs - readySinceMs) / weightDoublesAfterMs);
    return (this.#slotSeconds.get(lane.class) ?? 0) / ((lane.policy?.weight ?? 1) * (1 + age));
  }
}

function headComesBefore(a: Lane, b: Lane): boolean {
  const [headOfA, headOfB] = [a.sessions[a.next], b.sessions[b.next]];
  return headOfA !== undefined && headOfB !== undefined && earlier(headOfA, headOfB) < 0;
}

/** Higher score first, then earlier arrival. */
function earlier(a: Waiting, b: Waiting): number {
  return b.score - a.score || a.sequence - b.sequence;
}

function priorityOf(lane: Lane): number {
  return lane.policy?.priority ?? -1;
}

function lanesOf(waiting: readonly Waiting[], classes: readonly ClassPolicy[]): readonly Lane[] {
  const order = new Map(classes.map((declared, index) => [declared.name, index]));
  const lanes = new Map<string, { readonly class: ClassName; readonly policy: ClassPolicy | undefined; readonly sessions: Waiting[] }>();
  for (const session of waiting) {
    const { lineAt } = session;
    const line = lineAt === undefined ? `${session.holdsLine}` : `${lineAt.subscription} ${lineAt.upstreams.join()}`;
    const key = `${session.class}/${session.direction}/${line}/${session.project ?? ''}`;
    const lane = lanes.get(key);
    if (lane !== undefined) lane.sessions.push(session);
    else lanes.set(key, { class: session.class, policy: classes[order.get(session.class) ?? -1], sessions: [session] });
  }
  const place = (lane: { readonly class: ClassName }): number => order.get(lane.class) ?? classes.length;
  return [...lanes.values()]
    .sort((a, b) => (b.policy?.priority ?? -1) - (a.policy?.priority ?? -1) || place(a) - place(b))
    .map((lane) => ({ ...lane, sessions: lane.sessions.sort(earlier), next: 0, blocked: undefined }));
}
