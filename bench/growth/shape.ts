import type { Bench, Figure, Setting } from '../figure.ts';
import { ordinary, outboundClasses, type Shape, shapedPool } from '../shapes.ts';
import { enqueue, type Ground, layGround } from '../stage.ts';
import { type Neighbour, settleNeighbours, wakeNeighbours } from './neighbours.ts';
import { paceFigures, pacesInTurns, takePace } from './pace.ts';
import { short } from './slowdown.ts';

const full = {
  repeats: 3,
  admissions: 3_000,
  claims: 100,
  slots: 200,
  projects: [1, 8, 64],
  classes: [1, 8, 32],
  live: [100, 1_000, 5_000],
  pools: [1, 10, 100],
} as const;
const scales = {
  full,
  large: full,
  tiny: { repeats: 1, admissions: 20, claims: 2, slots: 10, projects: [1, 64], classes: [1, 32], live: [5, 50], pools: [1, 3] },
} as const;

/** A pool of some shape, with so many calls that live on in it, and so many other pools at work in its ledger. */
type Place = { readonly shape: Shape; readonly live: number; readonly pools: number };
type Axis = {
  readonly name: string;
  readonly what: string;
  readonly values: readonly number[];
  readonly place: (value: number, usual: Place) => Place;
};

/** Whether projects, classes, live sessions and other pools make a pool slower. One axis at a time, around the usual pool. */
export const shapeGrowth: Bench = async (setting) => {
  const { projects, classes, live, pools } = scales[setting.scale];
  const axes: readonly Axis[] = [
    {
      name: 'projects',
      what: 'with so many projects, at most 16 in a subscription',
      values: projects,
      place: (value, usual) => ({ ...usual, shape: { ...usual.shape, projects: value } }),
    },
    {
      name: 'classes',
      what: 'with so many classes, all but one of the same priority and with a backlog',
      values: classes,
      place: (value, usual) => ({ ...usual, shape: { ...usual.shape, classes: value } }),
    },
    {
      name: 'live sessions',
      what: 'with so many calls beside that live on',
      values: live,
      place: (value, usual) => ({ ...usual, shape: { ...usual.shape, slots: usual.shape.slots + value }, live: value }),
    },
    {
      name: 'pools',
      what: 'with so many pools in the ledger, the others on hold with a queue and a dispatcher each',
      values: pools,
      place: (value, usual) => ({ ...usual, pools: value }),
    },
  ];
  const figures: Figure[] = [];
  for (const axis of axes) figures.push(...(await growAlong(setting, axis)));
  return figures;
};

async function growAlong(setting: Setting, axis: Axis): Promise<readonly Figure[]> {
  const { repeats, ...amount } = scales[setting.scale];
  const usual: Place = { shape: { ...ordinary, slots: amount.slots }, live: 0, pools: 1 };
  await using resources = new AsyncDisposableStack();
  const grounds: { readonly place: Place; readonly ground: Ground; readonly neighbours: readonly Neighbour[] }[] = [];
  for (const value of axis.values) {
    const place = axis.place(value, usual);
    const ground = await layGround(setting, shapedPool(place.shape), resources);
    await fill(ground, place.shape, repeats * (amount.admissions + amount.claims + 2 * place.shape.slots));
    grounds.push({ place, ground, neighbours: await settleNeighbours(ground, place.pools - 1) });
  }
  const paces = await pacesInTurns(grounds, repeats, async ({ ground, place, neighbours }) => {
    await using awake = new AsyncDisposableStack();
    await wakeNeighbours(ground, neighbours, awake);
    return await takePace(ground, { slots: amount.slots, live: place.live }, amount);
  });
  const places = paces.map((pace, index) => ({ at: short(axis.values[index] ?? 0), pace }));
  return paceFigures(axis.name, axis.what, places);
}

async function fill({ database, poolId }: Ground, shape: Shape, count: number): Promise<void> {
  const classes = outboundClasses(shape);
  const perClass = Math.ceil(count / classes.length);
  for (const [index, name] of classes.entries()) await enqueue(database, poolId, name, perClass, index * perClass);
  await database.query('vacuum (analyze) session');
  await database.query('checkpoint');
}
