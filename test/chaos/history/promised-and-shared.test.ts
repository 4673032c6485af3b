import { describe, expect, test } from 'vitest';
import { anUpstream, aProject, aSubscription } from '../../support/pool.ts';
import type { Violation } from '../violation.ts';
import { checkHistory } from './check.ts';
import { aBusyMinute, aDial, aGoodHistory, spoil } from './hand-made.ts';
import type { History } from './history.ts';

type Case = {
  readonly name: string;
  readonly spoilt: (history: History) => History;
  readonly invariant: Violation['invariant'];
  readonly what: string;
};

const reserve = (name: string, slots: number) =>
  spoil.policy({
    classes:
      aGoodHistory()
        .policies.get(1)
        ?.classes.map((declared) => (declared.name === name ? { ...declared, reserved: slots } : declared)) ?? [],
  });

const refusedAt = (atMs: number) =>
  aDial(80, 20.5, atMs, 0, { outcome: 'Capacity', boundAtMs: null, callId: null, releasedAtMs: atMs + 50 });

const cases: readonly Case[] = [
  {
    name: 'a renamed subscription that starts at nothing',
    spoilt: spoil.laterPolicy(
      (first) => ({
        ...first,
        subscriptions: first.subscriptions.map((main) => ({ ...main, name: aSubscription('east') })),
        projects: first.projects.map((project) => ({ ...project, subscription: aSubscription('east') })),
      }),
      { subscription: 'east', inUse: 1 },
    ),
    invariant: 'I1',
    what: 'fewer slots were counted',
  },
  {
    name: 'channels that calls of a removed project hold, given away again',
    spoilt: spoil.laterPolicy(
      (first) => ({
        ...first,
        upstreams: first.upstreams.map((trunk) => ({ ...trunk, concurrencyLimit: 2 })),
        projects: first.projects.flatMap((project) => (project.name === 'sales' ? { ...project, name: aProject('late') } : [])),
      }),
      { project: 'late' },
    ),
    invariant: 'I1',
    what: 'channels of upstream trunk',
  },
  {
    name: 'the channel of a caller whose project was led elsewhere before the decision, given away',
    spoilt: (history) =>
      spoil.laterPolicy(
        (first) => ({
          ...first,
          upstreams: first.upstreams.map((trunk) => ({ ...trunk, concurrencyLimit: 2 })),
          projects: first.projects.map((project) => ({ ...project, upstreams: project.name === 'desk' ? ['trunk'].map(anUpstream) : [] })),
        }),
        { enteredVersion: 1 },
      )(spoil.attempt(4, { policyVersion: 2, project: 'desk' })(history)),
    invariant: 'I1',
    what: 'channels of upstream trunk',
  },
  {
    name: 'a line booked against another account than its project has',
    spoilt: spoil.laterPolicy(
      (first) => ({
        ...first,
        subscriptions: first.subscriptions.flatMap((main) => [main, { ...main, name: aSubscription('east'), accountId: 'y' }]),
      }),
      { subscription: 'east', inUse: 1 },
    ),
    invariant: 'I1',
    what: 'counted against another account',
  },
  {
    name: 'a line taken that was reserved',
    spoilt: reserve('reception', 1),
    invariant: 'I3',
    what: 'that a reservation needed',
  },
  {
    name: 'a ceiling above what the provider had long told',
    spoilt: () => ({
      ...aBusyMinute(['campaign', 'survey', 'survey'], [refusedAt(20_000)]),
      limits: { told: 'in-answers', changes: [{ subscription: 'main', atMs: 5_000, limit: 3 }] },
    }),
    invariant: 'I9',
    what: 'above what the provider had told',
  },
  {
    name: 'a ceiling that rises in silence',
    spoilt: () =>
      aBusyMinute(['campaign'], [aDial(71, 71, 100_000, 900, { ceiling: 2 }), aDial(72, 72, 100_030, 900, { ceiling: 3, inUse: 2 })]),
    invariant: 'I9',
    what: 'rose though nothing was heard',
  },
  {
    name: 'a breaker that silence closed',
    spoilt: () =>
      aBusyMinute(
        ['campaign'],
        [
          aDial(70, 70, 63_000, 0, { outcome: 'ProjectFault' }),
          ...[71, 72, 73].map((seq) => aDial(seq, seq, 100_000 + seq / 10, 900, { inUse: seq - 70 })),
        ],
      ),
    invariant: 'I9',
    what: 'at fault was used again',
  },
  {
    name: 'a class that gets nothing beside an equal one',
    spoilt: () => aBusyMinute(['campaign']),
    invariant: 'I10',
    what: 'class campaign had more than its share',
  },
  {
    name: 'a class that gets far too little for its weight',
    spoilt: () => aBusyMinute(['campaign', 'campaign', 'campaign', 'survey']),
    invariant: 'I10',
    what: 'class campaign had more than its share',
  },
  {
    name: 'an admission to another project than the session is bound to',
    spoilt: spoil.session(1, { project: 'desk' }),
    invariant: 'I5',
    what: 'elsewhere than their session',
  },
  {
    name: 'a call after the time that was allowed',
    spoilt: spoil.session(1, { expiresAtMs: -1_600 }),
    invariant: 'I5',
    what: 'sent after the time until which',
  },
];

describe('a history', () => {
  test.each(cases)('shows $name', ({ spoilt, invariant, what }) => {
    const violations = checkHistory(spoilt(aGoodHistory()));
    expect(violations).toContainEqual(expect.objectContaining({ invariant, what: expect.stringContaining(what) }));
  });
});

const excused: readonly Omit<Case, 'invariant' | 'what'>[] = [
  { name: 'the use of a reservation by its own class', spoilt: reserve('vip', 1) },
  { name: 'a call that was admitted at the last moment', spoilt: spoil.session(1, { expiresAtMs: 1_000 }) },
  { name: 'shares by weight', spoilt: () => aBusyMinute(['campaign', 'survey', 'survey']) },
  { name: 'shares that age has doubled', spoilt: () => aBusyMinute(['campaign', 'survey']) },
  {
    name: 'a ceiling that a new answer has raised',
    spoilt: () => aBusyMinute(['campaign', 'survey'], [aDial(71, 71, 70_000, 900, { ceiling: 2 }), aDial(72, 72, 72_000, 900)]),
  },
];

describe('a history is not blamed for', () => {
  test.each(excused)('$name', ({ spoilt }) => {
    expect(checkHistory(spoilt(aGoodHistory()))).toEqual([]);
  });
});
