import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { parse } from 'yaml';
import { compilePolicy } from '../../../capacity/policy/compile.ts';
import { poolManifest } from '../../../crds/pool.ts';
import { poolWith } from '../../crds/pools.ts';

/** Reserves of the sound pool: `vip` on `front` alone, `desk` per subscription, `campaign` on `front` or `back`; `front` and `far` cross the trunk. */
const reserves = fc.record({
  vip: fc.integer({ min: 0, max: 12 }),
  deskMain: fc.integer({ min: 0, max: 12 }),
  deskSecond: fc.integer({ min: 0, max: 12 }),
  campaign: fc.integer({ min: 0, max: 12 }),
  main: fc.integer({ min: 1, max: 20 }),
  second: fc.integer({ min: 1, max: 20 }),
  trunk: fc.integer({ min: 1, max: 40 }),
});

describe('reservations are accepted', () => {
  test.prop([reserves])(
    'exactly when counting by hand finds a place for all of them',
    ({ vip, deskMain, deskSecond, campaign, main, second, trunk }) => {
      const text = poolWith({
        'spec.budget': undefined,
        'spec.subscriptions[0].concurrencyLimit': main,
        'spec.subscriptions[0].safetyMargin': 0,
        'spec.subscriptions[1].concurrencyLimit': second,
        'spec.upstreams[0].concurrencyLimit': trunk,
        'spec.classes[0].reserved': vip,
        'spec.classes[0].limit': undefined,
        'spec.classes[1].reservedAt': { main: deskMain, second: deskSecond },
        'spec.classes[1].limit': undefined,
        'spec.classes[2].reserved': campaign,
      });
      const { problems } = compilePolicy(poolManifest.parse(parse(text)));
      // Every slot of the campaign may go to `back`, which does not cross the trunk, so only the others take two of its units.
      const fits = vip + deskMain + campaign <= main && deskSecond <= second && 2 * (vip + deskMain + deskSecond) <= trunk;
      expect(problems.length === 0).toBe(fits);
      for (const { path, message } of problems) {
        expect(path.slice(3)).toEqual(expect.arrayContaining([expect.stringMatching(/^reserved(At)?$/)]));
        expect(message).toMatch(/^only \d+ of these \d+ slots/);
      }
    },
  );
});
