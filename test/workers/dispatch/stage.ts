import pg from 'pg';
import { pino } from 'pino';
import { expect, onTestFinished, vi } from 'vitest';
import { z } from 'zod';
import { readManifest } from '../../../crds/manifest.ts';
import { beginSending } from '../../../ledger/attempts/begin-sending.ts';
import { bindAttempt } from '../../../ledger/attempts/bind.ts';
import { connectionConfig, type Database } from '../../../ledger/database.ts';
import { standForElection } from '../../../ledger/election.ts';
import { writeLimiters } from '../../../ledger/limiters.ts';
import { type PoolId, writePolicy } from '../../../ledger/policy.ts';
import { beatWorker, registerWorker } from '../../../ledger/workers.ts';
import { dispatch } from '../../../workers/dispatch/dispatcher.ts';
import { freshLedger } from '../../support/ledger.ts';
import { aBeat } from '../../support/worker.ts';

/** A dispatcher at work on a real ledger, and what its surroundings do. */

const manifestText = (limit: number, vipReserved: number, mode: string) => `
apiVersion: trunkline.dev/v1alpha1
kind: VoiceCapacityPool
metadata: {name: sales}
spec:
  mode: ${mode}
  subscriptions:
    - name: main
      concurrencyLimit: ${limit}
      projects:
        - name: front
          apiKeySecretRef: {name: vapi, key: apiKey}
          requestsPerMinute: 100000
          assistants: [{name: seller, id: a1}, {name: reception, id: a2}]
          phoneNumbers: [{id: n1, number: "+14155550100"}]
  classes:
    - {name: vip, priority: 1000, direction: Inbound, assistant: reception, reserved: ${vipReserved}}
    - {name: campaign, priority: 100, direction: Outbound, assistant: seller}
    - {name: callback, priority: 500, direction: Outbound, assistant: seller}
`;

export type Stage = {
  readonly database: Database;
  readonly url: string;
  readonly poolId: PoolId;
  readonly owner: number;
  readonly stop: () => Promise<void>;
  /** Names of the statements that the dispatcher has run, or their texts where they have none. */
  readonly asked: () => readonly string[];
  /** Lets the dispatcher's time pass. */
  readonly skip: (ms: number) => void;
};

type Traits = {
  readonly vipReserved?: number;
  readonly mode?: string;
  /** Makes another declaration of it. */
  readonly edit?: (manifest: string) => string;
  /** What earlier dispatchers have learned, by the name that they kept it under. */
  readonly learned?: Readonly<Record<string, unknown>>;
};

/** Puts a declaration into force, over the one before. */
export async function declare(database: Database, limit: number, { vipReserved = 0, mode = 'Active', edit = (text) => text }: Traits) {
  const read = readManifest(edit(manifestText(limit, vipReserved, mode)), 'test.yaml');
  if (!read.ok) throw new Error(JSON.stringify(read.problems));
  const { metadata, spec } = read.manifest;
  const { poolId } = await writePolicy(database, metadata.name, spec);
  return { metadata, poolId };
}

const statementName = z.union([z.string(), z.looseObject({ name: z.string() }).transform(({ name }) => name)]);

/** A pool with a dispatcher at work, and one worker that owns what is admitted. */
export async function stage(limit: number, options: Traits = {}): Promise<Stage> {
  const { database, url } = await freshLedger();
  const { metadata, poolId } = await declare(database, limit, options);
  await writeLimiters(database, poolId, new Map(Object.entries(options.learned ?? {})));
  const worker = await connect(url, 'worker');
  const owner = await registerWorker(worker, poolId, 'w1');
  const beats = setInterval(() => void beatWorker(database, owner, aBeat()).catch(() => undefined), 500);
  const connection = await connect(url, 'dispatcher');
  const election = await standForElection(connection, poolId, owner);
  if (!election.elected) throw new Error('not elected');
  const queries = vi.spyOn(connection, 'query');
  let skippedMs = 0;
  const stop = new AbortController();
  const running = dispatch(
    {
      connection,
      poolId,
      pool: metadata.name,
      workerId: owner,
      epoch: election.epoch,
      seq: election.seq,
      now: () => performance.now() + skippedMs,
      random: () => 0.5,
      log: pino({ level: 'silent' }),
    },
    stop.signal,
  );
  running.catch(() => undefined);
  const end = async () => {
    stop.abort();
    await running;
    clearInterval(beats);
    await connection.end();
    await worker.end();
  };
  onTestFinished(end);
  return {
    database,
    url,
    poolId,
    owner,
    stop: end,
    asked: () => queries.mock.calls.map(([query]: readonly unknown[]) => statementName.parse(query)),
    skip: (ms) => {
      skippedMs += ms;
    },
  };
}

/** A connection of its own; its end comes with the database's at the latest. */
async function connect(url: string, applicationName: string): Promise<pg.Client> {
  const client = new pg.Client(connectionConfig(url, { applicationName }));
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

export async function enqueue(
  { database, poolId }: Stage,
  rows: readonly { readonly class: string; readonly number: string; readonly score?: number }[],
) {
  await database.query(
    `insert into session (id, pool_id, class, direction, state, number, score)
     select gen_random_uuid(), $1, x.class, 'Outbound', 'queued', x.number, coalesce(x.score, 0)
     from jsonb_to_recordset($2::jsonb) as x(class text, number text, score int)`,
    [poolId, JSON.stringify(rows)],
  );
  await database.query(`select pg_notify('trunkline_dispatch_' || $1, '')`, [poolId]);
}

export const numbers = (count: number, from = 1) =>
  Array.from({ length: count }, (_, index) => `+1212556${String(from + index).padStart(4, '0')}`);

/** So many sessions of the campaign, each with a number of its own. */
export const leads = (count: number) => numbers(count).map((number) => ({ class: 'campaign', number }));

export async function admitted({ database }: Stage): Promise<readonly { id: string; class: string; number: string; session_id: string }[]> {
  const { rows } = await database.query(`select id, class, number, session_id from attempt where state = 'admitted' order by seq`);
  return rows;
}

export async function untilAdmitted(on: Stage, count: number) {
  await vi.waitFor(async () => expect((await admitted(on)).length).toBe(count), { timeout: 10_000, interval: 20 });
  return admitted(on);
}

/** The one admission there is now. */
export async function nextAdmitted(on: Stage) {
  const [next] = await untilAdmitted(on, 1);
  if (next === undefined) throw new Error('nothing is admitted');
  return next;
}

/** Waits until so many are admitted, and sends them. */
export async function sendAdmitted(on: Stage, count: number): Promise<void> {
  const ids = (await untilAdmitted(on, count)).map(({ id }) => id);
  await send(on, ids);
}

/** Plays the worker: sends and binds. */
export async function send(on: Stage, ids: readonly string[]) {
  const dials = await beginSending(on.database, on.poolId, on.owner, ids);
  for (const dial of dials) {
    await bindAttempt(on.database, on.poolId, {
      by: 'answer',
      attemptId: dial.attemptId,
      callId: `call-${dial.attemptId}`,
      controlUrl: undefined,
      boundForMs: 60_000,
      limits: undefined,
    });
  }
  return dials;
}

/** The end of a conversation, and of its session. */
export const over = (attemptId: string) => ({
  attemptId,
  outcome: 'Normal' as const,
  endedReason: 'customer-ended-call',
  line: 'taken' as const,
  session: { next: 'end' as const, outcome: 'Completed' as const, reason: 'Normal' },
  limits: undefined,
  withResults: false,
  resultDelayMs: 0,
});

/** What the dispatcher shows. */
export const viewOf = async ({ database }: Stage) => (await database.query('select view from dispatcher')).rows[0]?.view;

/** A caller rings, and a worker enters the call by the newest policy. */
export async function arrives(on: Stage, { subscription = 'main', callId = 'call-1' } = {}): Promise<void> {
  await on.database.query(
    `with entered as (
       insert into session (id, pool_id, class, direction, state, ready, attempt_id)
       values (gen_random_uuid(), $1, 'vip', 'Inbound', 'open', false, gen_random_uuid()) returning id, attempt_id),
     made as (
       insert into attempt (id, pool_id, session_id, class, direction, project, subscription, state, owner, call_id, policy_version)
       select attempt_id, $1, id, 'vip', 'Inbound', 'front', $3, 'pending', $2, $4, (select max(version) from policy) from entered returning id)
     insert into signal (pool_id, kind, attempt_id) select $1, 'arrived', id from made`,
    [on.poolId, on.owner, subscription, callId],
  );
}
