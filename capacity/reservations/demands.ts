import type { ClassName, ProjectName, SubscriptionName } from '../../crds/values.ts';
import { type Budget, type ClassRoom, type ProjectRoom, type Room, slotOf, type Take } from '../admission/room.ts';

/**
 * What reservations still want: for each class, the slots reserved and neither in use nor cooling, and the places where one of them may be. Projects that are alike
 * for every reservation (same subscription, same upstreams, home of the same classes) are one cell, which keeps the packing small.
 */
export type Demand = {
  readonly class: ClassName;
  /** Set when the class reserves per subscription: this demand is for slots there. */
  readonly subscription: SubscriptionName | undefined;
  readonly homes: readonly Home[];
  /** Slots reserved and not in use. */
  wanted: number;
  /** How many of them have a home in the plan. */
  planned: number;
};

/** A cell seen from one demand: what a slot withheld there takes, and how many are. */
export type Home = { readonly cell: Cell; readonly takes: readonly Take[]; planned: number };

export type Cell = { readonly projects: readonly ProjectName[]; readonly subscription: SubscriptionName; readonly line: readonly Take[] };

/** A demand before its cells are known. */
type Wish = {
  readonly class: ClassRoom;
  readonly subscription: SubscriptionName | undefined;
  readonly wanted: number;
  readonly projects: ReadonlySet<ProjectRoom>;
};

export function demandsIn(room: Room): readonly Demand[] {
  const wishes = [...room.classes.values()].flatMap((classRoom) => wishesOf(classRoom));
  const cells = cellsOf(room, wishes);
  return wishes.map((wish) => {
    const heads = headsOf(room, wish.class);
    const homes = cells.filter(({ homeOf }) => homeOf.has(wish)).map(({ cell }) => ({ cell, takes: [...heads, ...cell.line], planned: 0 }));
    return { class: wish.class.policy.name, subscription: wish.subscription, homes, wanted: wish.wanted, planned: 0 };
  });
}

function wishesOf(classRoom: ClassRoom): readonly Wish[] {
  const { reserved, reservedAt } = classRoom.policy;
  const homes = homesOf(classRoom);
  if (reservedAt === undefined) {
    if (reserved === 0) return [];
    const wanted = Math.max(0, reserved - classRoom.fulfilling);
    return [{ class: classRoom, subscription: undefined, wanted, projects: new Set(homes) }];
  }
  return [...reservedAt].map(([subscription, slots]) => ({
    class: classRoom,
    subscription,
    wanted: Math.max(0, slots - (classRoom.fulfillingAt.get(subscription) ?? 0)),
    projects: new Set(homes.filter(({ policy }) => policy.subscription === subscription)),
  }));
}

/**
 * Where a slot of the class may be withheld: wherever it may run, for a class of both directions in either. A paused project is no home while the
 * class has another one, because a slot kept there is of no use now, unless callers of the class get in all the same; a class that is paused everywhere
 * keeps its homes for when they come back.
 */
function homesOf({ eligible }: ClassRoom): readonly ProjectRoom[] {
  const anywhere = [...new Set([...eligible.Inbound, ...eligible.Outbound])];
  const callers = new Set(eligible.Inbound);
  const open = anywhere.filter((project) => project.pause === undefined || (project.pause.stops === 'creations' && callers.has(project)));
  return open.length > 0 ? open : anywhere;
}

/** A slot withheld for a class of both directions must be good for either, so it counts in both. */
function headsOf(room: Room, { policy, budget }: ClassRoom): readonly Take[] {
  const directions: readonly Budget[] =
    policy.direction === 'Any' ? [room.directions.Inbound, room.directions.Outbound] : [room.directions[policy.direction]];
  return [room.pool, ...directions, budget].map(slotOf);
}

function cellsOf(room: Room, wishes: readonly Wish[]): readonly { readonly cell: Cell; readonly homeOf: ReadonlySet<Wish> }[] {
  const groups = new Map<string, { readonly projects: ProjectName[]; readonly first: ProjectRoom; readonly homeOf: ReadonlySet<Wish> }>();
  for (const project of room.projects.values()) {
    const homeOf = wishes.filter(({ projects }) => projects.has(project));
    if (homeOf.length === 0) continue;
    const key = `${project.lineKey}/${homeOf.map((wish) => wishes.indexOf(wish)).join(' ')}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { projects: [project.policy.name], first: project, homeOf: new Set(homeOf) });
    else group.projects.push(project.policy.name);
  }
  return [...groups.values()].map(({ projects, first, homeOf }) => ({
    cell: { projects, subscription: first.policy.subscription, line: first.line },
    homeOf,
  }));
}
