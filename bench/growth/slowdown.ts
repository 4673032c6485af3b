import type { Figure } from '../figure.ts';

/** A figure along an axis of growth: what it is at every place, and how much slower the last place is than the first. */
export type Grown = {
  readonly name: string;
  readonly definition: string;
  readonly unit: '/s' | 'ms';
  /** In the order of growth; the first is what the others are compared with. */
  readonly values: readonly { readonly at: string; readonly value: number }[];
  /** What grows, in words that follow a number: `queued`. */
  readonly axis: string;
  /** The place that the goal is about; the last unless another is given. */
  readonly judgedAt?: string;
};

/** What design and users want of every growth: no more than this much slower than with little. */
const atMost = 1.3;

/** The slowdown of the place that is judged, and the values of all places as points of a plot. */
export function growthFigures(grown: Grown): readonly Figure[] {
  const [first] = grown.values;
  const last = grown.values.find(({ at }) => at === grown.judgedAt) ?? grown.values.at(-1);
  if (first === undefined || last === undefined) return [];
  const slower = grown.unit === 'ms' ? last.value / first.value : first.value / last.value;
  return [
    {
      name: `${grown.name}: ${last.at} ${grown.axis} against ${first.at}`,
      definition: `how many times slower than in the same run with ${first.at} ${grown.axis}: ${grown.definition}`,
      unit: '×',
      value: slower,
      goal: { atMost },
      anchor: undefined,
    },
    ...grown.values.map(
      ({ at, value }): Figure => ({
        name: `${grown.name}, ${at} ${grown.axis}`,
        definition: grown.definition,
        unit: grown.unit,
        value,
        goal: undefined,
        anchor: at === first.at ? undefined : { what: `with ${first.at} ${grown.axis}, in the same run`, value: first.value },
        point: { plot: `${grown.name} by ${grown.axis}`, axis: grown.axis, line: grown.unit === 'ms' ? 'ms' : 'per second', at },
      }),
    ),
  ];
}

/** 1 M, 100 k, 512. */
export function short(count: number): string {
  if (count >= 1_000_000 && count % 1_000_000 === 0) return `${count / 1_000_000} M`;
  return count >= 1_000 && count % 1_000 === 0 ? `${count / 1_000} k` : String(count);
}
