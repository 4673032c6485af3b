import { between, chance } from '../dice.ts';
import { type Family, nothing } from '../fault.ts';
import { pause, until } from '../waiting.ts';
import type { ChaosWorker } from '../workers.ts';
import type { World } from '../world.ts';

/**
 * A sender that stands still between its claim and its request, and wakes when others have taken over: what it claimed is committed as `sending`, but the
 * answer of the ledger is held on the wire until the process is stopped. Awake again, it reads an answer that is seconds old.
 */
export const stoppedSender: Family = {
  name: 'sender stopped between claim and request',
  group: 'workers',
  lacks: nothing,
  draw(random, { workers }) {
    const index = between(random, 0, workers - 1);
    // Beyond 10 s the others have declared it dead.
    const forMs = chance(random, 0.5) ? between(random, 10_500, 12_000) : between(random, 900, 5_000);
    return {
      told: `worker ${index + 1} for ${forMs} ms`,
      atMs: between(random, 1_000, 2_500),
      lastsMs: forMs + 2_000,
      refusals: 'none',
      flow: 'goes-on',
      async inflict(world, signal) {
        const worker = world.workers[index];
        if (worker === undefined) return;
        const caught = await until(() => catchClaim(world, worker), { ms: 5_000, everyMs: 200, signal });
        if (caught === undefined) return world.note(`${worker.name} claimed nothing`);
        world.note(`${worker.name} stands still with ${caught.length} claims: ${caught.join(', ')}`);
        await pause(forMs, signal);
        worker.signal('SIGCONT');
        world.note(`${worker.name} goes on`);
      },
    };
  },
};

/** Holds the ledger's answers to a worker until it has claims that it does not know of, and stops it. */
async function catchClaim(world: World, worker: ChaosWorker): Promise<readonly string[] | undefined> {
  const { database, poolId } = world;
  worker.ledger.set({ kind: 'deaf' });
  try {
    const claims = await until(
      async () => {
        const { rows } = await database.query<{ id: string }>(
          `select a.id from attempt a join worker w on w.id = a.owner
           where a.pool_id = $1 and w.name = $2 and a.state = 'sending' and a.released_at is null and a.call_id is null
             and a.sending_at > clock_timestamp() - interval '300 ms'`,
          [poolId, worker.name],
        );
        return rows.length > 0 ? rows.map(({ id }) => id) : undefined;
      },
      { ms: 400, everyMs: 5, signal: new AbortController().signal },
    );
    return claims !== undefined && worker.signal('SIGSTOP') ? claims : undefined;
  } finally {
    worker.ledger.set({ kind: 'pass' });
  }
}
