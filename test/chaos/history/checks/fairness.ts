import type { ClassPolicy } from '../../../../capacity/policy/policy.ts';
import { found, type Violation } from '../../violation.ts';
import { type Admission, admissionsOf, groupBy, type History, type SessionFact } from '../history.ts';

/**
 * I10 among equals: classes of the same priority share slot-seconds by their weights, and age at most doubles a weight.
 *
 * Only classes are compared that could always have had each other's slots: the same projects, no limit and no reservation of their own, and somebody
 * who waited in each from the dispatcher's first decision to its last, whom nothing but their turn kept waiting. A successor counts from nothing, so
 * each epoch stands for itself. What a class holds when it falls behind is used to the end, so that much is allowed for on top.
 */
export function checkFairness(history: History): readonly Violation[] {
  const epochs = groupBy(admissionsOf(history), ({ epoch }) => String(epoch));
  return [...epochs.values()].flatMap((admissions) => {
    const [fromMs, toMs] = [admissions[0]?.admittedAtMs ?? 0, admissions.at(-1)?.admittedAtMs ?? 0];
    const classes = comparable(history).filter(({ name }) => waitsThroughout(history, name, fromMs, toMs));
    return classes.flatMap((ahead) =>
      classes.flatMap((behind) =>
        ahead.priority === behind.priority && runAlike(history, ahead, behind) && isUnfair(history, { ahead, behind, fromMs, toMs })
          ? found('I10', `class ${ahead.name} had more than its share, and ${behind.name} less`, [`epoch ${admissions[0]?.epoch}`])
          : [],
      ),
    );
  });
}

/** Age may double the one weight and not yet the other; half as much again because shares go by whole calls. */
const atMostTimes = 2 * 1.5;

/** Classes that were declared the same all the time, and bound by nothing of their own. */
function comparable({ policies, heldClasses }: History): readonly ClassPolicy[] {
  const versions = [...policies.values()];
  return (versions[0]?.classes ?? []).filter((one) => {
    const same = versions.every(({ classes }) => {
      const version = classes.find(({ name }) => name === one.name);
      return version?.priority === one.priority && version.weight === one.weight && isUnbound(version);
    });
    return one.direction === 'Outbound' && same && !heldClasses.has(one.name);
  });
}

function runAlike({ policies }: History, one: ClassPolicy, other: ClassPolicy): boolean {
  return [...policies.values()].every(({ classes }) => {
    const places = (name: string) =>
      classes
        .find((declared) => declared.name === name)
        ?.eligible.Outbound.toSorted()
        .join(' ');
    return places(one.name) === places(other.name);
  });
}

function isUnbound({ limit, reserved, reservedAt }: ClassPolicy): boolean {
  return limit === undefined && reserved === 0 && reservedAt === undefined;
}

/** One session that waited all the time is proof enough: whoever is ahead of it in its class waits for the same. */
function waitsThroughout({ sessions, attempts }: History, name: string, fromMs: number, toMs: number): boolean {
  const admittedAtMs = new Map<string, number>();
  for (const { sessionId, admittedAtMs: atMs } of attempts)
    if (sessionId !== null && atMs !== null) admittedAtMs.set(sessionId, Math.min(atMs, admittedAtMs.get(sessionId) ?? atMs));
  const numbers = groupBy(sessions, ({ number }) => number);
  const free = ({ project, notBeforeMs, cancelledAtMs, expiresAtMs, number }: SessionFact): boolean =>
    project === null && notBeforeMs === null && cancelledAtMs === null && expiresAtMs === null && numbers.get(number ?? '')?.length === 1;
  return sessions.some(
    (session) =>
      session.class === name &&
      session.direction === 'Outbound' &&
      free(session) &&
      session.createdAtMs <= fromMs &&
      Math.min(admittedAtMs.get(session.id) ?? Number.POSITIVE_INFINITY, session.endedAtMs ?? Number.POSITIVE_INFINITY) >= toMs,
  );
}

type Span = { readonly fromMs: number; readonly toMs: number };

function isUnfair(history: History, at: Span & { readonly ahead: ClassPolicy; readonly behind: ClassPolicy }): boolean {
  if (at.ahead.name === at.behind.name) return false;
  const [much, little] = [useOf(history, at.ahead.name, at), useOf(history, at.behind.name, at)];
  const allowed = (little.slotMs / at.behind.weight) * atMostTimes + (much.atOnce * much.longestMs) / at.ahead.weight;
  return much.slotMs / at.ahead.weight > allowed;
}

/** What a class used of the span: slot-milliseconds, the most slots at once, and the longest that one was held. */
function useOf(history: History, name: string, { fromMs, toMs }: Span) {
  const held = admissionsOf(history)
    .filter((admission) => admission.class === name)
    .map((admission) => ({ fromMs: Math.max(fromMs, admission.admittedAtMs), toMs: Math.min(toMs, endOf(admission)) }))
    .filter((span) => span.toMs > span.fromMs);
  const atOnce = held.map(({ fromMs: atMs }) => held.filter((span) => span.fromMs <= atMs && span.toMs > atMs).length);
  return {
    slotMs: held.reduce((sum, span) => sum + span.toMs - span.fromMs, 0),
    atOnce: Math.max(0, ...atOnce),
    longestMs: Math.max(0, ...held.map((span) => span.toMs - span.fromMs)),
  };
}

function endOf({ releasedAtMs }: Admission): number {
  return releasedAtMs ?? Number.POSITIVE_INFINITY;
}
