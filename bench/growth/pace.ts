import { admitFor } from '../admissions.ts';
import { handOvers } from '../claim-latency.ts';
import { median } from '../figure.ts';
import { enterStage, type Ground } from '../stage.ts';
import { clearLines, insertLive } from '../stand-in.ts';
import { growthFigures } from './slowdown.ts';

/** How a pool works now: what is measured wherever something grows. */
export type Pace = { readonly admissionsPerSecond: number; readonly claimMs: number };

export type Amount = { readonly admissions: number; readonly claims: number };

/** Slots that come and go, and calls beside them that live on. */
export type Load = { readonly slots: number; readonly live: number };

/** Takes the pace of a pool whose queue is long enough, with a dispatcher of its own that leaves afterwards. */
export async function takePace(ground: Ground, load: Load, amount: Amount): Promise<Pace> {
  await insertLive(ground, load.live);
  const admissionsPerSecond = await admissionRate(ground, amount.admissions);
  await clearLines(ground.database, ground.poolId);
  await insertLive(ground, load.live);
  const claimMs = await claims(ground, load.slots, amount.claims);
  await clearLines(ground.database, ground.poolId);
  return { admissionsPerSecond, claimMs };
}

async function admissionRate(ground: Ground, count: number): Promise<number> {
  await using resources = new AsyncDisposableStack();
  const { firstAtMs, lastAtMs } = await admitFor(await enterStage(ground, resources), count, resources);
  return count / ((lastAtMs - firstAtMs) / 1_000);
}

async function claims(ground: Ground, slots: number, samples: number): Promise<number> {
  await using resources = new AsyncDisposableStack();
  return median(await handOvers(await enterStage(ground, resources), { samples, full: slots }, resources));
}

/** Figures of both measures along one axis. */
export function paceFigures(
  axis: string,
  what: string,
  places: readonly { readonly at: string; readonly pace: Pace }[],
  judgedAt?: string,
) {
  const judged = judgedAt === undefined ? {} : { judgedAt };
  return [
    ...growthFigures({
      name: 'admissions',
      definition: `sessions per second that the real dispatcher admits and releases, worker and provider stood in for, ${what}`,
      unit: '/s',
      axis,
      values: places.map(({ at, pace }) => ({ at, value: pace.admissionsPerSecond })),
      ...judged,
    }),
    ...growthFigures({
      name: 'claim latency p50',
      definition: `with every line taken, from the commit that ends an attempt to the moment at which the next may be sent, ${what}`,
      unit: 'ms',
      axis,
      values: places.map(({ at, pace }) => ({ at, value: pace.claimMs })),
      ...judged,
    }),
  ];
}

/** Every place in turn, and the whole again: whatever else the machine does meets all of them. The middle one of each counts. */
export async function pacesInTurns<T>(places: readonly T[], repeats: number, take: (place: T) => Promise<Pace>): Promise<readonly Pace[]> {
  const taken: readonly { readonly place: T; readonly paces: Pace[] }[] = places.map((place) => ({ place, paces: [] }));
  for (let repeat = 0; repeat < repeats; repeat += 1) {
    for (const { place, paces } of taken) paces.push(await take(place));
  }
  return taken.map(({ paces }) => ({
    admissionsPerSecond: median(paces.map((pace) => pace.admissionsPerSecond)),
    claimMs: median(paces.map((pace) => pace.claimMs)),
  }));
}
