import { describe, expect, test } from 'vitest';
import type { TruthEvent } from '../../simulator/truth/events.ts';
import { Truth } from '../../simulator/truth/truth.ts';
import { declaration } from './fixture.ts';

const number = (n: number) => `+121255000${String(n).padStart(2, '0')}`;
const ignored = { append: () => undefined, close: () => undefined };

/** Events at seconds, in the words of the log. */
function play(events: readonly TruthEvent[]): Truth {
  return new Truth(declaration, ignored, events);
}

const traffic = (seconds: number, running: boolean): TruthEvent => ({ event: 'traffic', atMs: seconds * 1_000, running });
const lead = (seconds: number, n: number): TruthEvent => ({ event: 'lead', atMs: seconds * 1_000, class: 'campaign', number: number(n) });
const created = (
  seconds: number,
  id: string,
  n: number,
  more: { subscription?: string; class?: string; kind?: 'inbound' | 'foreign' } = {},
): TruthEvent => ({
  event: 'created',
  atMs: seconds * 1_000,
  steps: [],
  call: {
    id,
    kind: more.kind ?? 'outbound',
    subscription: more.subscription ?? 'main',
    ...(more.kind === 'foreign' ? {} : { class: more.class ?? 'campaign' }),
    customer: { number: number(n) },
    controlToken: 't',
  },
});
const ended = (seconds: number, id: string, outcome: 'Normal' | 'Busy' | 'NoAnswer' | 'Foreign' = 'Normal'): readonly TruthEvent[] => [
  { event: 'ended', atMs: seconds * 1_000, id, reason: 'customer-ended-call', outcome, freeAtMs: seconds * 1_000 },
  { event: 'freed', atMs: seconds * 1_000, id },
];

describe('utilisation while backlogged', () => {
  // `main` has 3 lines, no margin, one line reserved for vip, and 2 calls per second: a creation holds the next for 0.5 s.
  const backlog = [traffic(0, true), lead(0, 1), lead(0, 2), lead(0, 3), lead(0, 4)];

  test('is the share of usable lines in use, an unused reserve not being usable', () => {
    // One of two usable lines is in use from 0 to 10 s, of which the rate holds the first 0.5 s.
    const truth = play([...backlog, created(0, 'a', 1)]);
    expect(truth.report(10_000).subscriptions['main']?.utilizationWhileBacklogged).toBeCloseTo(0.5);
  });

  test('does not count what the rate holds', () => {
    // Idle 0–1 s (0 of 2); a at 1 s, b at 1.5 s as soon as the rate allows; both until 4 s: 2 of 2 for 2.5 s. 5 ÷ (2 × 3.5).
    const truth = play([...backlog, created(1, 'a', 1), created(1.5, 'b', 2)]);
    expect(truth.report(4_000).subscriptions['main']?.utilizationWhileBacklogged).toBeCloseTo(5 / 7);
  });

  test('counts a reserve that is in use as usable, and foreign lines as gone', () => {
    // A vip call takes the reserve, a foreign one a line: usable are 3 − 1 − 0, in use is the vip call alone.
    const truth = play([...backlog, created(0, 'v', 9, { kind: 'inbound', class: 'vip' }), created(0, 'f', 8, { kind: 'foreign' })]);
    expect(truth.report(1_000).subscriptions['main']?.utilizationWhileBacklogged).toBeCloseTo(0.5);
  });

  test.each([
    { name: 'no leads are left', events: [traffic(0, true)] },
    { name: 'traffic has not begun', events: [lead(0, 1)] },
    { name: 'traffic is over', events: [traffic(0, true), traffic(0, false), lead(0, 1)] },
    { name: 'the simulator began anew meanwhile', events: [traffic(0, true), lead(0, 1), { event: 'opened', atMs: 0 } as const] },
  ])('is not known while $name', ({ events }) => {
    expect(play(events).report(10_000).subscriptions['main']?.utilizationWhileBacklogged).toBeNull();
  });

  test('does not take a lead for undialled that was dialled before its acknowledgement came', () => {
    const truth = play([traffic(0, true), created(0, 'a', 1), lead(0.1, 1)]);
    expect(truth.report(10_000)).toMatchObject({ undialled: 0, subscriptions: { main: { utilizationWhileBacklogged: null } } });
  });
});

describe('duplicate dials', () => {
  test.each([
    { name: 'the same number while a call to it lives', events: [created(0, 'a', 1), created(1, 'b', 1)], duplicates: 1 },
    { name: 'also in another subscription', events: [created(0, 'a', 1), created(1, 'b', 1, { subscription: 'second' })], duplicates: 1 },
    { name: 'again after a conversation', events: [created(0, 'a', 1), ...ended(1, 'a'), created(2, 'b', 1)], duplicates: 1 },
    {
      name: 'again after an outcome that is retried',
      events: [created(0, 'a', 1), ...ended(1, 'a', 'Busy'), created(2, 'b', 1)],
      duplicates: 0,
    },
    {
      name: 'more often than the class allows',
      events: [created(0, 'a', 1), ...ended(1, 'a', 'Busy'), created(2, 'b', 1), ...ended(3, 'b', 'NoAnswer'), created(4, 'c', 1)],
      duplicates: 1,
    },
    {
      name: 'again by a class that nobody declared',
      events: [created(0, 'a', 1), ...ended(1, 'a', 'Busy'), created(2, 'b', 1, { class: 'x' })],
      duplicates: 1,
    },
    { name: 'different numbers', events: [created(0, 'a', 1), created(0, 'b', 2)], duplicates: 0 },
  ])('$name: $duplicates', ({ events, duplicates }) => {
    expect(play(events).report(5_000).duplicateDials).toBe(duplicates);
  });
});

describe('a new run', () => {
  const opened = (seconds: number, run: string): TruthEvent => ({ event: 'opened', atMs: seconds * 1_000, run });
  const refused = (why: 'over-limit' | 'request-rate'): TruthEvent => ({ event: 'refused', atMs: 1_000, project: 'front', why });
  const arrival: TruthEvent = { event: 'arrival', atMs: 1_000, dialled: number(0), taken: false };
  const first = [
    opened(0, 'first'),
    traffic(0, true),
    lead(0, 1),
    lead(0, 2),
    created(1, 'a', 1),
    created(1, 'b', 1),
    refused('over-limit'),
    refused('request-rate'),
    arrival,
    { event: 'violation', atMs: 1_000, what: 'w' } as const,
    ...ended(5, 'a'),
  ];

  test('measures anew, from the calls that still live', () => {
    const { subscriptions, ...rest } = play([...first, opened(10, 'second')]).report(20_000);
    expect(subscriptions['main']).toMatchObject({ peak: 1, overLimitRefusals: 0, utilizationWhileBacklogged: null });
    expect(rest).toMatchObject({ dials: 0, live: 1, undialled: 1, callsPerSecondPeak: 0 });
    expect(rest).toMatchObject({ inboundArrivals: 0, inboundRefusedAtProvider: 0, requestRateRefusals: 0 });
  });

  test('forgets nothing that must never happen', () => {
    const truth = play([...first, opened(10, 'second'), ...ended(11, 'b'), created(12, 'c', 1)]);
    expect(truth.report(20_000)).toMatchObject({ duplicateDials: 2, violations: ['w'] });
    expect(truth.arrivals).toBe(1);
  });

  test('is none when the simulator alone began again', () => {
    const truth = play([...first, opened(10, 'first')]);
    expect(truth.report(20_000)).toMatchObject({
      dials: 2,
      inboundArrivals: 1,
      subscriptions: { main: { peak: 2, overLimitRefusals: 1 } },
    });
  });
});

test('the peak of calls per second is that of any second, not of the clock’s seconds', () => {
  const truth = play([created(0.9, 'a', 1), created(1.2, 'b', 2), created(1.8, 'c', 3, { subscription: 'second' }), created(1.95, 'd', 4)]);
  expect(truth.report(5_000).callsPerSecondPeak).toBe(3);
});

describe('answers to callers who found their reserve free', () => {
  const answered = (tookMs: number, answer: 'assistant' | 'error', reserveFree = true): TruthEvent => ({
    event: 'answered',
    atMs: 0,
    id: 'x',
    answer,
    tookMs,
    reserveFree,
  });

  test('are timed; a refusal counts with the whole deadline; others do not count', () => {
    const truth = play([answered(10, 'assistant'), answered(30, 'assistant'), answered(1, 'error'), answered(500, 'assistant', false)]);
    expect(truth.report(0).reservedAnswerMs).toEqual({ p50: 30, p95: 7_500, p99: 7_500 });
  });
});
