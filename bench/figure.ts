/** What every bench returns: figures with their definition in words, and what the plainest SQL does on the same machine in the same minute. */

/** `full` measures; `large` goes to sizes that take long to fill as well; `tiny` only shows that the bench still works. */
export type Scale = 'full' | 'large' | 'tiny';

export type Goal = { readonly atLeast: number } | { readonly atMost: number };

export type Figure = {
  readonly name: string;
  /** What exactly is measured, from where to where. */
  readonly definition: string;
  readonly unit: string;
  readonly value: number;
  /** Undefined: told for comparison. */
  readonly goal: Goal | undefined;
  readonly anchor: Anchor | undefined;
  /** Where it stands in a plot, if it belongs to one. */
  readonly point?: Point;
};

/** A place in a plot: the value of one line of it, at a place of its axis. Places are told apart by their label and stand in the order they come. */
export type Point = { readonly plot: string; readonly axis: string; readonly line: string; readonly at: string };

/** The same work by plain SQL, by others, or on less, or the part of it that cannot be avoided, measured in the same run. Machines differ; ratios travel. */
export type Anchor = { readonly what: string; readonly value: number };

/** Where a bench works. */
export type Setting = {
  readonly scale: Scale;
  /** A PostgreSQL server of our own, with durable commits. */
  readonly postgresUrl: string;
  /** For files; removed when all benches are over. Other users may pass through. */
  readonly directory: string;
  readonly say: (line: string) => void;
};

export type Bench = (setting: Setting) => Promise<readonly Figure[]>;

export function reached({ value, goal }: Figure): boolean | undefined {
  if (goal === undefined) return undefined;
  return 'atLeast' in goal ? value >= goal.atLeast : value <= goal.atMost;
}

/** The value that so many of a hundred are not above. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)] ?? Number.NaN;
}

/** The one in the middle. */
export const median = (values: readonly number[]): number => percentile(values, 50);
