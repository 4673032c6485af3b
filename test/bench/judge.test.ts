import { describe, expect, test } from 'vitest';
import { judge } from '../../bench/side-by-side/judge.ts';

const ms = (from: number, to: number) => ({ fromUs: from * 1_000, toUs: to * 1_000 });
const second = ms(0, 1_000);

describe('the judge of who keeps to the lines', () => {
  test('sees no violation when a line is taken in the moment in which it comes free', () => {
    expect(judge([ms(0, 10), ms(10, 20), ms(20, 30)], 1, second)).toMatchObject({ peak: 1, violations: 0, perSecond: 3 });
  });

  test('counts every start that finds all lines taken, and the most that were in use', () => {
    const held = [ms(0, 100), ms(10, 100), ms(20, 100), ms(30, 100), ms(200, 300)];
    expect(judge(held, 2, second)).toMatchObject({ peak: 4, violations: 2, idleMs: undefined });
  });

  test('says how long lines lay idle, the first that came free counted against the first that was taken', () => {
    const held = [ms(0, 10), ms(0, 20), ms(13, 30), ms(25, 40)];
    expect(judge(held, 2, second).idleMs).toEqual({ p50: 3, p99: 5 });
  });

  test('counts what began before the window as in use, and only starts inside it', () => {
    expect(judge([ms(0, 400), ms(200, 300)], 1, ms(100, 600))).toMatchObject({ peak: 2, violations: 1, perSecond: 2 });
  });
});
