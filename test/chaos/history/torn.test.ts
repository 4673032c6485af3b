import { describe, expect, test } from 'vitest';
import { checkAroundLoss, checkHistory, checkWithoutClock } from './check.ts';
import { aDial, aGoodHistory, aSession, spoil } from './hand-made.ts';
import type { History } from './history.ts';

/** Histories of ledgers that contradict the others: the clock was set, or the newest part is gone. */

/** Everything that the ledger wrote from the fourth decision on says a time of a minute before. */
function clockSetBack(history: History): History {
  const back = (atMs: number | null): number | null => (atMs === null || atMs < 9_000 ? atMs : atMs - 60_000);
  return {
    ...history,
    attempts: history.attempts.map((one) => ({
      ...one,
      createdAtMs: back(one.createdAtMs) ?? 0,
      admittedAtMs: back(one.admittedAtMs),
      sendByMs: back(one.sendByMs),
      sendingAtMs: back(one.sendingAtMs),
      boundAtMs: back(one.boundAtMs),
      endedAtMs: back(one.endedAtMs),
      releasedAtMs: back(one.releasedAtMs),
    })),
  };
}

const lost = { fromMs: 10_000, toMs: 13_000 };

/** The calls of the second and the third attempt were made, and the ledger knows nothing of the one and found the other again. */
function partLost(history: History): History {
  const [forgotten, found] = [aDial(8, 8, 11_000, 3_000), aDial(9, 9, 11_200, 3_000)];
  return {
    ...history,
    sessions: [...history.sessions, aSession(8, { state: 'queued', outcome: null }), aSession(9, { endedAtMs: 14_500 })],
    attempts: [
      ...history.attempts,
      {
        ...found.attempt,
        epoch: null,
        seq: null,
        policyVersion: null,
        ceiling: null,
        inUse: null,
        createdAtMs: 13_500,
        admittedAtMs: 13_500,
      },
    ],
    calls: [...history.calls, forgotten.call, found.call],
  };
}

describe('a history whose clock was set', () => {
  test('is in no order by its instants, and is judged without them', () => {
    const history = clockSetBack(aGoodHistory());
    expect(checkHistory(history)).not.toEqual([]);
    expect(checkWithoutClock(history)).toEqual([]);
  });

  test.each([
    { name: 'an admission above the ceiling', spoilt: spoil.attempt(3, { inUse: 4 }), what: 'above the ceiling' },
    { name: 'a sequence that repeats itself', spoilt: spoil.attempt(6, { seq: 5 }), what: 'do not rise' },
    { name: 'a redial after an outcome that is not retried', spoilt: spoil.attempt(2, { outcome: 'Voicemail' }), what: 'is not retried' },
    { name: 'two live calls to one number', spoilt: spoil.call(2, { number: '+14155551001' }), what: 'two live calls' },
    { name: 'a slot that is never given back', spoilt: spoil.attempt(4, { releasedAtMs: null }), what: 'are held though' },
    { name: 'a session without an outcome', spoilt: spoil.session(1, { outcome: null }), what: 'without an outcome' },
  ])('still shows $name', ({ spoilt, what }) => {
    expect(checkWithoutClock(clockSetBack(spoilt(aGoodHistory())))).toContainEqual(
      expect.objectContaining({ what: expect.stringContaining(what) }),
    );
  });
});

describe('a history whose ledger lost a part', () => {
  test('contradicts the provider, and is judged before and after', () => {
    const history = partLost(aGoodHistory());
    expect(checkHistory(history)).not.toEqual([]);
    expect(checkAroundLoss(history, lost)).toEqual([]);
  });

  test('takes a caller who waited while it was lost for one who was not admitted before', () => {
    const freedMeanwhile = spoil.attempt(1, { releasedAtMs: 20_995 })(aGoodHistory());
    expect(checkAroundLoss(freedMeanwhile, { fromMs: 20_990, toMs: 20_999 })).toEqual([]);
  });

  test.each([
    { name: 'an admission above the ceiling before it', spoilt: spoil.attempt(3, { inUse: 4 }), what: 'above the ceiling' },
    { name: 'a dispatcher that counted too few before it', spoilt: spoil.attempt(3, { inUse: 2 }), what: 'fewer slots were counted' },
    { name: 'an admission above the ceiling after it', spoilt: spoil.attempt(6, { inUse: 4 }), what: 'above the ceiling' },
    { name: 'a call after it that nobody committed to send', spoilt: spoil.attempt(6, { sendingAtMs: null }), what: 'never committed' },
    {
      name: 'two calls for one attempt',
      spoilt: spoil.with({ calls: [{ ...aDial(1, 1, 30_000, 900).call, id: 'other' }] }),
      what: 'several calls',
    },
    { name: 'two live calls to one number', spoilt: spoil.call(2, { number: '+14155551001' }), what: 'two live calls' },
    { name: 'a live call that was ended', spoilt: spoil.call(1, { reason: 'manually-canceled' }), what: 'nobody had asked' },
  ])('still shows $name', ({ spoilt, what }) => {
    expect(checkAroundLoss(partLost(spoilt(aGoodHistory())), lost)).toContainEqual(
      expect.objectContaining({ what: expect.stringContaining(what) }),
    );
  });
});
