import { describe, expect, test } from 'vitest';
import type { OpenAttempt } from '../../../ledger/dispatch/open-attempts.ts';
import { SlotBook } from '../../../workers/dispatch/slot-book.ts';
import { aClass, aSubscription } from '../../support/pool.ts';
import { anAttempt } from './an-attempt.ts';

const main = aSubscription('main');
const campaign = aClass('campaign');

const bookOf = (...attempts: readonly OpenAttempt[]): SlotBook => {
  const book = new SlotBook();
  for (const attempt of attempts) book.apply(attempt);
  return book;
};

describe('the count of slots', () => {
  test('holds an attempt once from admission to release, whatever is heard of it between', () => {
    const book = new SlotBook();
    for (const state of ['admitted', 'sending', 'bound', 'bound', 'cooling'] as const) {
      book.apply(anAttempt('a', { state }));
      expect([book.held(main), book.classSlots(campaign)]).toEqual([1, 1]);
    }
    book.apply(anAttempt('a', { state: 'ended' }));
    expect([book.held(main), book.classSlots(campaign), book.size]).toEqual([0, 0, 0]);
  });

  test('frees one slot for a release that is heard twice', () => {
    const over = anAttempt('a', { state: 'ended' });
    const book = bookOf(anAttempt('a'), anAttempt('b'), over, over);
    expect([book.held(main), book.classSlots(campaign)]).toEqual([1, 1]);
  });

  test('takes a line for a caller who waits, and a slot of the class once admitted', () => {
    const book = bookOf(anAttempt('a', { direction: 'Inbound', state: 'pending' }));
    expect([book.held(main), book.classSlots(campaign), book.pending()]).toMatchObject([1, 0, [{ slots: 1 }]]);
    book.apply(anAttempt('a', { direction: 'Inbound', state: 'bound' }));
    expect([book.held(main), book.classSlots(campaign), book.pending()]).toEqual([1, 1, []]);
  });

  test('counts calls of others apart: they are in the ceiling', () => {
    const book = bookOf(anAttempt('a', { sessionId: null, class: null, refusal: 'Foreign', state: 'bound' }));
    expect([book.held(main), book.foreign(main)]).toEqual([0, 1]);
  });
});
