import { describe, expect, test } from 'vitest';
import {
  afterAnswer,
  afterProbe,
  afterProbeSent,
  afterProbeUnsent,
  afterRefusal,
  ceilingOf,
  initialSubscription,
  probeDue,
  probeWithinReach,
  type SubscriptionState,
} from '../../capacity/ceiling/ceiling.ts';
import { aPool } from '../support/pool.ts';

const declared = 10;
const random = () => 1;
const policyOf = (safetyMargin = 0) => {
  const [subscription] = aPool().withSubscription('main', declared).policy().subscriptions;
  if (subscription === undefined) throw new Error('no subscription');
  return { ...subscription, safetyMargin };
};
const ceiling = (state: SubscriptionState, margin = 0, seen = 0): number => ceilingOf(policyOf(margin), state, seen).ceiling;
const state = (changes: Partial<SubscriptionState>): SubscriptionState => ({ ...initialSubscription, ...changes });
const reading = (limit: number, remaining: number) => ({ limit, remaining });

describe('the ceiling', () => {
  test.each([
    { name: 'is what is declared', in: state({}), margin: 0, seen: 0, expect: 10 },
    { name: 'leaves the safety margin', in: state({}), margin: 2, seen: 0, expect: 8 },
    { name: 'is lowered by a lower limit', in: state({ learned: 7 }), margin: 0, seen: 0, expect: 7 },
    { name: 'is never above what is declared', in: state({ learned: 50 }), margin: 0, seen: 0, expect: 10 },
    { name: 'leaves foreign calls their lines', in: state({ foreign: 3 }), margin: 0, seen: 0, expect: 7 },
    { name: 'counts foreign calls into the margin, not beside it', in: state({ foreign: 3 }), margin: 2, seen: 0, expect: 7 },
    { name: 'counts foreign calls that are seen', in: state({ foreign: 1 }), margin: 0, seen: 4, expect: 6 },
    { name: 'ignores foreign calls in lines that are not declared', in: state({ learned: 14, foreign: 5 }), margin: 0, seen: 0, expect: 9 },
    { name: 'is never below zero', in: state({ learned: 2, foreign: 9 }), margin: 0, seen: 0, expect: 0 },
  ])('$name', ({ in: given, margin, seen, expect: wanted }) => {
    expect(ceiling(given, margin, seen)).toBe(wanted);
  });
});

describe('answers', () => {
  test('tell the limit, up and down', () => {
    const lower = afterAnswer(initialSubscription, { limits: reading(6, 2), ownHeld: 4, nowMs: 0 });
    expect(ceiling(lower)).toBe(6);
    expect(ceiling(afterAnswer(lower, { limits: reading(8, 4), ownHeld: 4, nowMs: 0 }))).toBe(8);
  });

  test('show foreign calls once they have been seen for a second', () => {
    const once = afterAnswer(initialSubscription, { limits: reading(10, 2), ownHeld: 5, nowMs: 0 });
    expect(ceiling(once)).toBe(10);
    const believed = afterAnswer(once, { limits: reading(10, 3), ownHeld: 5, nowMs: 1_000 });
    expect(believed).toMatchObject({ foreign: 2, probe: { atMs: 3_000 } });
  });

  test('forget what was gone in the next reading: a caller who had not been entered yet', () => {
    const once = afterAnswer(initialSubscription, { limits: reading(10, 4), ownHeld: 5, nowMs: 0 });
    const gone = afterAnswer(once, { limits: reading(10, 4), ownHeld: 6, nowMs: 2_000 });
    expect(gone).toMatchObject({ foreign: 0, suspected: null });
  });

  test('never lower what a refusal has shown', () => {
    const refused = state({ foreign: 3 });
    expect(afterAnswer(refused, { limits: reading(10, 9), ownHeld: 1, nowMs: 0 }).foreign).toBe(3);
  });

  test.each([
    { name: 'none', limits: undefined },
    { name: 'remaining -1, seen in the field with lines free', limits: reading(10, -1) },
    { name: 'more remaining than there are', limits: reading(10, 11) },
    { name: 'a limit of 0 though the call was taken', limits: reading(0, 0) },
    { name: 'no numbers', limits: reading(Number.NaN, Number.NaN) },
  ])('that make no sense change nothing: $name', ({ limits }) => {
    const after = afterAnswer(initialSubscription, { limits, ownHeld: 5, nowMs: 0 });
    expect(ceiling(after)).toBe(10);
    expect(after).toMatchObject({ foreign: 0, suspected: null, probe: null });
  });
});

describe('a refusal', () => {
  const refusal = { limits: undefined, ownHeld: 7, declared, nowMs: 0, random };

  test('shows the lines that are not ours, and a probe follows after 2 s', () => {
    const after = afterRefusal(initialSubscription, refusal);
    expect(ceiling(after)).toBe(7);
    expect([probeDue(after, 1_999), probeDue(after, 2_000)]).toEqual([false, true]);
  });

  test('takes the limit it names', () => {
    expect(ceiling(afterRefusal(initialSubscription, { ...refusal, limits: reading(8, 0) }))).toBe(7);
  });

  test('with all lines ours shows nothing and probes nothing', () => {
    expect(afterRefusal(initialSubscription, { ...refusal, ownHeld: 10 })).toMatchObject({ foreign: 0, probe: null });
  });
});

describe('probes', () => {
  const taken = state({ foreign: 3, probe: { atMs: 2_000, delayMs: 2_000, step: 1 } });
  const answer = { declared, nowMs: 2_100, random };

  test('go one at a time', () => {
    expect(probeDue(afterProbeSent(taken, 2_000), 10_000)).toBe(false);
  });

  test('whose answer never comes are given up', () => {
    expect(probeDue(afterProbeSent(taken, 2_000), 50_000)).toBe(true);
  });

  test('are no further away than their patience after the clock was set back', () => {
    expect(probeWithinReach(taken, 1_000)).toBe(taken);
    expect(probeWithinReach(afterProbeSent(taken, 3_600_000), 5_000).probe).toMatchObject({ atMs: 50_000 });
  });

  test('taken back unsent make room for the next at once', () => {
    expect(probeDue(afterProbeUnsent(afterProbeSent(taken, 2_000), 2_500), 2_500)).toBe(true);
  });

  test('refused, come again twice as late, up to 30 s', () => {
    const delays: number[] = [];
    let now = taken;
    for (let round = 0; round < 6; round++) {
      now = afterProbe(now, { ...answer, succeeded: false, limits: undefined, ownHeld: 7 });
      delays.push(now.probe?.delayMs ?? 0);
    }
    expect(delays).toEqual([4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
    expect(ceiling(now)).toBe(7);
  });

  test('taken, with a reading: all that left is ours again at once', () => {
    const after = afterProbe(taken, { ...answer, succeeded: true, limits: reading(10, 2), ownHeld: 8 });
    expect(after).toMatchObject({ foreign: 0, probe: null });
    expect(ceiling(after)).toBe(10);
  });

  test('taken, without a reading: one line more, then two, then four', () => {
    let now = state({ foreign: 9, probe: { atMs: 0, delayMs: 2_000, step: 1 } });
    const ceilings: number[] = [];
    for (let round = 0; round < 4; round++) {
      now = afterProbe(now, { ...answer, succeeded: true, limits: undefined, ownHeld: 2 });
      ceilings.push(ceiling(now));
    }
    expect(ceilings).toEqual([2, 4, 8, 10]);
    expect(now.probe).toBeNull();
  });

  test('find the way back from a limit that was once lower and that no answer mentions any more', () => {
    const lowered = afterRefusal(initialSubscription, { limits: reading(4, 0), ownHeld: 4, declared, nowMs: 0, random });
    expect(ceiling(lowered)).toBe(4);
    expect(probeDue(lowered, 2_000)).toBe(true);
    const grown = afterProbe(lowered, { ...answer, succeeded: true, limits: undefined, ownHeld: 5 });
    expect(ceiling(grown)).toBe(5);
  });

  test('after foreign calls have left, all lines are back within 35 s whatever was refused before', () => {
    let now = taken;
    for (let round = 0; round < 9; round++) now = afterProbe(now, { ...answer, nowMs: 0, succeeded: false, limits: undefined, ownHeld: 7 });
    expect(probeDue(now, 30_000)).toBe(true);
    expect(ceiling(afterProbe(now, { ...answer, nowMs: 31_000, succeeded: true, limits: reading(10, 2), ownHeld: 8 }))).toBe(10);
  });
});
