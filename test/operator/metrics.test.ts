import { describe, expect, test } from 'vitest';
import { createMetrics, measureFleets } from '../../operator/metrics.ts';

describe('workers of all pools', () => {
  test.each([
    { what: 'none where every pool has what it wants', fleets: [{ wanted: 2, serving: 2 }], missing: 0 },
    {
      what: 'of each pool that lacks some',
      fleets: [
        { wanted: 4, serving: 1 },
        { wanted: 2, serving: 1 },
      ],
      missing: 4,
    },
    {
      what: 'though another has more than it wants, as in a rollout',
      fleets: [
        { wanted: 3, serving: 1 },
        { wanted: 8, serving: 10 },
      ],
      missing: 2,
    },
    { what: 'none when the pools are gone', fleets: [], missing: 0 },
  ])('that are missing are counted, $what', async ({ fleets, missing }) => {
    const metrics = createMetrics();
    measureFleets(metrics, [{ wanted: 9, serving: 0 }]);
    measureFleets(metrics, fleets);
    const text = await metrics.registry.metrics();
    expect(text).toMatch(new RegExp(`^trunkline_operator_workers_missing ${missing}$`, 'm'));
  });

  test('that are wanted and serve are counted together', async () => {
    const metrics = createMetrics();
    measureFleets(metrics, [
      { wanted: 3, serving: 1 },
      { wanted: 8, serving: 10 },
    ]);
    const text = await metrics.registry.metrics();
    for (const line of ['pools 2', 'workers_wanted 11', 'workers_serving 11']) expect(text).toContain(`\ntrunkline_operator_${line}\n`);
  });
});
