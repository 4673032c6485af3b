import { setTimeout as sleep } from 'node:timers/promises';
import { beginSending } from '../ledger/attempts/begin-sending.ts';
import { endAttempts } from '../ledger/attempts/end.ts';
import { type Database, openDatabase } from '../ledger/database.ts';
import { createWaker } from '../ledger/wake.ts';
import { type Bench, percentile, type Setting } from './figure.ts';
import { benchPool, connect, enqueue, freshLedger, hearAdmissions, type Stage, setStage, startDispatcher } from './stage.ts';
import { over } from './stand-in.ts';

const full = { samples: 500, queued: 20_000 } as const;
const scales = { full, large: full, tiny: { samples: 5, queued: 100 } } as const;
const lines = 40;
const connections = 32;

/** How long a line lies idle between two calls when work waits. */
export const claimLatency: Bench = async (setting) => {
  const plain = await plainHandOvers(setting);
  const latencies = await freshHandOvers(setting);
  const figure = (percent: 50 | 99, goal: { atMost: number } | undefined) => ({
    name: `claim latency p${percent}`,
    definition: `with every line taken, a backlog, and ${connections} connections open: from the commit that ends an attempt (release lag learned: none) to the moment at which the worker of the next one has claimed it and may send`,
    unit: 'ms',
    value: percentile(latencies, percent),
    goal,
    anchor: {
      what: 'one statement ends a row and notifies, another connection hears it and claims the next with `for update skip locked`, from the start of the first to the end of the second',
      value: percentile(plain, percent),
    },
  });
  return [figure(50, undefined), figure(99, { atMost: 5 })];
};

async function freshHandOvers(setting: Setting): Promise<readonly number[]> {
  const { samples, queued } = scales[setting.scale];
  await using resources = new AsyncDisposableStack();
  const stage = await setStage(setting, benchPool(lines), resources);
  await enqueue(stage.database, stage.poolId, 'campaign', queued);
  // Awaited here: returning the promise would take everything down at once.
  return await handOvers(stage, { samples, full: lines - Math.floor(lines / 10) }, resources);
}

/** Lets `full` lines fill, then ends one call after the other; how long each took until the next had its line. */
export async function handOvers(
  stage: Stage,
  { samples, full }: { readonly samples: number; readonly full: number },
  resources: AsyncDisposableStack,
): Promise<readonly number[]> {
  const database = await manyConnections(stage.url, resources);
  const live: string[] = [];
  let claimed: (atMs: number) => void = () => undefined;
  await hearAdmissions(stage, resources, (ids) => {
    void beginSending(database, stage.poolId, stage.owner, ids).then((dials) => {
      live.push(...dials.map((dial) => dial.attemptId));
      claimed(performance.now());
    }, fail);
  });
  await startDispatcher(stage, resources);
  for (let tries = 0; live.length < full; tries += 1) {
    if (tries > 1_000) throw new Error(`the dispatcher filled ${live.length} of ${full} lines`);
    await sleep(10);
  }
  const wake = createWaker(database, stage.poolId, fail);
  const latencies: number[] = [];
  for (let index = 0; index < samples; index += 1) {
    await sleep(3 + (index % 11));
    const attemptId = live.shift();
    if (attemptId === undefined) throw new Error('no call is live');
    const next = new Promise<number>((resolve, reject) => {
      claimed = resolve;
      setTimeout(() => reject(new Error('no attempt followed within 10 s')), 10_000).unref();
    });
    await wake.withCommit((channel) => endAttempts(database, stage.poolId, [over(attemptId)], channel));
    const committedMs = performance.now();
    latencies.push((await next) - committedMs);
  }
  return latencies;
}

/** All opened at once and kept, as those of a fleet would be. */
async function manyConnections(url: string, resources: AsyncDisposableStack): Promise<Database> {
  const database = openDatabase(url, { applicationName: 'bench workers', maxConnections: connections, onError: fail });
  resources.defer(() => database.end());
  const opened = await Promise.all(Array.from({ length: connections }, () => database.connect()));
  for (const connection of opened) connection.release();
  return database;
}

async function plainHandOvers(setting: Setting): Promise<readonly number[]> {
  const { samples } = scales[setting.scale];
  await using resources = new AsyncDisposableStack();
  const { url, database } = await freshLedger(setting, resources);
  await database.query('create table plain (id int primary key, state text not null)');
  await database.query(`insert into plain select n, 'queued' from generate_series(1, $1::int) n`, [samples + 1]);
  const ears = await connect(url, 'bench ears');
  resources.defer(() => ears.end());
  await ears.query('listen plain');
  const claim = { name: 'bench-claim', text: claimNext };
  const latencies: number[] = [];
  await database.query(claim);
  for (let index = 1; index <= samples; index += 1) {
    const claimed = new Promise<number>((resolve, reject) => {
      ears.once('notification', () => void database.query(claim).then(() => resolve(performance.now()), reject));
    });
    const startedMs = performance.now();
    await database.query(
      `with over as (update plain set state = 'ended' where id = $1 returning id) select pg_notify('plain', '') from over`,
      [index],
    );
    latencies.push((await claimed) - startedMs);
  }
  return latencies;
}

const claimNext = `
  update plain set state = 'open' where id = (select id from plain where state = 'queued' order by id limit 1 for update skip locked)`;

/** A statement that fails leaves its sample without an end; nobody waits for it for ever. */
function fail(error: unknown): void {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exit(1);
}
