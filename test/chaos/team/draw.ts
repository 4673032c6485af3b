import type { Random } from '../../../simulator/random.ts';
import { leadNumber } from '../../../simulator/traffic/numbers.ts';
import { between, chance, oneOf, shuffled } from '../dice.ts';
import type { DrawnPool } from '../draw-pool.ts';
import { type Manners, teamOrigin } from './team.ts';

/** Draws the team's side: its own logic, where it takes results, and the sessions that it hands in one by one, with wishes of their own. */

export type DrawnTeam = { readonly manners: Manners; readonly wishes: readonly Wish[] };

/** A session that somebody hands in by itself. */
export type Wish = {
  readonly afterMs: number;
  readonly key: string;
  readonly class: string;
  readonly number: string;
  readonly client: string;
  readonly score: number;
  /** Where it must run; anywhere when absent. */
  readonly project: string | undefined;
  /** How long after it is handed in somebody may still be called; as long as it takes when absent. */
  readonly withinMs: number | undefined;
};

/** The parts of a manifest's spec that name the team. */
export function drawTeamSpec(random: Random): object {
  const secret = chance(random, 0.5);
  const reference = (name: string) => (secret ? { secretRef: { name, key: 'secret' } } : {});
  const handler = { handler: { url: `${teamOrigin}/handler`, timeout: '1s', ...reference('chaos-handler') } };
  const results = { results: { url: `${teamOrigin}/results`, maxConcurrent: between(random, 2, 8), ...reference('chaos-results') } };
  return { ...(chance(random, 0.6) ? handler : {}), ...(chance(random, 0.6) ? results : {}) };
}

export function drawTeam(random: Random, pool: DrawnPool, withinMs: number): DrawnTeam {
  const manners = oneOf<Manners>(random, [
    { slow: 0, refuses: 0 },
    { slow: 0.1, refuses: 0 },
    { slow: 0.05, refuses: 0.1 },
  ]);
  const one = (names: readonly string[]): string => shuffled(random, names)[0] ?? '';
  const wishes = Array.from(
    { length: between(random, 15, 40) },
    (_, index): Wish => ({
      afterMs: between(random, 0, withinMs),
      key: `wish-${index}`,
      class: one(pool.outboundClasses),
      number: leadNumber(wishedFrom + index),
      client: `client-${between(random, 1, 4)}`,
      score: between(random, -5, 5),
      project: chance(random, 0.4) ? one(pool.projects) : undefined,
      withinMs: chance(random, 0.4) ? between(random, 300, 6_000) : undefined,
    }),
  );
  return { manners, wishes: wishes.toSorted((a, b) => a.afterMs - b.afterMs) };
}

/** Beyond all lists of leads. */
const wishedFrom = 1_000_000;
