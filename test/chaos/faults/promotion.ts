import { join } from 'node:path';
import { between } from '../dice.ts';
import { type Family, nothing } from '../fault.ts';
import { startStandby } from '../standby.ts';
import { pause } from '../waiting.ts';
import type { World } from '../world.ts';

/**
 * A standby that has not heard the primary's last second or so becomes the primary: calls were placed in that time, sessions accepted and slots freed, of
 * which the ledger knows nothing any more.
 */
export const promotion: Family = {
  name: 'promoted replica',
  group: 'database',
  lacks: nothing,
  draw(random) {
    const lostMs = between(random, 700, 1_500);
    return {
      told: `without the last ${lostMs} ms`,
      atMs: between(random, 1_000, 4_000),
      lastsMs: 9_000,
      // Calls of the lost time hold lines until the lists have shown them.
      refusals: 'explained',
      flow: 'goes-on',
      inflict: (world, signal) => promoteStale(world, lostMs, signal),
    };
  },
};

async function promoteStale(world: World, lostMs: number, signal: AbortSignal): Promise<void> {
  const { server, workers, ownWire, note } = world;
  const standby = await startStandby(server, join(world.directory, 'standby'), signal);
  note('the standby streams');
  try {
    await pause(1_000, signal);
    const fromMs = Date.now();
    standby.wire.set({ kind: 'black-hole' });
    await pause(lostMs, signal);
    await server.kill();
    world.forgotten.push({ fromMs, toMs: Date.now() });
  } finally {
    await standby.wire.close();
    await standby.promote();
    await server.takeOver(standby.directory);
  }
  for (const wire of [ownWire, ...workers.map(({ ledger }) => ledger)]) wire.aim(server.port);
  note('the standby is the primary');
}
