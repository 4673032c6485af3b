import { until } from '../waiting.ts';
import type { World } from '../world.ts';

/** What recovery is measured by. All instants are the ledger's own clock, in milliseconds. */

const foundWithinMs = 60_000;

export async function ledgerNowMs({ database }: World): Promise<number> {
  const { rows } = await database.query<{ ms: number }>('select (extract(epoch from clock_timestamp()) * 1000)::float8 as ms');
  const ms = rows[0]?.ms;
  if (ms === undefined) throw new Error('the ledger did not tell the time');
  return ms;
}

export async function epochNow({ database, poolId }: World): Promise<number> {
  const { rows } = await database.query<{ epoch: string }>('select epoch from dispatcher where pool_id = $1', [poolId]);
  return Number(rows[0]?.epoch);
}

/** Nothing came back in time. */
export class NotRecovered extends Error {
  override readonly name = 'NotRecovered';
}

/** From an instant to the first admission of a dispatcher that was elected since. */
export async function nextAdmissionMs(
  world: World,
  since: { readonly ms: number; readonly epoch: number },
  signal: AbortSignal,
): Promise<number> {
  const { database, poolId } = world;
  const atMs = await until(
    async () => {
      const { rows } = await database.query<{ ms: number | null }>(
        `select (extract(epoch from min(admitted_at)) * 1000)::float8 as ms from attempt
         where pool_id = $1 and epoch > $2 and admitted_at > to_timestamp($3::float8 / 1000)`,
        [poolId, since.epoch, since.ms],
      );
      return rows[0]?.ms ?? undefined;
    },
    { ms: foundWithinMs, everyMs: 20, signal },
  );
  if (atMs === undefined) throw new NotRecovered(`nothing was admitted within ${foundWithinMs / 1_000} s`);
  return atMs - since.ms;
}

/** Resolves when all workers serve, one of them dispatches, the lines are nearly all taken and change hands. */
export async function untilSteady(world: World, signal: AbortSignal): Promise<void> {
  const { database, poolId, workers, draw } = world;
  const lines = draw.spec.subscriptions.reduce((sum, { concurrencyLimit }) => sum + concurrencyLimit, 0);
  const steady = await until(
    async () => {
      const { rows } = await database.query<{ bound: number; freed: number; serving: number; beats: boolean }>(
        `select (select count(*) from attempt where pool_id = $1 and state = 'bound')::int as bound,
           (select count(*) from attempt where pool_id = $1 and released_at > clock_timestamp() - interval '1 s')::int as freed,
           (select count(*) from worker where pool_id = $1 and state = 'serving' and beat_at > clock_timestamp() - interval '2 s')::int as serving,
           exists (select from dispatcher where pool_id = $1 and beat_at > clock_timestamp() - interval '1 s') as beats`,
        [poolId],
      );
      const row = rows[0];
      const all = workers.every(({ port }) => port !== undefined);
      return all && row?.beats && row.serving >= workers.length && row.bound >= lines * 0.8 && row.freed >= 5 ? row : undefined;
    },
    { ms: foundWithinMs, everyMs: 100, signal },
  );
  if (steady === undefined) throw new NotRecovered(`the pool is not at work again within ${foundWithinMs / 1_000} s`);
}
