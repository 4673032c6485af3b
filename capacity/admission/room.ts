import type { ClassName, ProjectName, SubscriptionName, UpstreamName } from '../../crds/values.ts';
import type { LineAt } from '../policy/lineage.ts';
import type { ClassPolicy, Direction, ProjectPolicy } from '../policy/policy.ts';
import type { Pause, PendingCount, Snapshot } from './snapshot.ts';

/**
 * The room that a snapshot leaves, as running counters: summed up once per step and charged with every admission, so that no decision adds anything
 * up again. Working state of one step; it never leaves it.
 */
export type Room = {
  readonly pool: Budget;
  readonly directions: Readonly<Record<Direction, Budget>>;
  /** In the order of the policy: falling priority. */
  readonly classes: ReadonlyMap<ClassName, ClassRoom>;
  readonly subscriptions: ReadonlyMap<SubscriptionName, Budget>;
  readonly upstreams: ReadonlyMap<UpstreamName, UpstreamTake>;
  readonly projects: ReadonlyMap<ProjectName, ProjectRoom>;
};

/** One limit, what is in use of it, and what is withheld of it for reservations. In slots; an upstream's in units. */
export type Budget = { readonly limit: number; used: number; withheld: number };

/** So many units of one budget. */
export type Take = { readonly budget: Budget; readonly units: number };

export type ClassRoom = {
  readonly policy: ClassPolicy;
  readonly budget: Budget;
  /** Slots that fulfil the class's reservation, and where: in use, and not cooling. */
  fulfilling: number;
  readonly fulfillingAt: Map<SubscriptionName, number>;
  readonly eligible: Readonly<Record<Direction, readonly ProjectRoom[]>>;
};

export type ProjectRoom = {
  readonly policy: ProjectPolicy;
  readonly subscription: Budget;
  readonly upstreams: readonly UpstreamTake[];
  /** What one session takes here: a slot of the subscription and its units of each upstream. */
  readonly line: readonly Take[];
  /** Equal for projects whose line takes from the same budgets. */
  readonly lineKey: string;
  used: number;
  /** A half-open project becomes `closed` with the first session of the step. */
  pause: Pause | undefined;
};

export type UpstreamTake = Take & { readonly name: UpstreamName };

/** Whether the limit itself leaves room, whatever is withheld. */
export function hasRoom(take: Take): boolean {
  return take.budget.limit - take.budget.used >= take.units;
}

/** Whether there is room beside what is withheld. */
export function isFree(take: Take): boolean {
  return take.budget.limit - take.budget.used - take.budget.withheld >= take.units;
}

export function charge(takes: readonly Take[]): void {
  for (const take of takes) take.budget.used += take.units;
}

export function giveBack(takes: readonly Take[]): void {
  for (const take of takes) take.budget.used -= take.units;
}

/** What a session of the class takes wherever it runs. */
export function headOf(room: Room, direction: Direction, classRoom: ClassRoom): readonly Take[] {
  return [slotOf(room.pool), slotOf(room.directions[direction]), slotOf(classRoom.budget)];
}

export function slotOf(budget: Budget): Take {
  return { budget, units: 1 };
}

/** Adds up what is in use. Slots of projects and classes that the policy no longer has still count where they can: pool, direction, subscription, upstreams. */
export function roomIn(snapshot: Snapshot): Room {
  const room = emptyRoom(snapshot);
  for (const count of snapshot.inUse) {
    room.pool.used += count.slots;
    room.directions[count.direction].used += count.slots;
    const classRoom = room.classes.get(count.class);
    const fulfilling = count.slots - (count.cooling ?? 0);
    if (classRoom !== undefined) {
      classRoom.budget.used += count.slots;
      classRoom.fulfilling += fulfilling;
    }
    const project = room.projects.get(count.project);
    holdLines(room, project, count);
    const subscription = count.subscription ?? project?.policy.subscription;
    if (classRoom !== undefined && project !== undefined && subscription !== undefined) fulfilAt(classRoom, subscription, fulfilling);
  }
  for (const count of snapshot.pending) holdLines(room, room.projects.get(count.project), count);
  for (const [name, calls] of snapshot.foreignChannels ?? []) {
    const upstream = room.upstreams.get(name);
    if (upstream !== undefined) upstream.budget.used += calls * upstream.units;
  }
  return room;
}

function fulfilAt(classRoom: ClassRoom, subscription: SubscriptionName, slots: number): void {
  classRoom.fulfillingAt.set(subscription, (classRoom.fulfillingAt.get(subscription) ?? 0) + slots);
}

/** Charges lines where they are; the policy may have led their project elsewhere since, or have it no longer. */
function holdLines(room: Room, project: ProjectRoom | undefined, { subscription, upstreams, slots }: PendingCount): void {
  if (project !== undefined) project.used += slots;
  const account = subscription === undefined ? project?.subscription : room.subscriptions.get(subscription);
  if (account !== undefined) account.used += slots;
  const channels = upstreams === undefined ? (project?.upstreams ?? []) : upstreams.flatMap((name) => room.upstreams.get(name) ?? []);
  for (const { budget, units } of channels) budget.used += slots * units;
}

/** The project as it is for a call that holds this line: it may have been led elsewhere since. An account that the policy does not have leaves its own line. */
export function withLineAt(room: Room, project: ProjectRoom, { subscription: name, upstreams: names }: LineAt): ProjectRoom {
  const subscription = room.subscriptions.get(name);
  const upstreams = names.flatMap((upstream) => room.upstreams.get(upstream) ?? []);
  if (subscription === undefined) return project;
  return { ...project, policy: { ...project.policy, subscription: name }, subscription, ...lineThrough(name, subscription, upstreams) };
}

function lineThrough(name: SubscriptionName, subscription: Budget, upstreams: readonly UpstreamTake[]) {
  const key = upstreams.map((upstream) => upstream.name).sort();
  return { upstreams, line: [slotOf(subscription), ...upstreams], lineKey: [name, ...key].join(' ') };
}

function emptyRoom({ policy, ceilings, pauses }: Snapshot): Room {
  // A ceiling that is unknown is treated as none: nothing is admitted there (I9).
  const subscriptions = new Map(policy.subscriptions.map(({ name }) => [name, budgetOf(ceilings.get(name) ?? 0)]));
  const upstreams = new Map(
    policy.upstreams.map((upstream) => [
      upstream.name,
      { name: upstream.name, budget: budgetOf(upstream.concurrencyLimit), units: upstream.unitsPerSession },
    ]),
  );
  const projects = new Map<ProjectName, ProjectRoom>();
  for (const project of policy.projects) {
    const subscription = subscriptions.get(project.subscription);
    if (subscription === undefined) continue;
    const taken = project.upstreams.flatMap((name) => upstreams.get(name) ?? []);
    projects.set(project.name, {
      policy: project,
      subscription,
      ...lineThrough(project.subscription, subscription, taken),
      used: 0,
      pause: pauses.get(project.name),
    });
  }
  const known = (names: readonly ProjectName[]): ProjectRoom[] => names.flatMap((name) => projects.get(name) ?? []);
  return {
    pool: budgetOf(policy.maxConcurrentSessions),
    directions: { Inbound: budgetOf(policy.directionLimits.Inbound), Outbound: budgetOf(policy.directionLimits.Outbound) },
    classes: new Map(
      policy.classes.map((declared) => [
        declared.name,
        {
          policy: declared,
          budget: budgetOf(declared.limit),
          fulfilling: 0,
          fulfillingAt: new Map(),
          eligible: { Inbound: known(declared.eligible.Inbound), Outbound: known(declared.eligible.Outbound) },
        },
      ]),
    ),
    subscriptions,
    upstreams,
    projects,
  };
}

function budgetOf(limit: number | undefined): Budget {
  return { limit: limit ?? Number.POSITIVE_INFINITY, used: 0, withheld: 0 };
}
