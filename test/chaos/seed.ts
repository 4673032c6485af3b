import { checkManifest } from '../../capacity/policy/check.ts';
import type { PoolSpec } from '../../crds/pool.ts';
import type { Scenario } from '../../simulator/contract.ts';
import { scenario } from '../../simulator/contract.ts';
import { seeded } from '../../simulator/random.ts';
import { between, shuffled } from './dice.ts';
import { type DrawnPool, drawPool } from './draw-pool.ts';
import { drawTraffic } from './draw-traffic.ts';
import type { Family, Fault } from './fault.ts';
import { type DrawnTeam, drawTeam, drawTeamSpec } from './team/draw.ts';

/** Everything that a seed decides: the same seed and families draw the same. */
export type Draw = {
  readonly seed: number;
  readonly pool: DrawnPool;
  readonly spec: PoolSpec;
  readonly scenario: Scenario;
  readonly files: Readonly<Record<string, string>>;
  readonly team: DrawnTeam;
  readonly speed: number;
  readonly workers: number;
  /** How long traffic lasts. */
  readonly trafficMs: number;
  readonly faults: readonly DrawnFault[];
};

export type DrawnFault = { readonly family: Family; readonly fault: Fault };

/** A seed drew a pool that the product refuses: the draw is wrong, not the product. */
export class DrawRefused extends Error {
  override readonly name = 'DrawRefused';
}

/** Faults are over by then, and traffic goes on for a while to show that it flows again. */
export const healedByMs = 16_000;
const trafficMs = 19_000;

/** @throws DrawRefused */
export function drawSeed(seed: number, families: readonly Family[]): Draw {
  const pool = drawPool(seeded(seed, 'pool'), drawTeamSpec(seeded(seed, 'team')));
  const checked = checkManifest(JSON.stringify(pool.manifest), `seed-${seed}.json`);
  if (!checked.ok) throw new DrawRefused(`seed ${seed}: ${checked.problems.map(({ path, message }) => `${path} ${message}`).join('; ')}`);
  const { spec } = checked.manifest;
  const random = seeded(seed, 'run');
  const workers = between(random, 2, 3);
  const speed = between(random, 16, 24);
  const faults = drawFaults(seed, families, { spec, workers, speed });
  const { traffic, files } = drawTraffic(seeded(seed, 'traffic'), pool);
  const play = scenario.parse({
    seed,
    traffic: [...traffic, ...faults.flatMap(({ fault }) => fault.traffic ?? [])],
    provider: Object.assign({}, ...faults.map(({ fault }) => fault.provider ?? {})),
  });
  const team = drawTeam(seeded(seed, 'wishes'), pool, trafficMs - 3_000);
  return { seed, pool, spec, scenario: play, files, team, speed, workers, trafficMs, faults };
}

/** One to four faults, of different groups. */
function drawFaults(seed: number, families: readonly Family[], stage: Parameters<Family['draw']>[1]): readonly DrawnFault[] {
  const random = seeded(seed, 'faults');
  const groups = shuffled(random, [...new Set(families.map(({ group }) => group))]).slice(0, between(random, 1, 4));
  return groups.flatMap((group) => {
    const ofGroup = shuffled(
      seeded(seed, 'family', group),
      families.filter((family) => family.group === group),
    );
    const [family] = ofGroup;
    return family === undefined ? [] : [{ family, fault: family.draw(seeded(seed, family.name), stage) }];
  });
}

/** The draw in a few lines for a person. */
export function tellDraw(draw: Draw): readonly string[] {
  const { spec } = draw;
  const lines = spec.subscriptions.map((one) => `${one.name} ${one.concurrencyLimit}−${one.safetyMargin}`).join(', ');
  const projects = spec.subscriptions.reduce((sum, one) => sum + one.projects.length, 0);
  const classes = spec.classes.map((one) => one.name).join(', ');
  const has = [spec.handler === undefined ? '' : 'handler', spec.results === undefined ? '' : 'results'].filter((one) => one !== '');
  return [
    `seed ${draw.seed}: ${lines}; ${projects} projects; ${[classes, ...has].join('; ')}; ${draw.workers} workers; speed ${draw.speed}`,
    ...draw.faults.map(({ family, fault }) => `  at ${(fault.atMs / 1_000).toFixed(1)} s ${family.name}: ${fault.told}`),
  ];
}
