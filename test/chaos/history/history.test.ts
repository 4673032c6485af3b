import { describe, expect, test } from 'vitest';
import type { Violation } from '../violation.ts';
import { checkHistory } from './check.ts';
import { aDial, aGoodHistory, aSession, idOf, spoil } from './hand-made.ts';
import type { History } from './history.ts';

type Case = {
  readonly name: string;
  readonly spoilt: (history: History) => History;
  readonly invariant: Violation['invariant'];
  readonly what: string;
};

const [one, other] = [aDial(7, 8, 4_000, 3_000, { inUse: 4 }), aDial(8, 9, 40_000, 3_000, { epoch: 2 })];
const early = { createdAtMs: 0, endedAtMs: 50_000 };

const cases: readonly Case[] = [
  {
    name: 'an admission above the ceiling',
    spoilt: spoil.attempt(3, { inUse: 4 }),
    invariant: 'I1',
    what: 'above the ceiling',
  },
  {
    name: 'a dispatcher that counts too few slots',
    spoilt: spoil.attempt(3, { inUse: 2 }),
    invariant: 'I1',
    what: 'fewer slots were counted',
  },
  {
    name: 'a dispatcher that counts slots that nobody holds',
    spoilt: spoil.attempt(1, { inUse: 2 }),
    invariant: 'I1',
    what: 'more slots were counted',
  },
  {
    name: 'a slot that was taken twice',
    spoilt: spoil.with({ sessions: [aSession(7, { ...early, endedAtMs: 7_050 })], attempts: [{ ...one.attempt, seq: 3.5, inUse: 3 }] }),
    invariant: 'I1',
    what: 'recounted are above the ceiling',
  },
  {
    name: 'a ceiling above what is declared',
    spoilt: spoil.attempt(1, { ceiling: 4 }),
    invariant: 'I1',
    what: 'above the declared limit less its margin',
  },
  {
    name: 'channels of a carrier exceeded',
    spoilt: spoil.policy({
      upstreams:
        aGoodHistory()
          .policies.get(1)
          ?.upstreams.map((trunk) => ({ ...trunk, concurrencyLimit: 2 })) ?? [],
    }),
    invariant: 'I1',
    what: 'channels of upstream trunk',
  },
  {
    name: 'a class above its limit',
    spoilt: spoil.with({
      sessions: [aSession(7, { class: 'vip', createdAtMs: 9_900, endedAtMs: 13_000 })],
      attempts: [aDial(7, 8, 9_950, 3_000, { class: 'vip', seq: 4.2, inUse: 3 }).attempt],
    }),
    invariant: 'I2',
    what: 'class vip',
  },
  {
    name: 'a direction above its limit',
    spoilt: spoil.policy({ directionLimits: { Inbound: undefined, Outbound: 2 } }),
    invariant: 'I2',
    what: 'direction Outbound',
  },
  {
    name: 'the budget of the pool exceeded',
    spoilt: spoil.policy({ maxConcurrentSessions: 2 }),
    invariant: 'I2',
    what: 'budget of the pool',
  },
  {
    name: 'more calls per second than are declared',
    spoilt: (history) =>
      spoil.with({ calls: [{ ...one.call, createdAtMs: 1_050 }], attempts: [{ ...one.attempt, sendingAtMs: 1_030 }] })(history),
    invariant: 'I2',
    what: 'calls per second than subscription main',
  },
  {
    name: 'an admission that was sent too late',
    spoilt: spoil.attempt(1, { sendingAtMs: 1_700 }),
    invariant: 'I2',
    what: 'after the moment',
  },
  {
    name: 'a sequence that repeats itself',
    spoilt: spoil.attempt(6, { seq: 5 }),
    invariant: 'I10',
    what: 'do not rise',
  },
  {
    name: 'decisions written in the wrong order',
    spoilt: spoil.attempt(2, { admittedAtMs: 3_500, sendByMs: 3_600 }),
    invariant: 'I10',
    what: 'written earlier',
  },
  {
    name: 'a deposed dispatcher that still admits',
    spoilt: spoil.attempt(5, { admittedAtMs: 23_000 }),
    invariant: 'I1',
    what: 'epochs interleave',
  },
  {
    name: 'one epoch in two hands',
    spoilt: (history) => ({
      ...history,
      said: { ...history.said, epochs: [...history.said.epochs, { epoch: 2, worker: 'worker-1' }] },
    }),
    invariant: 'I1',
    what: 'two workers',
  },
  {
    name: 'an epoch that nobody was elected for',
    spoilt: (history) => ({ ...history, dispatcher: { epoch: 1, seq: 20 } }),
    invariant: 'I10',
    what: 'beyond where the dispatcher stands',
  },
  {
    name: 'an admission without what it was decided on',
    spoilt: spoil.attempt(1, { ceiling: null }),
    invariant: 'I10',
    what: 'do not say',
  },
  {
    name: 'a lower class before a higher one that waited',
    spoilt: spoil.with({ sessions: [aSession(9, { class: 'vip', state: 'queued', outcome: null, createdAtMs: 100 })] }),
    invariant: 'I10',
    what: 'higher priority',
  },
  {
    name: 'two calls for one attempt',
    spoilt: (history) => spoil.with({ calls: [{ ...other.call, name: history.calls[0]?.name, number: undefined }] })(history),
    invariant: 'I5',
    what: 'several calls',
  },
  {
    name: 'a call that nobody committed to send',
    spoilt: spoil.attempt(1, { sendingAtMs: null }),
    invariant: 'I5',
    what: 'never committed as being sent',
  },
  {
    name: 'bytes before the commit',
    spoilt: spoil.attempt(1, { sendingAtMs: 1_090 }),
    invariant: 'I5',
    what: 'before their attempt was committed',
  },
  {
    name: 'a dial after its attempt was over',
    spoilt: spoil.call(1, { createdAtMs: 19_200, endedAtMs: 19_900 }),
    invariant: 'I5',
    what: 'after their attempt was over',
  },
  {
    name: 'a call whose attempt was taken back',
    spoilt: spoil.attempt(1, { outcome: 'Unsent', releasedAtMs: 19_050 }),
    invariant: 'I5',
    what: 'none was made',
  },
  {
    name: 'a call to somebody else',
    spoilt: spoil.call(1, { number: '+14155559999' }),
    invariant: 'I5',
    what: 'to somebody else',
  },
  {
    name: 'a webhook that was bound to another attempt',
    spoilt: spoil.attempt(1, { callId: 'call-3' }),
    invariant: 'I5',
    what: 'made for another',
  },
  {
    name: 'a call without our name',
    spoilt: spoil.call(1, { name: undefined }),
    invariant: 'I5',
    what: 'do not say what they were made for',
  },
  {
    name: 'two live calls to one number',
    spoilt: spoil.call(2, { number: '+14155551001' }),
    invariant: 'I5',
    what: 'two live calls',
  },
  {
    name: 'a redial after an outcome that is not retried',
    spoilt: spoil.attempt(2, { outcome: 'Voicemail' }),
    invariant: 'I5',
    what: 'attempts after an outcome',
  },
  {
    name: 'a redial of somebody who had talked to us, whatever the ledger says',
    spoilt: spoil.call(2, { outcome: 'Normal' }),
    invariant: 'I5',
    what: 'by the account of the provider',
  },
  {
    name: 'a session with two attempts at once',
    spoilt: spoil.attempt(2, { endedAtMs: 9_500 }),
    invariant: 'I5',
    what: 'two attempts at once',
  },
  {
    name: 'an admission while the number was busy',
    spoilt: spoil.attempt(3, { number: '+14155551001' }),
    invariant: 'I5',
    what: 'numbers admitted while',
  },
  {
    name: 'a live call that was ended to make room',
    spoilt: spoil.call(1, { reason: 'manually-canceled', outcome: 'Cancelled' }),
    invariant: 'I4',
    what: 'nobody had asked',
  },
  {
    name: 'an acknowledged session that is gone',
    spoilt: (history) => ({ ...history, acknowledged: [...history.acknowledged, idOf(77)] }),
    invariant: 'I7',
    what: 'lost',
  },
  {
    name: 'attempts of nobody',
    spoilt: spoil.attempt(1, { sessionId: idOf(77) }),
    invariant: 'I7',
    what: 'not there',
  },
  {
    name: 'a session that ended without an outcome',
    spoilt: spoil.session(1, { outcome: null }),
    invariant: 'I7',
    what: 'without an outcome',
  },
  {
    name: 'a session that is open for ever',
    spoilt: spoil.session(1, { state: 'open', outcome: null, endedAtMs: null, attemptId: idOf(101) }),
    invariant: 'I7',
    what: 'open sessions',
  },
  {
    name: 'a session that waits while it is on the phone',
    spoilt: (history) =>
      spoil.attempt(1, { state: 'bound' })(spoil.session(1, { state: 'queued', outcome: null, endedAtMs: null })(history)),
    invariant: 'I7',
    what: 'while an attempt of theirs goes on',
  },
  {
    name: 'a session that was admitted after its end',
    spoilt: spoil.session(2, { endedAtMs: 5_050 }),
    invariant: 'I7',
    what: 'after their end',
  },
  {
    name: 'a session that ended otherwise than its call',
    spoilt: spoil.session(1, { outcome: 'NoAnswer' }),
    invariant: 'I7',
    what: 'otherwise than their last attempt',
  },
  {
    name: 'a slot that leaks',
    spoilt: spoil.attempt(1, { releasedAtMs: null, state: 'cooling' }),
    invariant: 'I6',
    what: 'though their calls are over',
  },
  {
    name: 'a slot that is held for ever',
    spoilt: spoil.attempt(6, { releasedAtMs: 3_600_000 }),
    invariant: 'I6',
    what: 'longer than their calls could last',
  },
  {
    name: 'a slot that was freed while the call lived',
    spoilt: spoil.attempt(1, { endedAtMs: 8_000, releasedAtMs: 9_000 }),
    invariant: 'I6',
    what: 'while the call lived',
  },
  {
    name: 'an end before the end',
    spoilt: spoil.attempt(1, { endedAtMs: 8_000 }),
    invariant: 'I6',
    what: 'before their call did',
  },
  {
    name: 'a slot that was freed without an end',
    spoilt: spoil.attempt(1, { endedAtMs: 30_000 }),
    invariant: 'I6',
    what: 'before their attempt was over',
  },
  {
    name: 'a call of ours that nobody knows',
    spoilt: spoil.with({ calls: [other.call] }),
    invariant: 'I6',
    what: 'never came to know',
  },
  {
    name: 'an attempt bound to a call that never was',
    spoilt: spoil.attempt(1, { callId: 'call-77' }),
    invariant: 'I6',
    what: 'never had',
  },
];

describe('a history', () => {
  test('that went well has no violation', () => {
    expect(checkHistory(aGoodHistory())).toEqual([]);
  });

  test.each(cases)('shows $name', ({ spoilt, invariant, what }) => {
    const violations = checkHistory(spoilt(aGoodHistory()));
    expect(violations).toContainEqual(expect.objectContaining({ invariant, what: expect.stringContaining(what) }));
  });
});

const [brief, following] = [
  aDial(7, 8, 23_500, 10, { epoch: 2, inUse: 3, releasedAtMs: 23_700 }),
  aDial(8, 9, 23_800, 900, { epoch: 2, inUse: 3 }),
];
const refused = aDial(7, 8, 21_990, 900, {
  class: 'reception',
  direction: 'Inbound',
  project: 'desk',
  refusal: 'Overflowed',
  outcome: 'Overflowed',
  epoch: null,
  seq: null,
  admittedAtMs: null,
});
const wantsVip = aSession(9, { class: 'vip', state: 'queued', outcome: null, createdAtMs: 100 });

const excused: readonly Omit<Case, 'invariant' | 'what'>[] = [
  { name: 'a probe, one slot above the ceiling', spoilt: spoil.attempt(3, { ceiling: 2, probe: true }) },
  {
    name: 'a caller whom the dispatcher had not heard of yet',
    spoilt: spoil.with({
      sessions: [aSession(7, { class: 'reception', direction: 'Inbound', outcome: 'Overflowed', createdAtMs: 21_990, endedAtMs: 23_000 })],
      attempts: [refused.attempt],
      calls: [refused.call],
    }),
  },
  { name: 'a slot that a worker had just given back', spoilt: spoil.attempt(5, { inUse: 2 }) },
  {
    name: 'a higher class that was held',
    spoilt: (history) => ({ ...spoil.with({ sessions: [wantsVip] })(history), heldClasses: new Set(['vip']) }),
  },
  {
    name: 'a session of higher priority that is bound to another project',
    spoilt: spoil.with({ sessions: [{ ...wantsVip, project: 'desk' }] }),
  },
  {
    name: 'a session of higher priority that had been put aside',
    spoilt: spoil.with({ sessions: [{ ...wantsVip, notBeforeMs: 5_000 }] }),
  },
  {
    name: 'a creation that the wire held up',
    spoilt: (history) =>
      spoil.with({
        sessions: [aSession(7, { endedAtMs: 23_560 }), aSession(8, { endedAtMs: 24_750 })],
        attempts: [brief.attempt, following.attempt],
        calls: [brief.call, following.call],
      })(spoil.call(6, { createdAtMs: 24_000 })(history)),
  },
];

describe('a history is not blamed for', () => {
  test.each(excused)('$name', ({ spoilt }) => {
    expect(checkHistory(spoilt(aGoodHistory()))).toEqual([]);
  });
});
