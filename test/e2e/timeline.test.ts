import { describe, expect, test } from 'vitest';
import { lineOf, Timeline } from './timeline.ts';

function aTimeline() {
  let clockMs = 1_000;
  const said: string[] = [];
  const timeline = new Timeline(
    () => clockMs,
    (line) => said.push(line),
  );
  return { timeline, said, pass: (spanMs: number) => (clockMs += spanMs) };
}

describe('a timeline', () => {
  test('tells what happened when, counted from its beginning', () => {
    const { timeline, said, pass } = aTimeline();
    pass(12_340);
    timeline.tell('calls flow', '120 have ended');
    expect(said).toEqual(['  12.3 s · calls flow: 120 have ended']);
  });

  test('is kept while every figure is within its goal, the goal itself included', () => {
    const { timeline } = aTimeline();
    timeline.measure('backlog to decision', { value: 4, unit: 's', goal: { atMost: 4 } });
    timeline.measure('calls placed', { value: 1, unit: 'calls', goal: { atLeast: 1 } });
    timeline.measure('no goal', { value: 1_000, unit: 's' });
    expect(timeline.isKept()).toBe(true);
  });

  test.each([
    { name: 'a figure above what it may be', figure: { value: 4.1, unit: 's', goal: { atMost: 4 } } },
    { name: 'a figure below what it must be', figure: { value: 0, unit: 'calls', goal: { atLeast: 1 } } },
    { name: 'a figure that is no number', figure: { value: Number.NaN, unit: 's', goal: { atMost: 4 } } },
  ])('is broken by $name', ({ figure }) => {
    const { timeline } = aTimeline();
    timeline.measure('it', figure);
    expect(timeline.isKept()).toBe(false);
  });

  test('is broken by what speaks against a promise, and shows the first of it', () => {
    const { timeline, said } = aTimeline();
    timeline.expectNone('no live call was cut', ['a', 'b', 'c', 'd', 'e']);
    expect(timeline.isKept()).toBe(false);
    expect(said).toEqual(['   0.0 s ✗ no live call was cut: a; b; c; and 2 more']);
  });

  test('says loudly what was skipped, which breaks nothing', () => {
    const { timeline, said } = aTimeline();
    timeline.skip('API server restarted', 'nobody says how');
    expect(timeline.isKept()).toBe(true);
    expect(said).toEqual(['   0.0 s – SKIPPED API server restarted: nobody says how']);
    expect(timeline.skipped()).toEqual(['API server restarted (nobody says how)']);
  });

  test('shows a goal beside its figure', () => {
    const figure = { value: 1.6, unit: 's', goal: { atMost: 4 } };
    expect(lineOf({ atSeconds: 3, what: 'backlog to decision', verdict: 'kept', figure })).toBe(
      '   3.0 s ✓ backlog to decision: 1.6 s (at most 4)',
    );
  });
});
