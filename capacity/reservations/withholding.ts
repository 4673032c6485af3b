import type { ClassName, ProjectName, SubscriptionName } from '../../crds/values.ts';
import { charge, giveBack, isFree, type Room, type Take } from '../admission/room.ts';
import type { ReservationPlan } from '../admission/snapshot.ts';
import type { Policy } from '../policy/policy.ts';
import { type Demand, demandsIn, type Home } from './demands.ts';
import { repack } from './repack.ts';

/**
 * The reserved slots of a pool with a home for each: the proof that reservations are placeable (I3). Homes are withheld from the budgets, so an
 * admission that finds room beside them leaves the proof as it is, at the cost of a few subtractions. Only one that does not is thought about:
 * first whether a single withheld slot can move, then by the exact packing.
 *
 * When more is reserved than there is room for, the plan holds as many slots as can be placed, and an admission may not make that fewer than its own
 * class stops wanting.
 */
export type Withholding = {
  readonly demands: readonly Demand[];
  /** Slots that have a home. */
  placed: number;
  /** Proven: more than this cannot have one. Equal to `placed` unless a search was cut short. */
  most: number;
};

/** Whether reservations stay placeable beside a session; `not-proven` when the search was cut short, which counts as no. */
export type Verdict = 'kept' | 'unplaceable' | 'not-proven';

/** Search nodes of one proof. Real pools need a handful; the bound keeps a hostile declaration from stopping the dispatcher. */
export const searchNodes = 2_000;

/** Withholds what is reserved: as the stored plan says where that still holds, completed or solved anew where it does not. */
export function withhold(room: Room, stored: ReservationPlan | undefined): Withholding {
  const demands = demandsIn(room);
  const withholding: Withholding = { demands, placed: 0, most: 0 };
  if (stored !== undefined) followPlan(withholding, stored);
  fillGreedily(withholding);
  const wanted = wantedBy(withholding);
  withholding.most = wanted;
  if (withholding.placed < wanted) maximise(withholding);
  return withholding;
}

/**
 * Makes room for a session beside the reservations, if that is possible: on `kept` the plan leaves its takes free, and its own class wants one slot
 * less. The caller charges the takes. On any other verdict nothing has changed.
 */
export function makeRoom(withholding: Withholding, takes: readonly Take[], own: Demand | undefined): Verdict {
  const target = withholding.most - (own === undefined ? 0 : 1);
  const kept = own === undefined ? fitsBeside(withholding, takes, target) || moveOne(withholding, takes) : useOwn(withholding, takes, own);
  if (kept) {
    if (own !== undefined) own.wanted -= 1;
    withholding.most = Math.min(wantedBy(withholding), Math.max(target, withholding.placed));
    return 'kept';
  }
  return solveAnew(withholding, takes, own, target);
}

/** The demand of the class that a session there would fulfil, if its reservation is not fully in use. */
export function ownDemand(withholding: Withholding, name: ClassName, subscription: SubscriptionName): Demand | undefined {
  return withholding.demands.find(
    (demand) => demand.class === name && demand.wanted > 0 && (demand.subscription === undefined || demand.subscription === subscription),
  );
}

/** Finds more homes after room has appeared. */
export function refill(withholding: Withholding): void {
  withholding.most = wantedBy(withholding);
  fillGreedily(withholding);
  if (withholding.placed < withholding.most) maximise(withholding);
}

export function wantedBy({ demands }: Withholding): number {
  let wanted = 0;
  for (const demand of demands) wanted += demand.wanted;
  return wanted;
}

/** The homes as data, to be stored and followed by the next step. A cell's slots are written to its first project. */
export function planOf({ demands }: Withholding): ReservationPlan {
  const plan = new Map<ClassName, Map<ProjectName, number>>();
  for (const demand of demands) {
    for (const { cell, planned } of demand.homes) {
      const [project] = cell.projects;
      if (planned === 0 || project === undefined) continue;
      const homes = plan.get(demand.class) ?? new Map<ProjectName, number>();
      homes.set(project, (homes.get(project) ?? 0) + planned);
      plan.set(demand.class, homes);
    }
  }
  return plan;
}

/** Classes whose reservations stand against some takes, withheld there or still without a home, and how many slots are withheld. */
export function heldFrom(
  { demands }: Withholding,
  takes: readonly Take[],
): { readonly classes: readonly ClassName[]; readonly slots: number } {
  const scarce = new Set(takes.filter((take) => !isFree(take)).map(({ budget }) => budget));
  const classes = new Set<ClassName>();
  let slots = 0;
  for (const demand of demands) {
    if (demand.planned < demand.wanted) classes.add(demand.class);
    for (const home of demand.homes) {
      if (home.planned === 0 || (scarce.size > 0 && !home.takes.some(({ budget }) => scarce.has(budget)))) continue;
      classes.add(demand.class);
      slots += home.planned;
    }
  }
  return { classes: [...classes], slots };
}

/** The demands and their homes as they are, to come back to. */
export function remember(withholding: Withholding): () => void {
  const { placed, most } = withholding;
  const before = withholding.demands.map(({ wanted, homes }) => ({ wanted, planned: homes.map((home) => home.planned) }));
  return () => {
    withholding.demands.forEach((demand, index) => {
      demand.wanted = before[index]?.wanted ?? demand.wanted;
      demand.homes.forEach((home, at) => {
        hold(withholding, demand, home, (before[index]?.planned[at] ?? 0) - home.planned);
      });
    });
    withholding.placed = placed;
    withholding.most = most;
  };
}

/** Withholds more (or, negative, fewer) slots of a demand at one of its homes. */
function hold(withholding: Withholding, demand: Demand, home: Home, slots: number): void {
  home.planned += slots;
  demand.planned += slots;
  withholding.placed += slots;
  for (const take of home.takes) take.budget.withheld += slots * take.units;
}

function followPlan(withholding: Withholding, stored: ReservationPlan): void {
  for (const demand of withholding.demands) {
    const homes = stored.get(demand.class);
    if (homes === undefined) continue;
    for (const home of demand.homes) {
      let slots = 0;
      for (const project of home.cell.projects) slots += homes.get(project) ?? 0;
      hold(withholding, demand, home, Math.min(slots, roomFor(demand, home)));
    }
  }
}

function fillGreedily(withholding: Withholding): void {
  for (const demand of withholding.demands) {
    for (const home of demand.homes) {
      if (demand.planned === demand.wanted) break;
      hold(withholding, demand, home, roomFor(demand, home));
    }
  }
}

function roomFor(demand: Demand, home: Home): number {
  let slots = demand.wanted - demand.planned;
  for (const { budget, units } of home.takes) slots = Math.min(slots, Math.floor((budget.limit - budget.used - budget.withheld) / units));
  return Math.max(0, slots);
}

function fitsBeside({ placed }: Withholding, takes: readonly Take[], target: number): boolean {
  return placed >= target && takes.every(isFree);
}

/** A session of a class with unused reserve takes one of the withheld slots, best the one right there. */
function useOwn(withholding: Withholding, takes: readonly Take[], own: Demand): boolean {
  if (withholding.placed < withholding.most) return false;
  const held = own.homes.filter((home) => home.planned > 0);
  held.sort((a, b) => shared(b, takes) - shared(a, takes));
  for (const home of held) {
    hold(withholding, own, home, -1);
    if (takes.every(isFree)) return true;
    hold(withholding, own, home, 1);
  }
  return false;
}

function shared(home: Home, takes: readonly Take[]): number {
  return takes.filter(({ budget }) => home.takes.some((take) => take.budget === budget)).length;
}

/** Moves one withheld slot out of the session's way, if one move is enough. */
function moveOne(withholding: Withholding, takes: readonly Take[]): boolean {
  if (withholding.placed < withholding.most) return false;
  const scarce = takes.filter((take) => !isFree(take)).map(({ budget }) => budget);
  for (const demand of withholding.demands) {
    for (const home of demand.homes) {
      if (home.planned === 0 || !scarce.every((budget) => home.takes.some((take) => take.budget === budget))) continue;
      hold(withholding, demand, home, -1);
      const other = takes.every(isFree) ? homeBeside(demand, home, takes) : undefined;
      hold(withholding, demand, other ?? home, 1);
      if (other !== undefined) return true;
    }
  }
  return false;
}

function homeBeside(demand: Demand, except: Home, takes: readonly Take[]): Home | undefined {
  charge(takes);
  const other = demand.homes.find((home) => home !== except && home.takes.every(isFree));
  giveBack(takes);
  return other;
}

function maximise(withholding: Withholding): void {
  const solution = repack(withholding.demands, {
    atLeast: withholding.placed + 1,
    enough: withholding.most,
    nodeLimit: searchNodes,
  });
  if (solution.placed > withholding.placed) rehome(withholding, solution.homes);
  withholding.most = Math.max(solution.most, withholding.placed);
}

function solveAnew(withholding: Withholding, takes: readonly Take[], own: Demand | undefined, target: number): Verdict {
  charge(takes);
  if (own !== undefined) own.wanted -= 1;
  const solution = repack(withholding.demands, { atLeast: target, enough: target, nodeLimit: searchNodes });
  if (solution.placed >= target) {
    rehome(withholding, solution.homes);
    giveBack(takes);
    withholding.most = Math.min(wantedBy(withholding), Math.max(target, withholding.placed));
    return 'kept';
  }
  giveBack(takes);
  if (own !== undefined) own.wanted += 1;
  return solution.most < target ? 'unplaceable' : 'not-proven';
}

function rehome(withholding: Withholding, homes: ReadonlyMap<Home, number>): void {
  for (const demand of withholding.demands) {
    for (const home of demand.homes) hold(withholding, demand, home, (homes.get(home) ?? 0) - home.planned);
  }
}

/** How many slots of each subscription a plan withholds. */
export function withheldBySubscription(plan: ReservationPlan, policy: Policy): ReadonlyMap<SubscriptionName, number> {
  const subscriptionOf = new Map(policy.projects.map((project) => [project.name, project.subscription]));
  const withheld = new Map<SubscriptionName, number>();
  for (const homes of plan.values()) {
    for (const [project, slots] of homes) {
      const subscription = subscriptionOf.get(project);
      if (subscription !== undefined) withheld.set(subscription, (withheld.get(subscription) ?? 0) + slots);
    }
  }
  return withheld;
}
