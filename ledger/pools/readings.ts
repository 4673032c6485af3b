import type { Sql } from '../database.ts';
import type { PoolId } from '../policy.ts';
import { type WorkerState, type WorkerTrouble, workerTrouble } from '../workers.ts';

/** What an operator reads of many pools at once, beside their load: what their workers act on, and what keeps these from their work. */

export type PoolStanding = {
  readonly poolId: PoolId;
  readonly ledgerId: string;
  /** It was closed: its object was gone, or somebody who knew less than we took it for gone. */
  readonly closed: boolean;
  readonly newest: { readonly version: number; readonly generation: number | undefined } | undefined;
  readonly workers: readonly StandingWorker[];
  /** Holds in force; without a class, of the whole pool. */
  readonly holds: readonly { readonly class: string | undefined; readonly untilMs: number | undefined }[];
};

export type StandingWorker = {
  readonly name: string;
  readonly state: WorkerState;
  readonly beatAgeMs: number;
  /** Undefined: it has not said yet. */
  readonly appliedGeneration: number | undefined;
  readonly troubles: readonly WorkerTrouble[] | undefined;
  readonly drainAsked: boolean;
};

/** Rows of workers that nobody has heard of for longer tell nothing about now. */
const heardWithin = '1 min';

/** SQL: a row for each pool of `$1`; each part by the index that begins with the pool. */
export const readStandingsStatement = `
  select pools.id as pool_id, p.ledger_id, p.closed_at is not null as closed, newest.version, newest.generation, coalesce(w.workers, '[]') as workers, coalesce(o.holds, '[]') as holds
  from unnest($1::int[]) as pools(id)
  join pool p on p.id = pools.id
  left join lateral (select version, generation from policy where pool_id = pools.id order by version desc limit 1) newest on true
  left join lateral (
    select jsonb_agg(jsonb_build_object('name', w.name, 'state', w.state, 'asked', w.phase_asked, 'troubles', w.troubles,
      'beatAgeMs', greatest(0, (extract(epoch from statement_timestamp() - w.beat_at) * 1000)::float8),
      'generation', (select generation from policy where pool_id = pools.id and version = w.applied_version)) order by w.id) as workers
    from worker w where w.pool_id = pools.id and w.state <> 'gone' and w.beat_at > statement_timestamp() - interval '${heardWithin}') w on true
  left join lateral (
    select jsonb_agg(jsonb_build_object('class', class, 'until', (extract(epoch from until) * 1000)::float8) order by class) as holds
    from overlay where pool_id = pools.id and kind = 'hold' and (until is null or until > statement_timestamp())) o on true`;

type Row = {
  readonly pool_id: PoolId;
  readonly ledger_id: string;
  readonly closed: boolean;
  readonly version: string | null;
  readonly generation: string | null;
  readonly workers: readonly {
    readonly name: string;
    readonly state: WorkerState;
    readonly asked: string | null;
    readonly troubles: unknown;
    readonly beatAgeMs: number;
    readonly generation: number | null;
  }[];
  readonly holds: readonly { readonly class: string; readonly until: number | null }[];
};

/** One statement, however many pools. */
export async function readStandings(sql: Sql, poolIds: readonly PoolId[]): Promise<ReadonlyMap<PoolId, PoolStanding>> {
  if (poolIds.length === 0) return new Map();
  const { rows } = await sql.query<Row>({ name: 'read-standings', text: readStandingsStatement, values: [poolIds] });
  return new Map(rows.map((row) => [row.pool_id, standingOf(row)]));
}

function standingOf(row: Row): PoolStanding {
  return {
    poolId: row.pool_id,
    ledgerId: row.ledger_id,
    closed: row.closed,
    newest:
      row.version === null
        ? undefined
        : { version: Number(row.version), generation: row.generation === null ? undefined : Number(row.generation) },
    workers: row.workers.map(({ name, state, asked, troubles, beatAgeMs, generation }) => ({
      name,
      state,
      beatAgeMs,
      appliedGeneration: generation ?? undefined,
      troubles: troublesOf(troubles),
      drainAsked: asked === 'drain',
    })),
    holds: row.holds.map((hold) => ({ class: hold.class === '' ? undefined : hold.class, untilMs: hold.until ?? undefined })),
  };
}

/** A worker of a newer release may have troubles that this one does not know: the others are told. */
function troublesOf(told: unknown): readonly WorkerTrouble[] | undefined {
  if (!Array.isArray(told)) return undefined;
  return told.flatMap((one: unknown) => {
    const parsed = workerTrouble.safeParse(one);
    return parsed.success ? [parsed.data] : [];
  });
}

/** How many connections the server takes and how many are taken, by whomever; and how many pools share the ledger. */
export type LedgerRoom = { readonly maxConnections: number; readonly inUse: number; readonly pools: number };

export async function readLedgerRoom(sql: Sql): Promise<LedgerRoom> {
  const { rows } = await sql.query<{ most: number; taken: number; pools: number }>({
    name: 'read-ledger-room',
    // What is kept for administrators is not for workers.
    text: `select current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int as most,
             (select count(*)::int from pg_stat_activity where backend_type = 'client backend') as taken,
             (select count(*)::int from pool where closed_at is null) as pools`,
  });
  const [row] = rows;
  if (row === undefined) throw new Error('the ledger did not say how many connections it takes');
  return { maxConnections: row.most, inUse: row.taken, pools: row.pools };
}
