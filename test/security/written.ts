import { expect } from 'vitest';
import { leaksIn } from '../system/leaks.ts';
import { person, secrets, type World } from './world.ts';

/** After all attacks: the worker wrote nothing personal or secret and told of no defect, but wrote, or there would be nothing to find. */
export function expectNothingWritten(world: World, said = 'serving', numbers: readonly string[] = []): void {
  const confidential = {
    numbers: new Set([person.number, ...numbers].map((number) => number.slice(-10))),
    names: new Set([person.name, person.wish]),
    secrets: new Set(Object.values(secrets)),
  };
  expect(world.output()).toContain(said);
  expect(leaksIn(world.output(), confidential)).toEqual([]);
  expect(world.output()).not.toContain('"level":50');
}
