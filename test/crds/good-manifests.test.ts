import { expect, test } from 'vitest';
import { checkManifest } from '../../capacity/policy/check.ts';
import { goodManifests } from './good-manifests.ts';
import { poolWith } from './pools.ts';

test.each(goodManifests.map(([what, changes, warned]) => ({ what, changes, warned: warned ?? [] })))(
  'a pool is accepted $what',
  ({ changes, warned }) => {
    const checked = checkManifest(poolWith(changes), 'pool.yaml');
    expect(checked.ok ? [] : checked.problems).toEqual([]);
    expect(checked.warnings.map(({ path }) => path)).toEqual(warned);
  },
);
