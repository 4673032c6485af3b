import pg from 'pg';
import { signalProcess } from '../../../standalone/postmaster.ts';
import { between, chance, oneOf } from '../dice.ts';
import { type Family, nothing, type Stage } from '../fault.ts';
import { pause } from '../waiting.ts';
import type { World } from '../world.ts';

/** A PostgreSQL that is killed, restarted, slow, or has no connection left. */

/** Callers take lines while nobody can write that down. */
const refusalsWith = ({ spec }: Stage) => (spec.classes.some(({ direction }) => direction !== 'Outbound') ? 'explained' : 'none');

export const serverKilled: Family = {
  name: 'PostgreSQL kill -9',
  group: 'database',
  lacks: nothing,
  draw(random, stage) {
    const awayMs = between(random, 0, 5_000);
    return {
      told: `away for ${awayMs} ms`,
      atMs: between(random, 1_500, 7_000),
      lastsMs: awayMs + 3_000,
      refusals: refusalsWith(stage),
      flow: 'goes-on',
      async inflict({ server }, signal) {
        await server.kill();
        await pause(awayMs, signal);
        await server.start();
      },
    };
  },
};

export const serverRestarted: Family = {
  name: 'PostgreSQL restart',
  group: 'database',
  lacks: nothing,
  draw(random, stage) {
    const how = oneOf(random, ['fast', 'immediate'] as const);
    const awayMs = between(random, 0, 5_000);
    return {
      told: `${how}, away for ${awayMs} ms`,
      atMs: between(random, 1_500, 7_000),
      lastsMs: awayMs + 3_000,
      refusals: refusalsWith(stage),
      flow: 'goes-on',
      async inflict({ server }, signal) {
        await server.shutDown(how);
        await pause(awayMs, signal);
        await server.start();
      },
    };
  },
};

export const serverSlow: Family = {
  name: 'PostgreSQL slow',
  group: 'database',
  lacks: nothing,
  draw(random, stage) {
    const stops = between(random, 3, 8);
    const [stoppedMs, betweenMs] = [between(random, 100, 900), between(random, 50, 400)];
    return {
      told: `all backends stand still ${stops} times for ${stoppedMs} ms, ${betweenMs} ms apart`,
      atMs: between(random, 1_000, 5_000),
      lastsMs: stops * (stoppedMs + betweenMs),
      refusals: refusalsWith(stage),
      flow: 'goes-on',
      async inflict({ server }, signal) {
        for (let time = 0; time < stops && !signal.aborted; time += 1) {
          const [, ...backends] = await server.processes();
          for (const pid of backends) signalProcess(pid, 'SIGSTOP');
          await pause(stoppedMs, signal);
          for (const pid of backends) signalProcess(pid, 'SIGCONT');
          await pause(betweenMs, signal);
        }
      },
    };
  },
};

export const serverFull: Family = {
  name: 'PostgreSQL out of connections',
  group: 'database',
  lacks: nothing,
  draw(random, stage) {
    const forMs = between(random, 2_000, 7_000);
    const severs = chance(random, 0.6);
    return {
      told: `all taken for ${forMs} ms${severs ? ', those of the workers too' : ''}`,
      atMs: between(random, 1_000, 6_000),
      lastsMs: forMs + 2_000,
      refusals: refusalsWith(stage),
      flow: 'goes-on',
      inflict: (world, signal) => takeConnections(world, { forMs, severs }, signal),
    };
  },
};

async function takeConnections(
  world: World,
  how: { readonly forMs: number; readonly severs: boolean },
  signal: AbortSignal,
): Promise<void> {
  const url = world.server.urlAt(world.server.port);
  const taken: pg.Client[] = [];
  const takeAll = async (): Promise<void> => {
    for (let client = await take(url); client !== undefined && !signal.aborted; client = await take(url)) taken.push(client);
  };
  try {
    await takeAll();
    world.note(`took ${taken.length} connections`);
    if (how.severs)
      await taken[0]?.query(`select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'trunkline %'`);
    // Whoever comes back finds the place taken again.
    const overMs = performance.now() + how.forMs;
    while (performance.now() < overMs && !signal.aborted) {
      await takeAll();
      await pause(20, signal);
    }
  } finally {
    await Promise.all(taken.map((client) => client.end().catch(() => undefined)));
  }
}

/** One more connection; undefined when there is none left. */
async function take(url: string): Promise<pg.Client | undefined> {
  const client = new pg.Client({ connectionString: url, application_name: 'taken' });
  // The server may die while its connections are taken.
  client.on('error', () => undefined);
  return client.connect().then(
    () => client,
    () => undefined,
  );
}
