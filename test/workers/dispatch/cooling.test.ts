import { expect, test } from 'vitest';
import { subscriptionName } from '../../../crds/values.ts';
import { Cooling } from '../../../workers/dispatch/cooling.ts';

const main = subscriptionName.parse('main');
const lagMs = () => 1_000;

/** Two calls that ended at these instants. */
const cooling = (firstMs: number, secondMs: number): Cooling => {
  const made = new Cooling();
  for (const [id, endedAtMs] of [
    ['first', firstMs],
    ['second', secondMs],
  ] as const)
    made.add({ id, subscription: main, endedAtMs });
  return made;
};

test('lines are free when their release lag has passed', () => {
  const on = cooling(10_000, 10_500);
  expect(on.due(10_999, lagMs)).toEqual({ ids: [], nextMs: 11_000 });
  expect(on.due(11_200, lagMs)).toEqual({ ids: ['first'], nextMs: 11_500 });
  on.remove('first');
  expect(on.due(11_500, lagMs).ids).toEqual(['second']);
});

test.each([
  { set: 'back', nowMs: 5_000 },
  { set: 'forward', nowMs: 3_600_000 },
])('lines begin to cool again when the clock was set $set', ({ nowMs }) => {
  const on = cooling(10_000, 10_500);
  on.restart(nowMs);
  expect(on.due(nowMs + 999, lagMs)).toEqual({ ids: [], nextMs: nowMs + 1_000 });
  expect(on.due(nowMs + 1_000, lagMs).ids).toEqual(['first', 'second']);
});

test('lines go on cooling where their account is called now, and leave by any name', () => {
  const [east, lags] = [subscriptionName.parse('east'), new Map([[main, 1_000]])];
  const on = cooling(10_000, 10_500);
  on.add({ id: 'other', subscription: east, endedAtMs: 10_200 });
  on.replace((id) => (id === 'other' ? main : east));
  expect([on.count(main), on.count(east)]).toEqual([1, 2]);
  expect(on.due(11_600, (name) => lags.get(name) ?? 8_000)).toEqual({ ids: ['other'], nextMs: 18_000 });
  for (const id of ['first', 'second', 'other']) on.remove(id);
  expect([on.count(main), on.count(east), on.due(99_000, lagMs).ids]).toEqual([0, 0, []]);
});
