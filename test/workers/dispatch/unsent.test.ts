import { describe, expect, test } from 'vitest';
import type { OpenAttempt } from '../../../ledger/dispatch/open-attempts.ts';
import { Unsent } from '../../../workers/dispatch/unsent.ts';
import { anAttempt } from './an-attempt.ts';

const unsentOf = (...attempts: readonly OpenAttempt[]): Unsent => {
  const unsent = new Unsent();
  for (const attempt of attempts) unsent.note(attempt);
  return unsent;
};

const nothing = () => false;
const everything = () => true;
const caller = { direction: 'Inbound' } as const;

describe('what may have to be taken back', () => {
  test.each<{ readonly what: string; readonly attempt: Partial<OpenAttempt>; readonly stopped?: true; readonly asked: boolean }>([
    { what: 'a dial whose time is over', attempt: { sendByMs: 9_999 }, asked: true },
    { what: 'a caller whose time is over', attempt: { ...caller, sendByMs: 9_999 }, asked: true },
    { what: 'not a dial that has time', attempt: { sendByMs: 10_001 }, asked: false },
    { what: 'a dial that has time, on hold', attempt: { sendByMs: 10_001 }, stopped: true, asked: true },
    { what: 'not a caller who has time, on hold', attempt: { ...caller, sendByMs: 10_001 }, stopped: true, asked: false },
    { what: 'not a call that lives', attempt: { state: 'bound', sendByMs: 9_999 }, stopped: true, asked: false },
    { what: 'not one that is over', attempt: { state: 'ended', sendByMs: 9_999 }, stopped: true, asked: false },
  ])('is $what', ({ attempt, stopped, asked }) => {
    const unsent = unsentOf(anAttempt('a', attempt));
    expect(unsent.toTakeBack(10_000, stopped ? everything : nothing)).toEqual(asked ? ['a'] : []);
  });

  test('is asked for a while and not for as long as calls live, with or without pauses', () => {
    const unsent = unsentOf(anAttempt('a', { sendByMs: 1_000 }), anAttempt('b', { ...caller, sendByMs: 1_000 }));
    expect(unsent.toTakeBack(60_000, nothing)).toEqual(['a', 'b']);
    expect(unsent.toTakeBack(60_500, nothing)).toEqual([]);
    expect(unsent.size).toBe(1);
    unsent.note(anAttempt('c', { sendByMs: 60_600 }));
    expect(unsent.toTakeBack(62_000, nothing)).toEqual(['c']);
    expect(unsent.toTakeBack(70_000, nothing)).toEqual(['c']);
    expect(unsent.toTakeBack(80_000, nothing)).toEqual([]);
  });
});

test('an answer is to come as long as a dial has none', () => {
  const unsent = unsentOf(anAttempt('a'), anAttempt('b', caller));
  expect(unsent.hasDials()).toBe(true);
  unsent.note(anAttempt('a', { state: 'bound' }));
  expect(unsent.hasDials()).toBe(false);
});

describe('what may have to be looked up', () => {
  test.each<{ readonly what: string; readonly attempt: Partial<OpenAttempt>; readonly asked: boolean }>([
    { what: 'a dial whose owner does not serve', attempt: { owner: 2, admittedAtMs: 9_000 }, asked: true },
    { what: 'a dial that was sent long ago', attempt: { admittedAtMs: 1_000 }, asked: true },
    { what: 'not a dial that waits for its answer', attempt: { admittedAtMs: 9_000 }, asked: false },
    { what: 'not one that is looked up already', attempt: { owner: 2, ambiguous: true }, asked: false },
    { what: 'not a caller', attempt: { ...caller, owner: 2 }, asked: false },
  ])('is $what', ({ attempt, asked }) => {
    expect(unsentOf(anAttempt('a', attempt)).toLookUp(5_000, [1])).toEqual(asked ? ['a'] : []);
  });
});
