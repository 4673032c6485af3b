import { between, chance } from '../dice.ts';
import { type Family, nothing } from '../fault.ts';
import { pause } from '../waiting.ts';

/** Wall clocks of workers that step, forwards and backwards, by seconds or hours. */
export const workerClocks: Family = {
  name: 'clock steps of workers',
  group: 'clock',
  lacks: nothing,
  draw(random, { workers }) {
    const steps = Array.from({ length: between(random, 1, 4) }, () => ({
      index: between(random, 0, workers - 1),
      offsetMs: (chance(random, 0.5) ? 1 : -1) * (chance(random, 0.5) ? between(random, 500, 20_000) : between(random, 60_000, 7_200_000)),
      afterMs: between(random, 500, 3_000),
    }));
    return {
      told: steps.map(({ index, offsetMs }) => `worker ${index + 1} by ${(offsetMs / 1_000).toFixed(1)} s`).join(', '),
      atMs: between(random, 500, 3_000),
      lastsMs: steps.reduce((sum, { afterMs }) => sum + afterMs, 0),
      refusals: 'none',
      projects: 'stay-open',
      async inflict({ workers: all }, signal) {
        for (const { index, offsetMs, afterMs } of steps) {
          await all[index]?.setClock(offsetMs);
          await pause(afterMs, signal);
        }
      },
    };
  },
};
