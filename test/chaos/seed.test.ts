import { describe, expect, test } from 'vitest';
import { families } from './families.ts';
import { drawSeed, healedByMs, tellDraw } from './seed.ts';

const seeds = Array.from({ length: 300 }, (_, index) => index + 1);

describe('a seed', () => {
  test('draws the same every time', () => {
    for (const seed of seeds.slice(0, 20)) {
      const [one, other] = [drawSeed(seed, families), drawSeed(seed, families)];
      expect(tellDraw(one)).toEqual(tellDraw(other));
      expect(one.scenario).toEqual(other.scenario);
      expect(one.pool.manifest).toEqual(other.pool.manifest);
    }
  });

  test('draws only pools that the product takes, and faults that are over in time', () => {
    for (const seed of seeds) {
      const { spec, faults } = drawSeed(seed, families);
      expect(spec.classes.length).toBeGreaterThanOrEqual(2);
      expect(faults.length).toBeGreaterThanOrEqual(1);
      for (const { fault } of faults) expect(fault.atMs + fault.lastsMs).toBeLessThanOrEqual(healedByMs + 1_000);
    }
  });

  test('leaves no family of faults out', () => {
    const drawn = new Set(seeds.flatMap((seed) => drawSeed(seed, families).faults.map(({ family }) => family.name)));
    expect([...drawn].sort()).toEqual(families.map(({ name }) => name).sort());
  });

  test('leaves nothing of the team out', () => {
    const draws = seeds.slice(0, 60).map((seed) => drawSeed(seed, families));
    const wishes = draws.flatMap(({ team }) => team.wishes);
    expect(new Set(draws.map(({ spec }) => `${spec.handler !== undefined} ${spec.results !== undefined}`)).size).toBe(4);
    expect(new Set(draws.map(({ team }) => team.manners.refuses > 0)).size).toBe(2);
    expect(draws.some(({ spec }) => spec.classes.some(({ affinity }) => affinity.length > 0))).toBe(true);
    expect(wishes.some(({ project }) => project !== undefined)).toBe(true);
    expect(wishes.some(({ withinMs }) => withinMs !== undefined)).toBe(true);
  });
});
