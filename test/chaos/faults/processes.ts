import { between, chance } from '../dice.ts';
import { type Family, nothing } from '../fault.ts';
import { dispatchingWorker } from '../observe.ts';
import { pause } from '../waiting.ts';
import type { ChaosWorker } from '../workers.ts';
import type { World } from '../world.ts';

/** Workers that die and workers that stand still; any of them, or the one that dispatches. */

/** Who is hurt: the dispatching worker, or one by its place. */
type Victim = { readonly kind: 'dispatcher' } | { readonly kind: 'worker'; readonly index: number };

const told = (victim: Victim) => (victim.kind === 'dispatcher' ? 'the dispatching worker' : `worker ${victim.index + 1}`);

async function find(world: World, victim: Victim): Promise<ChaosWorker | undefined> {
  return victim.kind === 'dispatcher' ? dispatchingWorker(world) : world.workers[victim.index];
}

function drawVictim(random: () => number, workers: number): Victim {
  return chance(random, 0.5) ? { kind: 'dispatcher' } : { kind: 'worker', index: between(random, 0, workers - 1) };
}

export const killed: Family = {
  name: 'kill -9',
  group: 'workers',
  lacks: nothing,
  draw(random, { workers }) {
    const victims = Array.from({ length: between(random, 1, 3) }, () => drawVictim(random, workers));
    const everyMs = between(random, 1_000, 4_000);
    return {
      told: `${victims.map(told).join(', then ')}, ${everyMs} ms apart`,
      atMs: between(random, 1_000, 4_000),
      lastsMs: victims.length * everyMs,
      refusals: 'none',
      flow: 'goes-on',
      async inflict(world, signal) {
        for (const victim of victims) {
          const worker = await find(world, victim);
          if (worker?.signal('SIGKILL')) world.note(`killed ${worker.name}`);
          await pause(everyMs, signal);
        }
      },
    };
  },
};

export const stopped: Family = {
  name: 'SIGSTOP',
  group: 'workers',
  lacks: nothing,
  draw(random, { workers }) {
    const victim = drawVictim(random, workers);
    const forMs = between(random, 500, 8_000);
    return {
      told: `${told(victim)} for ${forMs} ms`,
      atMs: between(random, 1_000, 6_000),
      lastsMs: forMs,
      refusals: 'none',
      flow: 'goes-on',
      async inflict(world, signal) {
        const worker = await find(world, victim);
        if (!worker?.signal('SIGSTOP')) return;
        world.note(`stopped ${worker.name}`);
        await pause(forMs, signal);
        worker.signal('SIGCONT');
        world.note(`continued ${worker.name}`);
      },
    };
  },
};
