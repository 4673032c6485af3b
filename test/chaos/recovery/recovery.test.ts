import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { until } from '../waiting.ts';
import { startWorld, type World } from '../world.ts';
import { killed } from './cases.ts';
import { recoveryStage } from './stage.ts';

/** Lines change hands: so many were given back since the workers came up. */
async function untilAtWork({ database, poolId, workers }: World, freed: number, signal: AbortSignal): Promise<void> {
  const atWork = await until(
    async () => {
      const { rows } = await database.query('select from attempt where pool_id = $1 and released_at is not null', [poolId]);
      return rows.length >= freed && workers.every(({ port }) => port !== undefined) ? 'yes' : undefined;
    },
    { ms: 30_000, everyMs: 50, signal },
  );
  if (atWork === undefined) throw new Error(`${freed} lines were not given back within 30 s`);
}

test('soon after the dispatcher is killed another one admits', { timeout: 120_000 }, async ({ signal }) => {
  const directory = await mkdtemp('/tmp/trunkline-recovery-');
  await chmod(directory, 0o711);
  await using resources = new AsyncDisposableStack();
  const world = await startWorld(recoveryStage({ lines: 30, leads: 900, workers: 2 }), directory, resources);
  await world.simulator.startTraffic(world.url, world.token);
  const taken: number[] = [];
  // A machine that is busy with other tests may be late once; a pool that fails over too slowly is late every time.
  while (taken.length < 3 && !taken.some((ms) => ms <= killed.atMostMs)) {
    await untilAtWork(world, 10 * (taken.length + 1), signal);
    taken.push(await killed.measure(world, signal));
  }
  expect(Math.min(...taken), `milliseconds until the next admission: ${taken.join(', ')}`).toBeLessThanOrEqual(killed.atMostMs);
  await resources.disposeAsync();
  await rm(directory, { recursive: true, force: true });
});
