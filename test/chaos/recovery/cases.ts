import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { dispatchingWorker } from '../observe.ts';
import { pause, until } from '../waiting.ts';
import type { ChaosWorker } from '../workers.ts';
import type { World } from '../world.ts';
import { epochNow, ledgerNowMs, NotRecovered, nextAdmissionMs } from './observe.ts';
import { projects } from './stage.ts';

/** One thing that goes wrong, from that moment to the one in which all is well again. */
export type RecoveryCase = {
  readonly name: string;
  /** From where to where. */
  readonly measures: string;
  readonly atMostMs: number;
  /** Hurts, measures and heals. Milliseconds. */
  readonly measure: (world: World, signal: AbortSignal) => Promise<number>;
};

async function dispatcher(world: World): Promise<ChaosWorker> {
  const worker = await dispatchingWorker(world);
  if (worker === undefined) throw new NotRecovered('nobody dispatches');
  return worker;
}

export const killed: RecoveryCase = {
  name: 'dispatcher killed',
  measures: 'kill -9 of the dispatching worker → next admission',
  atMostMs: 2_000,
  async measure(world, signal) {
    const worker = await dispatcher(world);
    const since = { epoch: await epochNow(world), ms: await ledgerNowMs(world) };
    worker.signal('SIGKILL');
    return nextAdmissionMs(world, since, signal);
  },
};

const stopped: RecoveryCase = {
  name: 'dispatcher stopped',
  measures: 'SIGSTOP of the dispatching worker → next admission',
  atMostMs: 6_000,
  async measure(world, signal) {
    const worker = await dispatcher(world);
    const since = { epoch: await epochNow(world), ms: await ledgerNowMs(world) };
    worker.signal('SIGSTOP');
    try {
      return await nextAdmissionMs(world, since, signal);
    } finally {
      worker.signal('SIGCONT');
    }
  },
};

const blackHoled: RecoveryCase = {
  name: 'dispatcher cut off',
  measures: "the dispatching worker's packets to PostgreSQL vanish → next admission",
  atMostMs: 6_000,
  async measure(world, signal) {
    const worker = await dispatcher(world);
    const since = { epoch: await epochNow(world), ms: await ledgerNowMs(world) };
    worker.ledger.set({ kind: 'black-hole' });
    try {
      return await nextAdmissionMs(world, since, signal);
    } finally {
      worker.ledger.set({ kind: 'pass' });
    }
  },
};

const restarted: RecoveryCase = {
  name: 'PostgreSQL restarted',
  measures: 'it accepts connections again → next admission',
  atMostMs: 5_000,
  async measure(world, signal) {
    const epoch = await epochNow(world);
    await world.server.kill();
    await pause(1_000, signal);
    return flowsAgainMs(world, epoch, signal);
  },
};

/** Starts the server and measures from the first answer that it gives. */
async function flowsAgainMs(world: World, epoch: number, signal: AbortSignal): Promise<number> {
  await world.server.start();
  const ms = await until(() => ledgerNowMs(world), { ms: 30_000, everyMs: 20, signal });
  if (ms === undefined) throw new NotRecovered('PostgreSQL does not answer');
  return nextAdmissionMs(world, { epoch, ms }, signal);
}

const leastLive = 25;

const watched: RecoveryCase = {
  name: 'worker killed with live sessions',
  measures: `kill -9 of a watching worker with at least ${leastLive} live sessions → the calls of their projects are listed again`,
  atMostMs: 5_000,
  async measure(world, signal) {
    const { worker, ids } = await watcherWithSessions(world, signal);
    const sinceMs = await ledgerNowMs(world);
    worker.signal('SIGKILL');
    const atMs = await until(async () => ((await allWatched(world, sinceMs)) ? ledgerNowMs(world) : undefined), {
      ms: 30_000,
      everyMs: 20,
      signal,
    });
    if (atMs === undefined) throw new NotRecovered('nobody watches the sessions');
    const { rows } = await world.database.query(
      `select from attempt where id = any($1) and (outcome is null or outcome in ('Normal', 'Busy', 'NoAnswer', 'Voicemail'))`,
      [ids],
    );
    if (rows.length !== ids.length) throw new NotRecovered(`${ids.length - rows.length} of ${ids.length} live sessions were lost`);
    return atMs - sinceMs;
  },
};

async function watcherWithSessions(
  world: World,
  signal: AbortSignal,
): Promise<{ readonly worker: ChaosWorker; readonly ids: readonly string[] }> {
  const found = await until(
    async () => {
      const { rows } = await world.database.query<{ name: string; ids: readonly string[] }>(
        `select w.name, array_agg(a.id) as ids from worker w join attempt a on a.owner = w.id and a.state = 'bound'
         where w.id = (select owner from project_watch where pool_id = $1 and project = $2) group by w.name`,
        [world.poolId, projects[0]],
      );
      const worker = world.workers.find(({ name }) => name === rows[0]?.name);
      const ids = rows[0]?.ids ?? [];
      return worker !== undefined && ids.length >= leastLive ? { worker, ids } : undefined;
    },
    { ms: 30_000, everyMs: 50, signal },
  );
  if (found === undefined) throw new NotRecovered(`no watching worker has ${leastLive} live sessions`);
  return found;
}

async function allWatched({ database, poolId }: World, sinceMs: number): Promise<boolean> {
  const { rows } = await database.query(
    `select from project_watch where pool_id = $1 and project = any($2) and polled_until > to_timestamp($3::float8 / 1000)
       and lease_until > clock_timestamp()`,
    [poolId, projects, sinceMs],
  );
  return rows.length === projects.length;
}

/** The ledger is away for so long. Meanwhile every webhook must be refused so that the provider sends it again, and no worker may end. */
export function ledgerAway(seconds: number): RecoveryCase {
  return {
    name: `database away for ${seconds} s`,
    measures: 'it accepts connections again → next admission; webhooks are refused with 503 meanwhile, and no worker ends',
    atMostMs: 5_000,
    async measure(world, signal) {
      const epoch = await epochNow(world);
      await world.server.kill();
      const backAtMs = performance.now() + seconds * 1_000;
      const statuses = new Map<number | string, number>();
      while (performance.now() < backAtMs && !signal.aborted) {
        const status = await sendWebhook(world);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        await pause(1_000, signal);
      }
      const told = [...statuses].map(([status, times]) => `${status} × ${times}`).join(', ');
      world.note(`webhooks while the database was away: ${told}`);
      const again = await flowsAgainMs(world, epoch, signal);
      if ([...statuses.keys()].some((status) => status !== 503)) throw new NotRecovered(`webhooks were answered ${told}`);
      if (world.workers.some(({ port }) => port === undefined)) throw new NotRecovered('a worker ended while the database was away');
      return again;
    },
  };
}

async function sendWebhook({ directory, url }: World): Promise<number | string> {
  const secret = (await readFile(join(directory, 'secrets', projects[0], 'webhookSecret'), 'utf8')).trim();
  const body = {
    message: { type: 'status-update', status: 'in-progress', timestamp: Date.now(), call: { id: 'call-of-nobody', orgId: 'org' } },
  };
  try {
    const response = await fetch(`${url}/v1/vapi/${projects[0]}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-vapi-secret': secret },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(20_000),
    });
    await response.arrayBuffer();
    return response.status;
  } catch (error) {
    return error instanceof Error ? error.name : 'failed';
  }
}

export const cases: readonly RecoveryCase[] = [killed, stopped, blackHoled, restarted, watched];
