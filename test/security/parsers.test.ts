import { describe, expect, test } from 'vitest';
import { properties } from './properties.ts';

const seed = 20_260_801;

describe('whatever comes in,', () => {
  test.each(properties)('$name', async ({ check, runs }) => {
    expect(await check({ seed, numRuns: runs })).toBeUndefined();
  });
});
