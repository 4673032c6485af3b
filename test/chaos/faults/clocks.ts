import { between, chance } from '../dice.ts';
import { type Family, nothing } from '../fault.ts';
import { serverClockLacks } from '../server-clock.ts';
import { pause } from '../waiting.ts';

/** The library looks at its file this often. */
const readsWithinMs = 1_200;

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
      flow: 'goes-on',
      async inflict({ workers: all }, signal) {
        for (const { index, offsetMs, afterMs } of steps) {
          await all[index]?.setClock(offsetMs);
          await pause(afterMs, signal);
        }
      },
    };
  },
};

/** PostgreSQL's wall clock, by which the pool keeps its instants: it steps and comes back. */
export const serverSteps: Family = {
  name: 'clock steps of PostgreSQL',
  group: 'clock',
  clock: 'own',
  lacks: serverClockLacks,
  draw(random) {
    const steps = Array.from({ length: between(random, 1, 3) }, () => ({
      offsetMs: (chance(random, 0.5) ? 1 : -1) * between(random, 500, 30_000),
      afterMs: between(random, 1_000, 3_000),
    }));
    return {
      told: steps.map(({ offsetMs }) => `by ${(offsetMs / 1_000).toFixed(1)} s`).join(', '),
      atMs: between(random, 1_000, 4_000),
      lastsMs: steps.reduce((sum, { afterMs }) => sum + afterMs, 0) + readsWithinMs,
      refusals: 'none',
      // Rates remember instants: after a step back, those to come are waited for.
      flow: 'may-wait',
      async inflict({ serverClock, note }, signal) {
        for (const { offsetMs, afterMs } of steps) {
          await serverClock?.set(offsetMs);
          note(`PostgreSQL's clock is off by ${offsetMs} ms`);
          await pause(afterMs, signal);
        }
        await serverClock?.set(0);
        await pause(readsWithinMs, signal);
      },
    };
  },
};
