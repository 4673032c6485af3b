import { describe, expect, test } from 'vitest';
import type { OpenAttempt } from '../../../ledger/dispatch/open-attempts.ts';
import { SlotBook } from '../../../workers/dispatch/slot-book.ts';
import { aClass, anUpstream, aSubscription } from '../../support/pool.ts';
import { anAttempt } from './an-attempt.ts';

const main = aSubscription('main');
const campaign = aClass('campaign');

const asWritten = ({ subscription }: OpenAttempt) => ({ subscription, upstreams: [] });

const bookOf = (...attempts: readonly OpenAttempt[]): SlotBook => {
  const book = new SlotBook(asWritten);
  for (const attempt of attempts) book.apply(attempt);
  return book;
};

describe('the count of slots', () => {
  test('holds an attempt once from admission to release, whatever is heard of it between', () => {
    const book = bookOf();
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

  test('counts a line where it is, whatever others of its project held before', () => {
    const east = aSubscription('east');
    const book = bookOf(anAttempt('a'), anAttempt('a', { state: 'ended' }), anAttempt('b', { subscription: east }));
    expect(book.inUse()).toMatchObject([{ project: 'front', subscription: 'east', slots: 1 }]);
    book.apply(anAttempt('c', { subscription: east, direction: 'Inbound', state: 'pending' }));
    book.apply(anAttempt('d', { direction: 'Inbound', state: 'pending' }));
    expect(book.pending().map(({ subscription, slots }) => [subscription, slots])).toEqual([
      ['east', 1],
      ['main', 1],
    ]);
  });

  test('counts every line anew by another policy', () => {
    const [east, trunk] = [aSubscription('east'), anUpstream('trunk')];
    const foreign = anAttempt('f', { sessionId: null, class: null, refusal: 'Foreign', state: 'bound' });
    const book = bookOf(anAttempt('a'), anAttempt('b', { direction: 'Inbound', state: 'pending' }), foreign);
    book.replace(() => ({ subscription: east, upstreams: [trunk] }));
    expect([book.held(main), book.held(east), book.foreign(main), book.foreign(east)]).toEqual([0, 2, 0, 1]);
    expect([...book.foreignChannels()]).toEqual([['trunk', 1]]);
    expect(book.inUse()).toMatchObject([{ subscription: 'east', upstreams: ['trunk'], slots: 1 }]);
    expect(book.pending()).toMatchObject([{ subscription: 'east', upstreams: ['trunk'], slots: 1 }]);
    book.apply(anAttempt('a', { state: 'ended' }));
    expect([book.held(east), book.inUse()]).toEqual([1, []]);
  });
});
