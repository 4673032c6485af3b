import { type LinearRow, type LinearSolution, maximiseSum } from './simplex.ts';

/**
 * Places as many indivisible slots as possible: column j holds `x[j]` of them, a whole number, each using units of some rows, and no row may be used
 * beyond its limit. Without crossing limits this is a flow and the first linear bound is already whole; several upstreams that cross subscriptions
 * make it a true packing, which branching decides.
 */
export type IntegerProgram = {
  readonly limits: readonly number[];
  readonly columns: readonly Column[];
  /** Sets of columns to split on first: once their sums are whole, what remains is a flow. */
  readonly bundles: readonly (readonly number[])[];
};

export type Column = { readonly uses: readonly Use[] };
export type Use = { readonly row: number; readonly units: number };

/** `most` is a proven bound: `placed === most` when the search was not cut short. */
export type IntegerSolution = { readonly counts: readonly number[]; readonly placed: number; readonly most: number };

export type SearchGoal = {
  /** Stop as soon as this many are placed. */
  readonly enough: number;
  /** Less than this is of no interest; such branches are not followed, and `most` is then only known to be below it. */
  readonly atLeast: number;
  readonly nodeLimit: number;
};

/** A bound on the sum of some columns, decided on the way to a node. */
type Cut = { readonly columns: readonly number[]; readonly sense: 'atMost' | 'atLeast'; readonly bound: number };

/** Floating point noise of programs this small is far below this; a linear bound of 6.9999999 means 7. */
const noise = 1e-6;

/** Branch and bound over linear relaxations, depth first. Every solution is built in whole numbers and so needs no trust in floating point. */
export function placeMost(program: IntegerProgram, goal: SearchGoal): IntegerSolution {
  let best = completed(program, new Array<number>(program.columns.length).fill(0));
  let most = goal.enough;
  let nodes = 0;
  const open: (readonly Cut[])[] = [[]];
  while (best.placed < goal.enough) {
    const cuts = open.pop();
    if (cuts === undefined) return { ...best, most: Math.max(best.placed, Math.min(most, goal.atLeast - 1)) };
    if (nodes === goal.nodeLimit) return { ...best, most };
    nodes += 1;
    const relaxed = relax(program, cuts);
    const bound = relaxed === undefined ? -1 : Math.floor(relaxed.value + noise);
    if (nodes === 1) most = Math.min(most, bound);
    if (relaxed === undefined || bound <= best.placed || bound < goal.atLeast) continue;
    const rounded = completed(program, relaxed.x.map(wholePart));
    if (rounded.placed > best.placed) best = rounded;
    if (best.placed >= most) break;
    if (bound > best.placed) open.push(...split(program, relaxed, cuts));
  }
  return { ...best, most: Math.max(best.placed, Math.min(most, goal.enough)) };
}

/** Two halves of a node's points; the one that keeps more of the fraction is looked at first. None when all is whole. */
function split(program: IntegerProgram, { x }: LinearSolution, cuts: readonly Cut[]): readonly (readonly Cut[])[] {
  const sumOf = (columns: readonly number[]): number => columns.reduce((sum, column) => sum + (x[column] ?? 0), 0);
  const candidates = [...program.bundles, ...x.map((_, column) => [column])];
  for (const columns of candidates) {
    const sum = sumOf(columns);
    const below = wholePart(sum);
    if (sum - below <= noise) continue;
    const lower: Cut = { columns, sense: 'atMost', bound: below };
    const upper: Cut = { columns, sense: 'atLeast', bound: below + 1 };
    return [
      [...cuts, lower],
      [...cuts, upper],
    ];
  }
  return [];
}

function relax(program: IntegerProgram, cuts: readonly Cut[]): LinearSolution | undefined {
  const width = program.columns.length;
  const coefficients = program.limits.map(() => new Array<number>(width).fill(0));
  program.columns.forEach(({ uses }, column) => {
    for (const { row, units } of uses) {
      const line = coefficients[row];
      if (line !== undefined) line[column] = units;
    }
  });
  const rows: LinearRow[] = coefficients.map((line, row) => ({ coefficients: line, limit: program.limits[row] ?? 0 }));
  for (const { columns, sense, bound } of cuts) {
    const sign = sense === 'atMost' ? 1 : -1;
    const line = new Array<number>(width).fill(0);
    for (const column of columns) line[column] = sign;
    rows.push({ coefficients: line, limit: sign * bound });
  }
  return maximiseSum(width, rows);
}

/** Adds to the given counts whatever still fits, column by column. */
function completed(program: IntegerProgram, start: readonly number[]): { readonly counts: readonly number[]; readonly placed: number } {
  const left = [...program.limits];
  const counts = [...start];
  program.columns.forEach(({ uses }, column) => {
    for (const { row, units } of uses) left[row] = (left[row] ?? 0) - units * (counts[column] ?? 0);
  });
  let placed = 0;
  program.columns.forEach(({ uses }, column) => {
    let more = Number.POSITIVE_INFINITY;
    for (const { row, units } of uses) more = Math.min(more, Math.floor((left[row] ?? 0) / units));
    for (const { row, units } of uses) left[row] = (left[row] ?? 0) - units * more;
    counts[column] = (counts[column] ?? 0) + more;
    placed += counts[column] ?? 0;
  });
  return { counts, placed };
}

function wholePart(value: number): number {
  return Math.max(0, Math.floor(value + noise));
}
