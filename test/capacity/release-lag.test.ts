import { describe, expect, test } from 'vitest';
import { afterReading, initialReleaseLag, releaseLagMs } from '../../capacity/ceiling/release-lag.ts';
import { type Line, run } from './release-lag-line.ts';

/** 40 lines, always full, about four ends a second; counted after two minutes of learning. */
const line: Line = {
  limit: 40,
  meanCallMs: 8_000,
  lagMs: (random) => random() * 3_000,
  limitsInAnswers: true,
  durationMs: 600_000,
  countFromMs: 120_000,
  seed: 1,
};

describe('the release lag', () => {
  test('starts at one second', () => {
    expect(releaseLagMs(initialReleaseLag)).toBe(1_000);
  });

  test('is the age of the youngest so many lines as are held', () => {
    let lag = initialReleaseLag;
    for (let reading = 0; reading < 20; reading++) lag = afterReading(lag, { heldMin: 2, heldMax: 2, agesMs: [3_000, 200, 1_400, 900] });
    expect(releaseLagMs(lag)).toBe(900);
  });

  test.each([
    { name: 'far too many sends are under way', reading: { heldMin: 0, heldMax: 9, agesMs: [200, 900] } },
    { name: 'more lines are held than ended: those are foreign', reading: { heldMin: 3, heldMax: 3, agesMs: [200, 900] } },
  ])('learns nothing when $name', ({ reading }) => {
    expect(afterReading(initialReleaseLag, reading)).toBe(initialReleaseLag);
  });

  test('takes vague readings only while there is nothing but the guess', () => {
    const vague = { heldMin: 0, heldMax: 3, agesMs: [200, 900] };
    let lag = initialReleaseLag;
    for (let reading = 0; reading < 5; reading += 1) lag = afterReading(lag, vague);
    expect(releaseLagMs(lag)).toBe(0);
    expect(afterReading(lag, vague)).toBe(lag);
  });

  test.each([
    { name: '0–3 s, told by answers', changes: {}, p99Ms: 2_970 },
    { name: '0–3 s, told by refusals alone', changes: { limitsInAnswers: false }, p99Ms: 2_970 },
    { name: '0–3 s with long calls', changes: { meanCallMs: 60_000 }, p99Ms: 2_970 },
    { name: '0–150 ms', changes: { lagMs: (random: () => number) => random() * 150 }, p99Ms: 148 },
    { name: '0–8 s', changes: { lagMs: (random: () => number) => random() * 8_000, meanCallMs: 12_000 }, p99Ms: 7_920 },
    { name: 'no lag at all', changes: { lagMs: () => 0 }, p99Ms: 0 },
    { name: 'no lag at all, told by refusals alone', changes: { lagMs: () => 0, limitsInAnswers: false }, p99Ms: 0 },
  ])('$name: under 1 % refused, and lines as busy as with the true p99', ({ changes, p99Ms }) => {
    const learned = run({ ...line, ...changes });
    const oracle = run({ ...line, ...changes, coolingMs: p99Ms });
    expect(learned.refusedShare).toBeLessThan(0.01);
    expect(learned.utilization).toBeGreaterThan(oracle.utilization - 0.02);
  });

  test('falls to nothing within seconds when the provider frees lines at once', () => {
    expect(run({ ...line, lagMs: () => 0, durationMs: 15_000, countFromMs: 0 }).lagMs).toBeLessThan(10);
  });

  test('is found within half a minute', () => {
    expect(run({ ...line, durationMs: 30_000, countFromMs: 0 }).lagMs).toBeGreaterThan(1_800);
  });

  test('does not keep foreign calls for lag after they have left', () => {
    const foreign = { lines: 8, fromMs: 200_000, toMs: 260_000 };
    const after = run({ ...line, foreign, countFromMs: 320_000 });
    const without = run({ ...line, countFromMs: 320_000 });
    expect(after.utilization).toBeGreaterThan(without.utilization - 0.02);
  });
});
