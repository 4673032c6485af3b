/**
 * Linear programs of the size of a pool, solved by the simplex method on a dense dictionary: maximise the sum of all variables subject to
 * rows `Σ coefficients · x ≤ limit` and `x ≥ 0`. A negative limit is allowed; it says "at least".
 */
export type LinearRow = { readonly coefficients: readonly number[]; readonly limit: number };

export type LinearSolution = { readonly value: number; readonly x: readonly number[] };

const epsilon = 1e-9;

/** The best solution, or undefined when no point satisfies all rows. Every variable must be bounded by some row. */
export function maximiseSum(variables: number, rows: readonly LinearRow[]): LinearSolution | undefined {
  const dictionary = dictionaryOf(variables, rows);
  if (!makeFeasible(dictionary)) return undefined;
  climb(dictionary, dictionary.goal);
  return readSolution(dictionary, variables);
}

/**
 * Row i says: basic[i] = cells[i][last] − Σ cells[i][j] · nonbasic[j]. Variables are numbered: first the given ones, then one slack per row, then the
 * auxiliary variable `-1` with which a first feasible point is found.
 */
type Dictionary = {
  readonly cells: Float64Array[];
  readonly basic: number[];
  readonly nonbasic: number[];
  /** Objective row: value in the last cell, reduced costs (negative: worth raising) in the others. */
  readonly goal: Float64Array;
  /** Objective of the first phase: minus the auxiliary variable. */
  readonly feasibility: Float64Array;
  readonly last: number;
};

const auxiliary = -1;

function dictionaryOf(variables: number, rows: readonly LinearRow[]): Dictionary {
  const last = variables + 1;
  const cells = rows.map(({ coefficients, limit }) => {
    const row = new Float64Array(last + 1);
    row.set(coefficients);
    row[variables] = -1;
    row[last] = limit;
    return row;
  });
  const goal = new Float64Array(last + 1).fill(-1, 0, variables);
  const feasibility = new Float64Array(last + 1);
  feasibility[variables] = 1;
  const nonbasic = [...Array.from({ length: variables }, (_, index) => index), auxiliary];
  return { cells, basic: rows.map((_, index) => variables + index), nonbasic, goal, feasibility, last };
}

/** Finds a first point that satisfies all rows. The origin does, unless a limit is negative. */
function makeFeasible(dictionary: Dictionary): boolean {
  const { cells, basic, last, feasibility } = dictionary;
  let worst = 0;
  for (let row = 1; row < cells.length; row++) if (at(cells, row, last) < at(cells, worst, last)) worst = row;
  if (cells.length > 0 && at(cells, worst, last) < -epsilon) {
    pivot(dictionary, worst, last - 1);
    climb(dictionary, feasibility);
    if ((feasibility[last] ?? 0) < -epsilon) return false;
    const stillBasic = basic.indexOf(auxiliary);
    if (stillBasic >= 0) pivot(dictionary, stillBasic, firstNonZero(dictionary, stillBasic));
  }
  // From here on the auxiliary variable is fixed at zero: its column is never entered again.
  return true;
}

/** Raises the objective as long as some variable is worth raising; Bland's rule, so that it cannot cycle. */
function climb(dictionary: Dictionary, objective: Float64Array): void {
  for (;;) {
    const column = enteringColumn(dictionary, objective);
    if (column < 0) return;
    const row = leavingRow(dictionary, column);
    if (row < 0) return;
    pivot(dictionary, row, column);
  }
}

function enteringColumn({ nonbasic, goal, last }: Dictionary, objective: Float64Array): number {
  let chosen = -1;
  for (let column = 0; column < last; column++) {
    const variable = nonbasic[column] ?? 0;
    if (objective === goal && variable === auxiliary) continue;
    if ((objective[column] ?? 0) >= -epsilon) continue;
    if (chosen < 0 || variable < (nonbasic[chosen] ?? 0)) chosen = column;
  }
  return chosen;
}

function leavingRow({ cells, basic, last }: Dictionary, column: number): number {
  let chosen = -1;
  let smallest = Number.POSITIVE_INFINITY;
  for (let row = 0; row < cells.length; row++) {
    const slope = at(cells, row, column);
    if (slope <= epsilon) continue;
    const ratio = at(cells, row, last) / slope;
    const better = ratio < smallest - epsilon || (ratio < smallest + epsilon && (basic[row] ?? 0) < (basic[chosen] ?? 0));
    if (!better) continue;
    chosen = row;
    smallest = ratio;
  }
  return chosen;
}

/** Exchanges the basic variable of a row with the nonbasic variable of a column. */
function pivot({ cells, basic, nonbasic, goal, feasibility }: Dictionary, row: number, column: number): void {
  const pivotRow = cells[row];
  if (pivotRow === undefined) return;
  const inverse = 1 / (pivotRow[column] ?? 1);
  for (let j = 0; j < pivotRow.length; j++) pivotRow[j] = (pivotRow[j] ?? 0) * inverse;
  pivotRow[column] = inverse;
  for (const other of [...cells, goal, feasibility]) {
    if (other === pivotRow) continue;
    const factor = other[column] ?? 0;
    if (factor === 0) continue;
    for (let j = 0; j < other.length; j++) other[j] = (other[j] ?? 0) - factor * (pivotRow[j] ?? 0);
    other[column] = -factor * inverse;
  }
  const entering = nonbasic[column] ?? 0;
  nonbasic[column] = basic[row] ?? 0;
  basic[row] = entering;
}

function firstNonZero({ cells, last }: Dictionary, row: number): number {
  for (let column = 0; column < last; column++) if (Math.abs(at(cells, row, column)) > epsilon) return column;
  return 0;
}

function readSolution({ cells, basic, goal, last }: Dictionary, variables: number): LinearSolution {
  const x = new Array<number>(variables).fill(0);
  basic.forEach((variable, row) => {
    if (variable >= 0 && variable < variables) x[variable] = at(cells, row, last);
  });
  return { value: goal[last] ?? 0, x };
}

function at(cells: readonly Float64Array[], row: number, column: number): number {
  return cells[row]?.[column] ?? 0;
}
