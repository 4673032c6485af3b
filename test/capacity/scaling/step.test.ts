import { describe, expect, test } from 'vitest';
import { tickMs } from '../../../capacity/scaling/policy.ts';
import { type Step, stepScaling } from '../../../capacity/scaling/step.ts';
import { aPolicy, type Seen, signals, startMs } from './given.ts';

/** Ticks one after the other, workers following at once; what each had to tell. */
function steps(count: number, seen: (index: number) => Seen): readonly Step[] {
  const all: Step[] = [];
  for (let index = 0; index < count; index += 1) {
    const before = all.at(-1);
    const serving = before?.decision.replicas ?? 2;
    all.push(stepScaling(before?.remembered, signals({ ...seen(index), workers: { serving } }), aPolicy(), startMs + index * tickMs));
  }
  return all;
}

const newsOf = (all: readonly Step[]) => all.map(({ news }) => news);

describe('a tick', () => {
  test('begins with the workers that there are', () => {
    const [first] = steps(1, () => ({ slotsInUse: 30 }));
    expect(first?.decision).toMatchObject({ previous: 2, replicas: 2 });
  });

  test('is news when it is the first, and when the number changes', () => {
    const all = steps(4, (index) => (index < 2 ? { slotsInUse: 20 } : { slotsInUse: 20, backlog: 500 }));
    expect(newsOf(all)).toEqual(['changed', 'none', 'changed', 'none']);
    expect(all[2]?.decision.replicas).toBe(7);
  });

  test('tells its figures anew twice a minute', () => {
    const all = newsOf(steps(31, (index) => ({ slotsInUse: 20 + (index % 2) })));
    expect(all.flatMap((news, index) => (news === 'refreshed' ? [index * tickMs] : []))).toEqual([30_000, 60_000]);
  });

  test('tells of another reason for the same number, but not of every turn that two reasons take', () => {
    const all = newsOf(steps(16, (index) => (index % 2 === 0 ? { slotsInUse: 30 } : { slotsInUse: 30, backlog: 1 })));
    expect(all.filter((news) => news === 'changed').length).toBeLessThanOrEqual(4);
    expect(all.filter((news) => news === 'changed').length).toBeGreaterThanOrEqual(2);
  });

  test('remembers what keeps as JSON', () => {
    const last = steps(40, (index) => ({ slotsInUse: index, backlog: index })).at(-1);
    expect(JSON.parse(JSON.stringify(last?.remembered.state))).toEqual(last?.remembered.state);
  });
});
