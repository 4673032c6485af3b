import { describe, expect, test } from 'vitest';
import { Statistics } from '../../../workers/dispatch/statistics.ts';
import { anAttempt } from './an-attempt.ts';

const caller = (id: string) => anAttempt(id, { direction: 'Inbound', state: 'pending' });

describe('the load that a dispatcher shows', () => {
  test('is nothing that is known of sessions before one has ended', () => {
    expect(new Statistics().load(0)).toEqual({ arrivalsPerSecond: 0, sessionMs: null });
  });

  test('counts callers once each, for a minute', () => {
    const statistics = new Statistics();
    for (let index = 0; index < 30; index += 1) statistics.changed(undefined, caller(`c${index}`), index * 1_000);
    statistics.changed(caller('c1'), { ...caller('c1'), state: 'admitted' }, 30_000);
    expect(statistics.load(30_000).arrivalsPerSecond).toBe(0.5);
    expect(statistics.load(75_000).arrivalsPerSecond).toBeCloseTo(14 / 60);
    expect(statistics.load(200_000).arrivalsPerSecond).toBe(0);
  });

  test('counts neither dials nor calls of somebody else', () => {
    const statistics = new Statistics();
    statistics.changed(undefined, anAttempt('dial'), 0);
    statistics.changed(undefined, { ...caller('foreign'), sessionId: null, refusal: 'Foreign' }, 0);
    expect(statistics.load(0).arrivalsPerSecond).toBe(0);
  });

  test('takes the mean of how long sessions lasted, each once', () => {
    const statistics = new Statistics();
    const bound = anAttempt('one', { state: 'bound', boundAtMs: 1_000 });
    const ended = { ...bound, state: 'cooling' as const, endedAtMs: 61_000 };
    statistics.changed(bound, ended, 61_000);
    statistics.changed(ended, { ...ended, state: 'ended' }, 62_000);
    statistics.changed(
      anAttempt('two', { state: 'bound', boundAtMs: 0 }),
      anAttempt('two', { state: 'cooling', boundAtMs: 0, endedAtMs: 20_000 }),
      20_000,
    );
    statistics.changed(anAttempt('unmade'), anAttempt('unmade', { state: 'ended', endedAtMs: 5 }), 5);
    expect(statistics.load(0).sessionMs).toBe(40_000);
  });
});
