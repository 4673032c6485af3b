import { describe, expect, test } from 'vitest';
import type { Report } from '../../simulator/contract.ts';
import { type TruthEvent, truthEvent } from '../../simulator/truth/events.ts';
import { callersBetween, callsBetween, firstCallAtMs, judge, longestPauseMs } from './judge.ts';

const well: Report = {
  subscriptions: { main: { limit: 40, peak: 36, overLimitRefusals: 0, utilizationWhileBacklogged: 0.99 } },
  callsPerSecondPeak: 12,
  duplicateDials: 0,
  inboundArrivals: 3,
  inboundRefusedAtProvider: 0,
  inboundLateAnswers: 0,
  reservedAnswerMs: { p50: 15, p95: 60, p99: 100 },
  dials: 3,
  live: 0,
  undialled: 0,
  requestRateRefusals: 0,
  violations: [],
};

const created = (id: string, atMs: number, kind: 'inbound' | 'outbound' = 'outbound'): TruthEvent =>
  truthEvent.parse({ event: 'created', atMs, steps: [], call: { id, subscription: 'main', kind, controlToken: 'token' } });
const ended = (id: string, atMs: number, reason: string): TruthEvent =>
  truthEvent.parse({ event: 'ended', atMs, id, reason, outcome: 'Normal', freeAtMs: atMs });
const answered = (id: string, atMs: number, answer: string): TruthEvent =>
  truthEvent.parse({ event: 'answered', atMs, id, answer, tookMs: 20, reserveFree: true });

describe('the judgement', () => {
  test('has nothing to say against calls that ended by themselves', () => {
    const truth = [created('a', 10), answered('b', 20, 'assistant'), ended('a', 30, 'customer-ended-call')];
    expect(judge(truth, well, [])).toEqual({
      callsCut: [],
      callersUnanswered: [],
      callersRefused: [],
      overLimit: [],
      dialledTwice: [],
      broken: [],
    });
  });

  test('finds a call that was ended by us', () => {
    expect(judge([created('a', 10), ended('a', 30, 'manually-canceled')], well, []).callsCut).toEqual(['a']);
  });

  test.each(['failed', 'late', 'error'])('finds a caller whose answer was %s', (answer) => {
    expect(judge([answered('b', 60_000, answer)], well, []).callersUnanswered).toEqual([`b ${answer} at 00:01:00.000`]);
  });

  test('puts a lost answer down to a kill only where it happened then', () => {
    const truth = [answered('during', 10_100, 'failed'), answered('later', 20_000, 'failed')];
    expect(judge(truth, well, [{ atMs: 10_000 }]).callersUnanswered).toEqual(['later failed at 00:00:20.000']);
  });

  const complaints: readonly {
    readonly name: string;
    readonly report: Report;
    readonly says: 'callersRefused' | 'overLimit' | 'dialledTwice' | 'broken';
  }[] = [
    {
      name: 'a limit that was exceeded',
      report: { ...well, subscriptions: { main: { limit: 40, peak: 41, overLimitRefusals: 2, utilizationWhileBacklogged: 1 } } },
      says: 'overLimit',
    },
    { name: 'callers that found no line', report: { ...well, inboundRefusedAtProvider: 2 }, says: 'callersRefused' },
    { name: 'people dialled twice', report: { ...well, duplicateDials: 1 }, says: 'dialledTwice' },
    { name: 'a request that breaks the description', report: { ...well, violations: ['name is too long'] }, says: 'broken' },
  ];
  test.each(complaints)('takes over from the provider $name', ({ report, says }) => {
    expect(judge([], report, [])[says]).toHaveLength(1);
  });
});

describe('the flow of calls', () => {
  const truth = [created('caller', 5, 'inbound'), created('a', 100), created('b', 400), created('c', 2_000)];

  test('begins with the first call of ours', () => {
    expect(firstCallAtMs(truth)).toBe(100);
    expect(firstCallAtMs([created('caller', 5, 'inbound')])).toBeUndefined();
  });

  test('counts outbound calls of a span, its end left out', () => {
    expect(callsBetween(truth, 100, 2_000)).toBe(2);
  });

  test.each([
    { name: 'between two calls', fromMs: 50, toMs: 2_100, longest: 1_600 },
    { name: 'before the first', fromMs: -5_000, toMs: 300, longest: 5_100 },
    { name: 'after the last', fromMs: 1_900, toMs: 9_000, longest: 7_000 },
    { name: 'all of it, without any', fromMs: 3_000, toMs: 9_000, longest: 6_000 },
  ])('pauses longest $name', ({ fromMs, toMs, longest }) => {
    expect(longestPauseMs(truth, fromMs, toMs)).toBe(longest);
  });
});

describe('callers of a span of time', () => {
  test('are those that called in it, whenever they were answered', () => {
    const truth = [
      answered('before', 1_010, 'assistant'),
      answered('in', 1_030, 'assistant'),
      answered('at its end', 2_030, 'destination'),
    ];
    expect(callersBetween(truth, 1_000, 2_011)).toEqual({ answered: 2, lost: [] });
  });

  test('are lost without an answer, and without a line', () => {
    const refused = truthEvent.parse({ event: 'arrival', atMs: 1_500, dialled: '+14155550100', taken: false });
    const truth = [answered('a', 1_600, 'late'), answered('b', 1_700, 'error'), refused, answered('later', 9_000, 'failed')];
    const { answered: taken, lost } = callersBetween(truth, 1_000, 2_000);
    expect(taken).toBe(0);
    expect(lost).toEqual(['a late at 00:00:01.600', 'b error at 00:00:01.700', 'refused for want of a line at 00:00:01.500']);
  });
});
