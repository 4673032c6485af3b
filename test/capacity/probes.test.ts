import { describe, expect, test } from 'vitest';
import { decideStep } from '../../capacity/admission/step.ts';
import { aPool, aSubscription, type PoolBuilder, waitingSessions } from '../support/pool.ts';

const probes = new Set([aSubscription('main')]);
const queue = waitingSessions('campaign', 1);
/** Foreign calls have taken so many of ten lines that less is left than `vip` reserves. */
const short = (active: Readonly<Record<string, number>>): PoolBuilder =>
  aPool()
    .withSubscription('main', 10)
    .withCeiling('main', 4)
    .withClass('vip', { priority: 1000, reserved: 6 })
    .withClass('campaign')
    .withActive(active);

describe('while reservations are short of lines', () => {
  test.each([
    { name: 'a full subscription is probed', active: { vip: 2, campaign: 2 }, probed: 1 },
    { name: 'one that others will leave is not: the line would be a reserved one', active: { vip: 1, campaign: 1 }, probed: 0 },
    { name: 'one that nobody will leave is, or its lines would never be found again', active: { vip: 2 }, probed: 1 },
  ])('$name', ({ active, probed }) => {
    const { admitted } = decideStep(short(active).snapshot({ probes }), queue);
    expect(admitted.filter(({ probe }) => probe)).toHaveLength(probed);
  });
});
