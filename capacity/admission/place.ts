import type { ProjectName, SubscriptionName } from '../../crds/values.ts';
import { heldBack, type Limiter, limitersOf, passThrough, type RateState, type RateWait } from '../rates/limiter.ts';
import type { Demand } from '../reservations/demands.ts';
import {
  heldFrom,
  makeRoom,
  ownDemand,
  refill,
  remember,
  type Verdict,
  type Withholding,
  wantedBy,
  withhold,
} from '../reservations/withholding.ts';
import { byPreference } from '../routing/choose.ts';
import type { Lane } from './lanes.ts';
import {
  type ClassRoom,
  charge,
  giveBack,
  hasRoom,
  headOf,
  type ProjectRoom,
  type Room,
  roomIn,
  slotOf,
  type Take,
  withLineAt,
} from './room.ts';
import { type Blocked, type LimiterName, passesBy, type Snapshot, type Waiting } from './snapshot.ts';

/** Working state of one step: counters that every admission charges. */
export type Step = {
  readonly snapshot: Snapshot;
  readonly room: Room;
  readonly withholding: Withholding;
  readonly rates: Map<LimiterName, RateState>;
  readonly limiters: Map<ProjectName, readonly Limiter[]>;
};

export type Placement =
  /** `released`: sessions that were refused for reservations may fit now, because less is withheld or the shortfall has moved. */
  { readonly placed: true; readonly project: ProjectName; readonly released: boolean } | { readonly placed: false; readonly why: Blocked };

export function beginStep(snapshot: Snapshot): Step {
  const room = roomIn(snapshot);
  return { snapshot, room, withholding: withhold(room, snapshot.plan), rates: new Map(snapshot.rates), limiters: new Map() };
}

/**
 * Places one session, or says what stops it: the first limit that leaves no project, from the widest to the narrowest. With `within`, only in
 * projects of that subscription.
 */
export function place(step: Step, lane: Lane, session: Waiting, within?: SubscriptionName): Placement {
  const stopped = stoppedByPool(step.snapshot, lane);
  if (stopped !== undefined) return blocked(stopped);
  const classRoom = step.room.classes.get(lane.class);
  if (classRoom === undefined) return blocked({ by: 'project', projects: [], reason: `class ${lane.class} is no longer declared` });
  const heads = headOf(step.room, session.direction, classRoom);
  const full = stoppedByHeads(step.room, session, classRoom);
  if (full !== undefined) return blocked(full);
  const open = openProjects(step, classRoom, session, within);
  if (!Array.isArray(open)) return blocked(open);
  return placeAmong(step, open, session, classRoom, heads);
}

function stoppedByPool({ policy, held, guard }: Snapshot, lane: Lane): Blocked | undefined {
  if (policy.mode !== 'Active') return { by: 'mode', mode: policy.mode };
  if (guard !== undefined) return { by: 'guard', ...guard };
  if (held.pool) return { by: 'hold', scope: 'pool' };
  if (held.classes.has(lane.class)) return { by: 'hold', scope: 'class' };
  return undefined;
}

function stoppedByHeads(room: Room, { direction }: Waiting, { budget }: ClassRoom): Blocked | undefined {
  if (!hasRoom(slotOf(room.pool))) return { by: 'pool', limit: room.pool.limit };
  if (!hasRoom(slotOf(room.directions[direction]))) return { by: 'direction', direction, limit: room.directions[direction].limit };
  if (!hasRoom(slotOf(budget))) return { by: 'class', limit: budget.limit };
  return undefined;
}

/** Projects where the session may run and a line is left, or what leaves none. */
function openProjects(
  { room }: Step,
  classRoom: ClassRoom,
  session: Waiting,
  within: SubscriptionName | undefined,
): ProjectRoom[] | Blocked {
  const declared = classRoom.eligible[session.direction].filter(
    ({ policy }) =>
      (session.project === undefined ? !session.holdsLine : policy.name === session.project) &&
      (within === undefined || policy.subscription === within),
  );
  const { lineAt } = session;
  const eligible = lineAt === undefined ? declared : declared.map((project) => withLineAt(room, project, lineAt));
  const [first] = eligible;
  if (first === undefined) return notEligible(classRoom, session);

  const running = eligible.filter(({ pause }) => pause === undefined || pause.until === 'probe-allowed' || passesBy(pause, session));
  if (running.length === 0) {
    return { by: 'project', projects: eligible.map(({ policy }) => policy.name), reason: first.pause?.reason ?? 'paused' };
  }
  const withLine = running.filter(({ subscription }) => leavesRoom(slotOf(subscription), session));
  if (withLine.length === 0) {
    const subscription = running[0]?.policy.subscription ?? first.policy.subscription;
    return { by: 'subscription', subscription, ceiling: room.subscriptions.get(subscription)?.limit ?? 0 };
  }
  const open = withLine.filter(({ upstreams }) => upstreams.every((take) => leavesRoom(take, session)));
  if (open.length > 0) return open;
  const full = withLine.flatMap(({ upstreams }) => upstreams).find((take) => !leavesRoom(take, session));
  return full === undefined ? open : { by: 'upstream', upstream: full.name, limit: full.budget.limit };
}

/** A call that holds its line already needs no other one: it is enough that the lines in use, its own included, are within the limit. */
function leavesRoom(take: Take, { holdsLine }: Waiting): boolean {
  return holdsLine ? take.budget.used <= take.budget.limit : hasRoom(take);
}

function notEligible({ policy }: ClassRoom, { project, direction }: Waiting): Blocked {
  const where = project === undefined ? 'no project' : `project ${project}`;
  const reason =
    project === undefined
      ? `${where} can run ${direction} sessions of class ${policy.name}`
      : `${where} cannot run ${direction} sessions of class ${policy.name}`;
  return { by: 'project', projects: project === undefined ? [] : [project], reason };
}

/** The best project that a rate lets through and where reservations stay placeable. */
function placeAmong(step: Step, open: readonly ProjectRoom[], session: Waiting, classRoom: ClassRoom, heads: readonly Take[]): Placement {
  const rates = open.map((project) => ({ project, wait: rateWait(step, project, session) }));
  const now = rates.filter(({ wait }) => wait === undefined).map(({ project }) => project);
  const refused = new Map<string, Verdict>();
  for (const project of byPreference(now, session, classRoom.policy.affinity)) {
    if (refused.has(project.lineKey)) continue;
    const own = ownDemand(step.withholding, classRoom.policy.name, project.policy.subscription);
    const verdict = makeRoomAt(step, project, session, heads, own);
    if (verdict === 'kept') return admit(step, project, session, heads, own);
    refused.set(project.lineKey, verdict);
  }
  const restore = remember(step.withholding);
  const waits: RateWait[] = [];
  for (const { project, wait } of rates) {
    if (wait === undefined || refused.has(project.lineKey)) continue;
    const own = ownDemand(step.withholding, classRoom.policy.name, project.policy.subscription);
    const verdict = makeRoomAt(step, project, session, heads, own);
    restore();
    if (verdict === 'kept') waits.push(wait);
    else refused.set(project.lineKey, verdict);
  }
  const [soonest] = waits.sort((a, b) => a.retryAtMs - b.retryAtMs);
  if (soonest !== undefined) return blocked({ by: 'rate', ...soonest });
  const held = heldFrom(step.withholding, session.holdsLine ? heads : [...heads, ...open.flatMap(({ line }) => line)]);
  const proof = [...refused.values()].includes('not-proven') ? 'not-proven' : 'unplaceable';
  return blocked({ by: 'reservation', heldFor: held.classes, withheld: held.slots, proof });
}

function makeRoomAt(step: Step, project: ProjectRoom, session: Waiting, heads: readonly Take[], own: Demand | undefined): Verdict {
  if (session.holdsLine) return makeRoomOnLine(step, project, heads, own);
  return makeRoom(step.withholding, [...heads, ...project.line], own);
}

/**
 * A call inside `assistant-request` is judged as if its line were still free: were it refused, the line would be. So an unreserved caller does not
 * get a line that the reservation of a class needs, and a reserved one gets it even when the callers who wait have taken every line.
 */
function makeRoomOnLine({ withholding }: Step, project: ProjectRoom, heads: readonly Take[], own: Demand | undefined): Verdict {
  if (withholding.placed === wantedBy(withholding)) return makeRoom(withholding, heads, own);
  const restore = remember(withholding);
  giveBack(project.line);
  refill(withholding);
  const verdict = makeRoom(withholding, [...heads, ...project.line], own);
  charge(project.line);
  if (verdict !== 'kept') restore();
  return verdict;
}

function admit(step: Step, project: ProjectRoom, session: Waiting, heads: readonly Take[], own: Demand | undefined): Placement {
  const short = step.withholding.placed < wantedBy(step.withholding);
  const released = short || (own !== undefined && takesLessThanWithheld(step, project, session));
  charge(heads);
  if (!session.holdsLine) {
    charge(project.line);
    project.used += 1;
  }
  // The project itself: for a call that holds a line, `project` is a copy with that line.
  const tried = step.room.projects.get(project.policy.name);
  if (tried?.pause !== undefined && !passesBy(tried.pause, session)) tried.pause = { ...tried.pause, until: 'closed' };
  if (session.direction === 'Outbound') passThrough(limitersAt(step, project), step.rates, step.snapshot.nowMs);
  if (own !== undefined && short) refill(step.withholding);
  return { placed: true, project: project.policy.name, released };
}

/**
 * Whether the slot that was withheld for the session is more than it takes: it has its line already, its class counted in both directions, or it runs
 * where no slot was withheld. Otherwise its admission leaves nothing free that was not free before.
 */
function takesLessThanWithheld({ room }: Step, project: ProjectRoom, session: Waiting): boolean {
  return session.holdsLine || room.classes.get(session.class)?.policy.direction === 'Any' || project.pause !== undefined;
}

function rateWait(step: Step, project: ProjectRoom, { direction }: Waiting): RateWait | undefined {
  return direction === 'Outbound' ? heldBack(limitersAt(step, project), step.rates, step.snapshot.nowMs) : undefined;
}

function limitersAt({ snapshot, limiters }: Step, { policy }: ProjectRoom): readonly Limiter[] {
  const known = limiters.get(policy.name);
  if (known !== undefined) return known;
  const made = limitersOf(snapshot.policy, policy);
  limiters.set(policy.name, made);
  return made;
}

function blocked(why: Blocked): Placement {
  return { placed: false, why };
}
