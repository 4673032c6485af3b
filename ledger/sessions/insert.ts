import type { Direction } from '../../capacity/policy/policy.ts';
import type { ClassName, Labels, ProjectName } from '../../crds/values.ts';
import type { Sql } from '../database.ts';
import type { PoolId } from '../policy.ts';
import { type SessionState, shownState } from './states.ts';

/** A session to be queued. The id is made by us before the insert, so that a batch whose commit is in doubt can be sent again as it is. */
export type NewSession = {
  readonly id: string;
  readonly class: ClassName;
  readonly direction: Direction;
  readonly project: ProjectName | undefined;
  readonly number: string;
  readonly name: string | undefined;
  readonly labels: Labels;
  readonly context: Readonly<Record<string, unknown>> | undefined;
  readonly score: number;
  /** ISO instants. */
  readonly notBefore: string | undefined;
  readonly expiresAt: string | undefined;
  readonly idempotencyKey: string | undefined;
  /** SHA-256 of what was asked for, in hex; set whenever there is an idempotency key. */
  readonly requestHash: string | undefined;
};

export type Inserted = {
  /** The row's own id, or that of the session which took its idempotency key first. */
  readonly id: string;
  readonly state: SessionState;
  readonly class: ClassName;
  readonly created: boolean;
  /** The key belongs to a session that was asked for with other words. */
  readonly conflict: boolean;
};

/**
 * Queues a batch in one statement and one flush, in the order given. Whatever is there already is left as it is: the same id (this batch was
 * committed before, and the answer got lost) counts as created, the same idempotency key gives the session that has it.
 *
 * `channel` is notified with the commit. Two batches that share keys in opposite order may deadlock; PostgreSQL ends one of them, and sending it again is safe.
 */
export async function insertSessions(
  sql: Sql,
  poolId: PoolId,
  rows: readonly NewSession[],
  channel: string | null = null,
): Promise<readonly Inserted[]> {
  const { rows: made } = await sql.query<{ id: string; ready: boolean }>({
    name: 'insert-sessions',
    text: insertion,
    values: [poolId, JSON.stringify(rows), channel],
  });
  const created = new Set(made.map((row) => row.id));
  const others = rows.filter((row) => !created.has(row.id));
  const known = others.length === 0 ? undefined : await findExisting(sql, poolId, others);
  return rows.map((row) => {
    if (created.has(row.id)) return { id: row.id, state: 'queued', class: row.class, created: true, conflict: false };
    const existing = known?.(row);
    if (existing === undefined) throw new Error(`session ${row.id} was neither queued nor there before`);
    return existing;
  });
}

const insertion = `
  with made as (insert into session (id, pool_id, class, direction, state, ready, ready_at, score, project, number, name, labels, context, idempotency_key,
    request_hash, not_before, expires_at)
  select x.id, $1, x.class, x.direction, 'queued', coalesce(x."notBefore" <= t.now, true), greatest(t.now, x."notBefore"), x.score, x.project,
    x.number, x.name, x.labels, x.context, x."idempotencyKey", decode(x."requestHash", 'hex'), x."notBefore", x."expiresAt"
  from json_to_recordset($2::json) as x(id uuid, class text, direction text, project text, number text, name text, labels jsonb, context jsonb,
      score int, "notBefore" timestamptz, "expiresAt" timestamptz, "idempotencyKey" text, "requestHash" text)
    cross join (select clock_timestamp() as now) t
  on conflict do nothing
  returning id, ready),
  woken as (select pg_notify($3, '') where $3::text is not null)
  select id, ready, (select count(*) from woken) as woken from made`;

/** Sessions that are there already for these rows, by id or by idempotency key. A row that has none gives undefined. */
export async function findExisting(
  sql: Sql,
  poolId: PoolId,
  rows: readonly NewSession[],
): Promise<(row: NewSession) => Inserted | undefined> {
  const { rows: found } = await sql.query<{ id: string; class: ClassName; state: SessionState; key: string | null; hash: string | null }>({
    name: 'find-existing-sessions',
    text: `
      select s.id, s.class, ${shownState} as state, s.idempotency_key as key, encode(s.request_hash, 'hex') as hash
      from session s left join attempt a on a.id = s.attempt_id
      where s.pool_id = $1 and (s.id = any($2::uuid[]) or s.idempotency_key = any($3::text[]))`,
    values: [poolId, rows.map((row) => row.id), rows.flatMap((row) => row.idempotencyKey ?? [])],
  });
  const byId = new Map(found.map((one) => [one.id, one]));
  const byKey = new Map(found.map((one) => [one.key, one]));
  return (row) => {
    const own = byId.get(row.id);
    if (own !== undefined) return { id: own.id, state: own.state, class: own.class, created: true, conflict: false };
    const other = row.idempotencyKey === undefined ? undefined : byKey.get(row.idempotencyKey);
    if (other === undefined) return undefined;
    return { id: other.id, state: other.state, class: other.class, created: false, conflict: other.hash !== row.requestHash };
  };
}
