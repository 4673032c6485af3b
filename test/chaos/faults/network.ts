import { between, chance, oneOf } from '../dice.ts';
import { type Family, nothing } from '../fault.ts';
import { dispatching } from '../observe.ts';
import type { Traffic } from '../proxy.ts';
import { pause, until } from '../waiting.ts';
import type { World } from '../world.ts';

/** Wires between workers and the ledger, and between workers and the provider, that are cut, swallow everything, hold answers back or crawl. */

type End = 'ledger' | 'provider';

function wireFault(end: End): Family {
  return {
    name: `network to the ${end}`,
    group: 'network',
    lacks: nothing,
    draw(random, { spec, workers }) {
      const drawn = Array.from({ length: workers }, (_, index) => index).filter(() => chance(random, 0.6));
      const hurt = drawn.length === 0 ? [0] : drawn;
      const traffic = drawTraffic(random);
      const forMs = between(random, 500, 7_000);
      const callers = spec.classes.some(({ direction }) => direction !== 'Outbound');
      return {
        told: `${tell(traffic)} for ${hurt.map((index) => `worker ${index + 1}`).join(', ')}, ${forMs} ms`,
        atMs: between(random, 1_000, 7_000),
        lastsMs: forMs,
        // Callers take lines while nobody can write that down.
        refusals: callers ? 'explained' : 'none',
        flow: end === 'provider' ? 'may-wait' : 'goes-on',
        async inflict(world, signal) {
          const wires = world.workers.filter((_, index) => hurt.includes(index)).map((worker) => worker[end]);
          for (const one of wires) one.set(traffic);
          await pause(forMs, signal);
          for (const one of wires) one.set({ kind: 'pass' });
        },
      };
    },
  };
}

function drawTraffic(random: () => number): Traffic {
  return oneOf<() => Traffic>(random, [
    () => ({ kind: 'cut' }),
    () => ({ kind: 'black-hole' }),
    () => ({ kind: 'deaf' }),
    () => ({ kind: 'slow', delayMs: between(random, 20, 400) }),
  ])();
}

function tell(traffic: Traffic): string {
  if (traffic.kind === 'slow') return `${traffic.delayMs} ms slower each way`;
  return { pass: 'nothing', cut: 'cut', 'black-hole': 'black hole', deaf: 'answers held' }[traffic.kind];
}

export const ledgerWire = wireFault('ledger');
export const providerWire = wireFault('provider');

/**
 * Two dispatchers that both believe: the connection that holds the pool's lock swallows everything, so another worker is elected while the first still
 * thinks that it dispatches; then everything that the first one sent arrives after all.
 */
export const twoDispatchers: Family = {
  name: 'two dispatchers',
  group: 'network',
  lacks: nothing,
  draw(random) {
    const forMs = between(random, 3_200, 7_000);
    return {
      told: `the dispatcher's connection swallows everything for ${forMs} ms, then delivers it`,
      atMs: between(random, 1_000, 6_000),
      lastsMs: forMs,
      refusals: 'none',
      flow: 'goes-on',
      async inflict(world, signal) {
        const link = await until(() => dispatcherLink(world), { ms: 2_000, everyMs: 50, signal });
        if (link === undefined) return world.note('nobody dispatched');
        link.set({ kind: 'black-hole' });
        await pause(forMs, signal);
        const now = await dispatching(world);
        world.note(`${link.name} did dispatch, ${now?.worker.name ?? 'nobody'} does now`);
        link.set(undefined);
      },
    };
  },
};

async function dispatcherLink(world: World) {
  const found = await dispatching(world);
  if (found === undefined) return undefined;
  const { rows } = await world.database.query<{ port: number }>('select client_port as port from pg_stat_activity where pid = $1', [
    found.backendPid,
  ]);
  const port = rows[0]?.port;
  if (port === undefined) return undefined;
  return { name: found.worker.name, set: (traffic: Traffic | undefined) => found.worker.ledger.setLink(port, traffic) };
}
