import type { Budget, Take } from '../admission/room.ts';
import type { Demand, Home } from './demands.ts';
import { type Column, type IntegerProgram, placeMost, type SearchGoal } from './integer-program.ts';

/** Homes for as many wanted slots as the goal asks for. */
export type Repacked = { readonly homes: ReadonlyMap<Home, number>; readonly placed: number; readonly most: number };

/**
 * Finds homes for all demands from nothing, in the room that is not in use. Before the search the problem is made as small as it is: limits that
 * cannot bind are left out, and homes that then look alike to a demand are one.
 */
export function repack(demands: readonly Demand[], goal: SearchGoal): Repacked {
  const bound = simpleBound(demands);
  if (bound < goal.atLeast) return { homes: new Map(), placed: 0, most: bound };
  const { program, homes } = programOf(demands);
  const { counts, placed, most } = placeMost(program, goal);
  return { homes: new Map(homes.map((home, column) => [home, counts[column] ?? 0])), placed, most: Math.min(most, bound) };
}

/** What no packing can exceed, without search: each demand by its homes' subscriptions, and all by what every slot takes. */
function simpleBound(demands: readonly Demand[]): number {
  let total = 0;
  const lines = new Set<Budget>();
  let everywhere: Set<Budget> | undefined;
  for (const demand of demands) {
    if (demand.wanted === 0) continue;
    const own = new Set<Budget>();
    for (const home of demand.homes) {
      const line = home.cell.line[0]?.budget;
      if (line !== undefined) own.add(line);
      const taken = new Set(home.takes.map(({ budget }) => budget));
      everywhere = everywhere === undefined ? taken : everywhere.intersection(taken);
    }
    for (const line of own) lines.add(line);
    total += Math.min(demand.wanted, sumOfRoom(own));
  }
  let bound = Math.min(total, sumOfRoom(lines));
  for (const budget of everywhere ?? []) bound = Math.min(bound, room(budget));
  return bound;
}

function programOf(demands: readonly Demand[]): { readonly program: IntegerProgram; readonly homes: readonly Home[] } {
  const rows = new Map<Budget, number>();
  const limits: number[] = [];
  for (const budget of bindingBudgets(demands)) {
    rows.set(budget, limits.length);
    limits.push(room(budget));
  }
  const columns: Column[] = [];
  const homes: Home[] = [];
  const byCell = new Map<string, number[]>();
  const ofBothDirections: number[] = [];
  for (const demand of demands) {
    if (demand.wanted === 0) continue;
    const demandRow = limits.length;
    limits.push(demand.wanted);
    const seen = new Set<string>();
    for (const home of demand.homes) {
      const uses = usesOf(home.takes, rows);
      const key = JSON.stringify(uses);
      if (seen.has(key)) continue;
      seen.add(key);
      const place = JSON.stringify(usesOf(home.cell.line, rows));
      byCell.set(place, [...(byCell.get(place) ?? []), columns.length]);
      // Pool, two directions and the class: a slot that must be good for both.
      if (home.takes.length - home.cell.line.length > 3) ofBothDirections.push(columns.length);
      columns.push({ uses: [...uses, { row: demandRow, units: 1 }] });
      homes.push(home);
    }
  }
  return { program: { limits, columns, bundles: [...byCell.values(), ofBothDirections] }, homes };
}

/** Budgets that all demands together could exhaust. The others cannot bind, whatever the packing. */
function bindingBudgets(demands: readonly Demand[]): readonly Budget[] {
  const most = new Map<Budget, number>();
  for (const demand of demands) {
    if (demand.wanted === 0) continue;
    const perSlot = new Map<Budget, number>();
    for (const home of demand.homes) {
      for (const { budget, units } of home.takes) perSlot.set(budget, Math.max(units, perSlot.get(budget) ?? 0));
    }
    for (const [budget, units] of perSlot) most.set(budget, (most.get(budget) ?? 0) + units * demand.wanted);
  }
  return [...most].filter(([budget, units]) => units > room(budget)).map(([budget]) => budget);
}

function usesOf(takes: readonly Take[], rows: ReadonlyMap<Budget, number>): { readonly row: number; readonly units: number }[] {
  return takes.flatMap(({ budget, units }) => {
    const row = rows.get(budget);
    return row === undefined ? [] : [{ row, units }];
  });
}

function sumOfRoom(budgets: Iterable<Budget>): number {
  let sum = 0;
  for (const budget of budgets) sum += room(budget);
  return sum;
}

/** What is not in use, withheld or not. */
function room({ limit, used }: Budget): number {
  return Math.max(0, limit - used);
}
