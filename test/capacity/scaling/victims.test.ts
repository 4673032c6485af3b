import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { type Dispensable, victimsOf } from '../../../capacity/scaling/victims.ts';

const worker = (name: string, over: Partial<Dispensable> = {}): Dispensable => ({
  name,
  state: 'serving',
  sessions: 0,
  dispatching: false,
  startedMs: 0,
  ...over,
});

describe('a worker is given up', () => {
  test.each([
    { name: 'before it serves, rather than one that does', workers: [worker('a'), worker('b', { state: 'starting' })], first: 'b' },
    { name: 'when it holds least', workers: [worker('a', { sessions: 4 }), worker('b', { sessions: 1 })], first: 'b' },
    {
      name: 'when it is known to hold little, rather than one that nothing is known of',
      workers: [worker('a', { sessions: undefined }), worker('b', { sessions: 9 })],
      first: 'b',
    },
    {
      name: 'rather than the dispatcher, however much it holds',
      workers: [worker('a', { dispatching: true }), worker('b', { sessions: 30 })],
      first: 'b',
    },
    { name: 'of equals when it is the youngest', workers: [worker('a', { startedMs: 5 }), worker('b', { startedMs: 9 })], first: 'b' },
    { name: 'of twins by its name', workers: [worker('b'), worker('a')], first: 'a' },
  ])('$name', ({ workers, first }) => {
    expect(victimsOf(workers, 1, 'stateless')).toEqual([first]);
  });

  test('behind a stateful handler only when it is known to have no call', () => {
    const workers = [
      worker('busy', { sessions: 1 }),
      worker('free'),
      worker('silent', { sessions: undefined }),
      worker('new', { sessions: undefined, state: 'starting' }),
      worker('slow', { sessions: 1, state: 'starting' }),
    ];
    expect(victimsOf(workers, 5, 'stateful')).toEqual(['new', 'free']);
  });

  const any = fc.array(
    fc.record({
      name: fc.string({ minLength: 1, maxLength: 5 }),
      state: fc.constantFrom('starting' as const, 'serving' as const),
      sessions: fc.option(fc.integer({ min: 0, max: 50 }), { nil: undefined }),
      dispatching: fc.boolean(),
      startedMs: fc.integer({ min: 0, max: 1_000 }),
    }),
    { maxLength: 12 },
  );
  test.prop([any, fc.integer({ min: -3, max: 15 })], { seed: 5 })(
    'as many times as asked, and no oftener than there are workers',
    (workers, howMany) => {
      expect(victimsOf(workers, howMany, 'stateless')).toHaveLength(Math.min(Math.max(0, howMany), workers.length));
    },
  );
});
