import { describe, expect, test } from 'vitest';
import { planReservations } from '../../capacity/reservations/plan-reservations.ts';
import { withheldBySubscription } from '../../capacity/reservations/withholding.ts';
import { aPool } from '../support/pool.ts';

describe('planning reservations', () => {
  const pool = aPool()
    .withSubscription('north', 4)
    .withSubscription('south', 4)
    .withClass('anywhere', { priority: 10, reserved: 5 })
    .withClass('north-only', { priority: 1, reserved: 3, projects: ['north'] })
    .withClass('campaign');

  test('gives every reserved slot a home, though greed alone would not', () => {
    const planned = planReservations(pool.snapshot());
    expect(planned).toMatchObject({ wanted: 8, placed: 8, proof: 'optimal' });
    expect(withheldBySubscription(planned.plan, pool.policy())).toEqual(
      new Map([
        ['north', 4],
        ['south', 4],
      ]),
    );
  });

  test('says how many are without a home when a ceiling has fallen', () => {
    expect(planReservations(pool.withCeiling('south', 2).snapshot())).toMatchObject({ wanted: 8, placed: 6 });
  });

  test('does not withhold what is in use', () => {
    expect(planReservations(pool.withActive({ 'north-only': 2 }).snapshot())).toMatchObject({ wanted: 6, placed: 6 });
  });

  test('keeps a plan that still holds as it is', () => {
    const { plan } = planReservations(pool.snapshot());
    expect(planReservations(pool.snapshot({ plan })).plan).toEqual(plan);
  });
});
