import { describe, expect, test } from 'vitest';
import { type GuardReason, guardReason, type LedgerMark, unlistedProjects, wentBack } from '../../../capacity/guard/guard.ts';
import { recountDue } from '../../../capacity/watching/schedule.ts';
import { aProject } from '../../support/pool.ts';

const mark: LedgerMark = { epoch: 7, beats: 9_000 };
const here = { systemId: '71', timeline: 3 };

describe('a pool is guarded', () => {
  test.each<{ name: string; now?: Partial<typeof here>; seen?: Partial<LedgerMark>; reason: GuardReason | undefined }>([
    { name: 'not, on the same data', reason: undefined },
    { name: 'on another timeline', now: { timeline: 4 }, reason: 'NewTimeline' },
    { name: 'on the data of another server', now: { systemId: '72', timeline: 1 }, reason: 'OtherCopy' },
    { name: 'when a worker has seen a later epoch', seen: { epoch: 8 }, reason: 'WentBack' },
    { name: 'when a worker has seen a later beat', seen: { beats: 9_001 }, reason: 'WentBack' },
    { name: 'not, when the ledger has gone on since', seen: { epoch: 6, beats: 30 }, reason: undefined },
  ])('$name', ({ now, seen, reason }) => {
    const remembered = seen === undefined ? undefined : { ...mark, ...seen };
    expect(guardReason({ ...here, ...mark }, { ...here, ...now }, remembered)).toBe(reason);
  });

  test('not for what a server does not tell', () => {
    expect(guardReason({ ...here, ...mark }, { systemId: null, timeline: null }, undefined)).toBeUndefined();
    expect(guardReason({ systemId: null, timeline: null, ...mark }, here, undefined)).toBeUndefined();
  });

  test('until every project is listed', () => {
    const [north, south] = [aProject('north'), aProject('south')];
    expect(unlistedProjects([north, south], new Set(['north', 'gone']))).toEqual([south]);
    expect(unlistedProjects([north], new Set(['north']))).toEqual([]);
  });
});

test('a ledger that shows what was seen of it has not gone back', () => {
  expect(wentBack(mark, mark)).toBe(false);
});

test('calls are listed for a guard at once, when the list becomes a proof, and every ten seconds from then on', () => {
  let last: number | undefined;
  const at: number[] = [];
  for (let age = 0; age <= 70_000; age += 1_000) {
    if (!recountDue(age, last)) continue;
    at.push(age);
    last = age;
  }
  expect(at).toEqual([0, 45_000, 55_000, 65_000]);
});
